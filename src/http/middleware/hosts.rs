use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use actix_web::{
    HttpRequest,
    http::{
        Uri,
        header::{self, HeaderValue},
    },
};

use crate::http::response::{code::Code, problem::Problem};

/// The hosts that the service answers to.
///
/// Any page in a browser on this machine can reach a service on loopback: its server lets its own name resolve to
/// 127.0.0.1 (DNS rebinding). The browser then sends that name as the host, so a service without credentials must not
/// answer to it.
#[derive(Clone, Debug)]
pub struct AllowedHosts(Option<Vec<Host>>);

/// A host, without its port.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Host {
    /// In lower case, without the dot at the end.
    Name(String),
    Address(IpAddr),
}

impl AllowedHosts {
    /// The loopback names, the address that the service is bound to, and the listed ones. A service that is bound to
    /// another address than loopback answers to any host if none is listed.
    pub fn new(bound_to: IpAddr, listed: &[String]) -> Self {
        if !bound_to.is_loopback() && listed.is_empty() {
            return Self(None);
        }
        let listed = listed.iter().filter_map(|host| Host::parse(host.as_bytes()));
        Self(Some(listed.chain([Host::Address(bound_to)]).collect()))
    }

    /// Every host.
    pub(crate) const fn any() -> Self {
        Self(None)
    }

    /// The target of a request overrides its `Host` header (RFC 9112, section 3.2.2). A request of HTTP/1.0 may have
    /// neither; browsers send none like that.
    pub(super) fn check(&self, request: &HttpRequest) -> Result<(), Problem> {
        let header = request.headers().get(header::HOST).map(HeaderValue::as_bytes);
        let target = request.uri().authority().map(|authority| authority.as_str().as_bytes());
        // The last one counts.
        let mut named = None;
        for authority in [header, target].into_iter().flatten() {
            named = Some(Host::of_authority(authority).ok_or_else(|| {
                let detail = "The host of a request is a name or an address, with a port or without one.";
                Problem::new(Code::MalformedRequest, detail)
            })?);
        }
        match named {
            Some(host) if !self.allows(&host) => Err(misdirected(request.uri(), header)),
            _ => Ok(()),
        }
    }

    fn allows(&self, host: &Host) -> bool {
        let Some(listed) = &self.0 else { return true };
        host.is_loopback() || listed.contains(host)
    }
}

fn misdirected(target: &Uri, header: Option<&[u8]>) -> Problem {
    let header = header.map(String::from_utf8_lossy).unwrap_or_default();
    let host = target.authority().map_or(&*header, |authority| authority.as_str());
    let detail =
        format!("This service does not answer to the host {host:?}. ORDERS_ALLOWED_HOSTS lists further hosts.");
    Problem::new(Code::MisdirectedRequest, detail)
}

impl Host {
    /// A host and perhaps a port (RFC 9110, section 7.2), without user information.
    fn of_authority(authority: &[u8]) -> Option<Self> {
        let behind_address = authority.iter().rposition(|byte| *byte == b']').map_or(0, |end| end + 1);
        let port = authority.iter().rposition(|byte| *byte == b':').filter(|colon| *colon >= behind_address);
        let (host, port) = authority.split_at_checked(port.unwrap_or(authority.len()))?;
        let port = port.get(1..).unwrap_or_default();
        if port.iter().all(u8::is_ascii_digit) { Self::parse(host) } else { None }
    }

    /// RFC 3986, section 3.2.2. The empty host is a name.
    fn parse(host: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(host).ok()?;
        if let Some(address) = text.strip_prefix('[') {
            return address.strip_suffix(']')?.parse::<Ipv6Addr>().ok().map(|address| Self::Address(address.into()));
        }
        if let Ok(address) = text.parse::<Ipv4Addr>() {
            return Some(Self::Address(address.into()));
        }
        let is_name = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=".contains(&byte));
        is_name.then(|| Self::Name(text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase()))
    }

    fn is_loopback(&self) -> bool {
        match self {
            Self::Name(name) => name == "localhost",
            Self::Address(address) => address.is_loopback(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_is_a_host_with_a_port_or_without_one() {
        let name = |name: &str| Some(Host::Name(name.to_owned()));
        for (authority, host) in [
            ("localhost", name("localhost")),
            ("LocalHost.:8000", name("localhost")),
            ("orders.example.com:", name("orders.example.com")),
            ("", name("")),
            ("127.9.9.9:80", Some(Host::Address(Ipv4Addr::new(127, 9, 9, 9).into()))),
            ("[::1]:8000", Some(Host::Address(Ipv6Addr::LOCALHOST.into()))),
            ("[0:0:0:0:0:0:0:1]", Some(Host::Address(Ipv6Addr::LOCALHOST.into()))),
            ("a/b@c", None),
            ("user@localhost", None),
            ("localhost:x", None),
            ("localhost:80:80", None),
            ("[::1", None),
            ("::1", None),
            ("[localhost]", None),
            ("local host", None),
            ("l\u{f6}calhost", None),
        ] {
            assert_eq!(Host::of_authority(authority.as_bytes()), host, "{authority}");
        }
    }

    #[test]
    fn a_service_on_the_network_answers_to_any_host_unless_hosts_are_listed() {
        let allows = |bound_to: &str, listed: &[String], host: &str| {
            let hosts = AllowedHosts::new(bound_to.parse().unwrap(), listed);
            hosts.allows(&Host::parse(host.as_bytes()).unwrap())
        };
        let listed = ["orders.example.com".to_owned(), "[2001:db8::1]".to_owned()];
        assert!(allows("0.0.0.0", &[], "evil.example.com"));
        assert!(!allows("0.0.0.0", &listed, "evil.example.com"));
        assert!(!allows("127.0.0.1", &[], "orders.example.com"));
        assert!(!allows("127.0.0.1", &[], "192.0.2.7"));
        assert!(!allows("127.0.0.1", &[], "localhost.example.com"));
        for host in ["ORDERS.example.com", "[2001:db8::1]", "localhost", "127.0.0.2", "[::1]", "192.0.2.7"] {
            assert!(allows("192.0.2.7", &listed, host), "{host}");
        }
    }
}
