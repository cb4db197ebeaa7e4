use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

use ipnet::IpNet;

/// Parses an address, or resolves a host name. IPv4 comes first: clients that know no IPv6 find it, too.
pub(super) fn socket_address(text: &str) -> Result<SocketAddr, String> {
    const ALLOWED: &str = "use ADDRESS:PORT or HOST:PORT, e.g. 127.0.0.1:8000, [::1]:8000 or localhost:8000";
    if text.rsplit_once(':').is_none_or(|(host, port)| host.is_empty() || port.parse::<u16>().is_err()) {
        return Err(format!("invalid socket address: {ALLOWED}"));
    }
    let resolved = text.to_socket_addrs().map_err(|error| format!("{error}: {ALLOWED}"))?;
    let addresses: Vec<SocketAddr> = resolved.collect();
    let first = addresses.iter().find(|address| address.is_ipv4()).or(addresses.first());
    first.copied().ok_or_else(|| format!("the host has no address: {ALLOWED}"))
}

/// Parses a network, or one address.
pub(super) fn network(text: &str) -> Result<IpNet, String> {
    let text = text.trim();
    let address = text.parse::<IpAddr>().map(IpNet::from).ok();
    address
        .or_else(|| text.parse().ok())
        .ok_or_else(|| "use an address or a network, e.g. 10.0.0.1 or 10.0.0.0/8".to_owned())
}
