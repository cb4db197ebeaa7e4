use std::net::{IpAddr, SocketAddr};

use actix_web::{HttpRequest, http::header};
use ipnet::IpNet;

/// The proxies in front of the service. What they say about the address of a client is believed.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    pub const fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    /// The address that the limits of a client count for. An IPv6 client has a whole network of 64 bits, so it counts as one
    /// address.
    pub(crate) fn client_address(&self, request: &HttpRequest) -> Option<IpAddr> {
        let peer = request.peer_addr()?.ip();
        let lines = request.headers().get_all(header::X_FORWARDED_FOR).filter_map(|line| line.to_str().ok());
        let address = self.behind(peer, lines.flat_map(|line| line.split(',')));
        Some(match address {
            IpAddr::V4(_) => address,
            IpAddr::V6(address) => IpAddr::V6((address.to_bits() >> 64 << 64).into()),
        })
    }

    /// The last address that no trusted proxy has. Each proxy adds the address that it saw to the end of the list, and a client
    /// can send a list of its own: what is in front of the first stranger may be invented.
    fn behind<'t>(&self, peer: IpAddr, forwarded: impl Iterator<Item = &'t str>) -> IpAddr {
        let mut address = peer.to_canonical();
        let forwarded: Vec<&str> = forwarded.collect();
        for text in forwarded.into_iter().rev() {
            if !self.0.iter().any(|network| network.contains(&address)) {
                break;
            }
            let Some(before) = parse(text.trim()) else { break };
            address = before.to_canonical();
        }
        address
    }
}

/// Some proxies add the port.
fn parse(text: &str) -> Option<IpAddr> {
    text.parse().ok().or_else(|| text.parse().ok().map(|address: SocketAddr| address.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_trusted_proxies_say_is_believed() {
        let proxies = TrustedProxies(vec!["10.0.0.0/8".parse().unwrap(), "2001:db8::1/128".parse().unwrap()]);
        for (peer, forwarded, address) in [
            ("192.0.2.1", "198.51.100.7", "192.0.2.1"),
            ("10.0.0.1", "", "10.0.0.1"),
            ("10.0.0.1", "198.51.100.7", "198.51.100.7"),
            ("::ffff:10.0.0.1", "198.51.100.7", "198.51.100.7"),
            ("10.0.0.1", "203.0.113.9, 198.51.100.7", "198.51.100.7"),
            ("10.0.0.1", "203.0.113.9, 198.51.100.7, 10.2.3.4", "198.51.100.7"),
            ("2001:db8::1", " 198.51.100.7:4711 ,[2001:db8::1]:80", "198.51.100.7"),
            ("10.0.0.1", "198.51.100.7, unknown", "10.0.0.1"),
            ("10.0.0.1", "10.0.0.3,10.0.0.2", "10.0.0.3"),
        ] {
            let found = proxies.behind(peer.parse().unwrap(), forwarded.split(','));
            assert_eq!(found, address.parse::<IpAddr>().unwrap(), "{peer} says {forwarded}");
        }
    }
}
