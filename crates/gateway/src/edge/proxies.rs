//! Who a request comes from: whoever is connected, or whom a proxy forwards for that is named as trusted.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::http::HeaderMap;
use ipnet::IpNet;

/// Where proxies write, one after the other, from whom they got a request.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// The address of whoever sent a request, as an extension of every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClientAddress(pub(crate) IpAddr);

/// The proxies whose word is taken.
#[derive(Clone, Debug)]
pub(super) struct Proxies(Arc<[IpNet]>);

impl Proxies {
    pub(super) fn new(trusted: Vec<IpNet>) -> Self {
        Self(trusted.into())
    }

    /// Who sent a request with these headers that came from `peer`: the last address on its way that is not a proxy of
    /// ours. What stands before that one may be made up.
    pub(super) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> ClientAddress {
        let mut client = peer.to_canonical();
        let values = headers.get_all(FORWARDED_FOR).iter().rev();
        let mut way = values.flat_map(|value| value.to_str().unwrap_or("?").rsplit(','));
        while self.is_trusted(client)
            && let Some(before) = way.next().and_then(address)
        {
            client = before;
        }
        ClientAddress(client)
    }

    fn is_trusted(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// An address as proxies write it: some add the port.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let address = text.parse().or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip()));
    address.ok().map(|address| address.to_canonical())
}

/// A network such as `10.0.0.0/8`, or a single address.
///
/// # Errors
/// In words, for anything else.
pub(super) fn network(text: &str) -> Result<IpNet, String> {
    let text = text.trim();
    let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    network.map_err(|_| format!("{text:?} is neither an address nor a network such as 10.0.0.0/8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, forwarded: &[&str]) -> String {
        let proxies = Proxies::new(["10.0.0.0/8", "fd00::1"].map(|text| network(text).unwrap()).into());
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(FORWARDED_FOR, value.parse().unwrap());
        }
        proxies.client(peer.parse().unwrap(), &headers).0.to_string()
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        assert_eq!(client("192.0.2.1", &["198.51.100.7"]), "192.0.2.1");
        assert_eq!(client("fd00::2", &["198.51.100.7"]), "fd00::2");
        assert_eq!(client("10.0.0.1", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(client("::ffff:10.0.0.1", &["198.51.100.7:4711"]), "198.51.100.7");
        assert_eq!(client("fd00::1", &["[2001:db8::7]:4711"]), "2001:db8::7");
        assert_eq!(client("10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn what_stands_before_the_last_stranger_may_be_made_up() {
        assert_eq!(client("10.0.0.1", &["1.1.1.1, 198.51.100.7,10.1.2.3"]), "198.51.100.7");
        assert_eq!(client("10.0.0.1", &["1.1.1.1", "198.51.100.7", "10.1.2.3"]), "198.51.100.7");
        assert_eq!(client("10.0.0.1", &["198.51.100.7, nonsense, 10.1.2.3"]), "10.1.2.3");
        assert_eq!(client("10.0.0.1", &["10.0.0.3, 10.0.0.2"]), "10.0.0.3");
        assert_eq!(client("10.0.0.1", &[""]), "10.0.0.1");
    }

    #[test]
    fn a_network_is_an_address_or_a_range() {
        assert_eq!(network(" 10.0.0.1").unwrap().to_string(), "10.0.0.1/32");
        assert_eq!(network("2001:db8::/32").unwrap().to_string(), "2001:db8::/32");
        for bad in ["", "10.0.0.0/33", "proxy", "10.0.0"] {
            network(bad).unwrap_err();
        }
    }
}
