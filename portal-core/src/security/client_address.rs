//! Client IP addresses, including those of clients behind trusted proxies.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap};
use ipnet::IpNet;

use crate::config::Config;
use crate::error::Error;
use crate::state::PortalState;

/// The client's IP address.
///
/// This is the address of the connection's peer or, if the peer is one of `TRUSTED_PROXIES`, the
/// address that the proxies report in `X-Forwarded-For`.
///
/// It is `None` if an application serves the portal's router without
/// `into_make_service_with_connect_info::<SocketAddr>()`.
///
/// ```
/// use portal_core::ClientAddress;
///
/// async fn client_ip(ClientAddress(address): ClientAddress) -> String {
///     address.map_or_else(|| "somewhere".to_owned(), |address| address.to_string())
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub Option<IpAddr>);

impl ClientAddress {
    /// Returns the network that rate limits count as one client: the IPv4 address or the IPv6
    /// `/64`.
    #[must_use]
    pub fn network(self) -> Option<IpAddr> {
        self.0.map(network_of)
    }
}

impl FromRequestParts<PortalState> for ClientAddress {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &PortalState) -> Result<Self, Error> {
        let proxies = state.borrow::<TrustedProxies>()?;
        Ok(proxies.client(&parts.extensions, &parts.headers))
    }
}

/// Proxies whose `X-Forwarded-For` header is trusted.
#[derive(Debug, Clone)]
pub(crate) struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    pub(crate) fn new(config: &Config) -> Self {
        Self(config.trusted_proxies.clone())
    }

    pub(crate) fn are_trusted(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Returns the address of the client that sent a request. Called on demand, not for every
    /// request.
    pub(crate) fn client(&self, extensions: &Extensions, headers: &HeaderMap) -> ClientAddress {
        let peer = extensions.get::<ConnectInfo<SocketAddr>>();
        ClientAddress(peer.map(|ConnectInfo(peer)| self.client_behind(peer.ip(), headers)))
    }

    /// Returns the last address that does not belong to a trusted proxy. Each proxy appends the
    /// address of its client, so only entries that trusted proxies added are reliable.
    fn client_behind(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        if !self.are_trusted(client) {
            return client;
        }
        let said = headers.get_all("x-forwarded-for").iter().rev();
        let hops = said.flat_map(|value| value.as_bytes().rsplit(|byte| *byte == b','));
        for hop in hops {
            // An invalid address was not written by a trusted proxy.
            let Some(hop) = std::str::from_utf8(hop).ok().and_then(parse) else {
                break;
            };
            client = hop;
            if !self.are_trusted(client) {
                break;
            }
        }
        client
    }
}

/// Parses an IP address as written by proxies, possibly with a port.
fn parse(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let address = text
        .parse::<IpAddr>()
        .or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip()))
        .or_else(|error| match text.strip_prefix('[') {
            Some(rest) => rest
                .strip_suffix(']')
                .and_then(|inner| inner.parse::<Ipv6Addr>().ok())
                .map(IpAddr::V6)
                .ok_or(error),
            None => Err(error),
        });
    address.ok().map(|address| address.to_canonical())
}

/// Returns the network that counts as one address. For IPv6, this is the whole `/64`, which
/// typically belongs to one client.
pub(crate) fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)))
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(trusted: &[&str], peer: &str, said: &[&str]) -> String {
        let proxies = TrustedProxies(trusted.iter().map(|text| text.parse().unwrap()).collect());
        let mut headers = HeaderMap::new();
        for value in said {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        let mut extensions = Extensions::new();
        extensions.insert(ConnectInfo(SocketAddr::new(peer.parse().unwrap(), 1)));
        let ClientAddress(address) = proxies.client(&extensions, &headers);
        address.unwrap().to_string()
    }

    #[test]
    fn forwarded_header_from_untrusted_peer_is_ignored() {
        for trusted in [&[][..], &["10.0.0.0/8"]] {
            for said in [&[][..], &["1.2.3.4"], &["1.2.3.4", "10.0.0.1"]] {
                assert_eq!(client(trusted, "192.0.2.1", said), "192.0.2.1");
            }
        }
        assert_eq!(
            client(&["10.0.0.0/8"], "::ffff:192.0.2.1", &[]),
            "192.0.2.1"
        );
    }

    #[test]
    fn client_is_the_last_address_before_trusted_proxies() {
        let trusted = &["10.0.0.0/8", "fd00::/8"];
        for (said, expected) in [
            (&[][..], "10.0.0.1"),
            (&[""], "10.0.0.1"),
            (&["192.0.2.7"], "192.0.2.7"),
            (&[" 192.0.2.7 "], "192.0.2.7"),
            // The client spoofed the first entry; the proxy appended the client's real address.
            (&["1.1.1.1, 192.0.2.7"], "192.0.2.7"),
            (&["1.1.1.1", "192.0.2.7"], "192.0.2.7"),
            (&["1.1.1.1", "192.0.2.7, 10.0.0.2"], "192.0.2.7"),
            (&["192.0.2.7", "10.0.0.2", "10.0.0.3"], "192.0.2.7"),
            (&["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            (&["192.0.2.7:4711"], "192.0.2.7"),
            (&["2001:db8::7"], "2001:db8::7"),
            (&["[2001:db8::7]"], "2001:db8::7"),
            (&["[2001:db8::7]:4711"], "2001:db8::7"),
            (&["::ffff:192.0.2.7"], "192.0.2.7"),
            (&["192.0.2.7, fd00::2"], "192.0.2.7"),
            // Entries before an invalid one are not trusted.
            (&["192.0.2.7, unknown"], "10.0.0.1"),
            (&["192.0.2.7, unknown, 10.0.0.2"], "10.0.0.2"),
            (&["192.0.2.7, , 10.0.0.2"], "10.0.0.2"),
            (&["192.0.2.7;"], "10.0.0.1"),
            (&["localhost"], "10.0.0.1"),
            (&["[192.0.2.7]"], "10.0.0.1"),
        ] {
            assert_eq!(client(trusted, "10.0.0.1", said), expected, "{said:?}");
        }
    }

    #[test]
    fn mapped_ipv4_address_of_a_proxy_is_trusted() {
        let found = client(&["10.0.0.0/8"], "::ffff:10.0.0.1", &["192.0.2.7"]);
        assert_eq!(found, "192.0.2.7");
    }

    #[test]
    fn forwarded_header_is_ignored_without_a_peer() {
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", "1.2.3.4".parse().unwrap());
        let proxies = TrustedProxies(vec!["0.0.0.0/0".parse().unwrap()]);
        let found = proxies.client(&Extensions::new(), &headers);
        assert_eq!(found, ClientAddress(None));
    }

    #[test]
    fn ipv6_network_counts_as_one_address() {
        let of = |text: &str| network_of(text.parse().unwrap()).to_string();
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_ne!(of("2001:db8:1:3::"), "2001:db8:1:2::");
        assert_eq!(of("192.0.2.7"), "192.0.2.7");
        assert_eq!(of("::ffff:192.0.2.7"), "192.0.2.7");
    }
}
