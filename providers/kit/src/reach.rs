//! Decides which addresses may be connected to, on the address that the connection is made to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use strongroom_provider_api::{Error, ErrorKind, Reach, Result};
use tokio::net::TcpStream;

/// Addresses outside the link-local ranges where cloud machines find their metadata and credentials.
const METADATA: [IpAddr; 6] = [
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)), // Alibaba Cloud
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),   // Azure, the host's agent
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),     // Oracle Cloud, first generation
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)), // AWS
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)), // Google Cloud
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42)), // Scaleway
];

/// Looks names up, and leaves out what must not be reached: the connection is made to what was checked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Names(pub(crate) Reach);

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.0;
        Box::pin(async move {
            let found: Vec<_> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let allowed = allowed(reach, found)?;
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

/// Why `host` must not be connected to; `None` for a name, which is checked when it is looked up.
pub fn refused(reach: Reach, host: &str) -> Option<String> {
    let address: IpAddr = host.trim_start_matches('[').trim_end_matches(']').parse().ok()?;
    (!is_allowed(reach, address)).then(|| text(reach))
}

/// Whether a TCP connection to `host` can be made within `limit`.
///
/// # Errors
/// `InvalidConfig` for an address that must not be reached, `Unavailable` where nobody answers.
pub async fn dial(reach: Reach, host: &str, port: u16, limit: Duration) -> Result<()> {
    let failed = |message: String| Error::new(ErrorKind::Unavailable, "connect", message);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let attempt = async {
        let found: Vec<_> = tokio::net::lookup_host((host, port))
            .await
            .map_err(|_| failed(format!("the name {host:?} cannot be looked up")))?
            .collect();
        let allowed = allowed(reach, found)
            .map_err(|refused| Error::new(ErrorKind::InvalidConfig, "connect", refused))?;
        let connected = TcpStream::connect(allowed.as_slice()).await;
        connected.map(drop).map_err(|_| failed(format!("cannot connect to {host}, port {port}")))
    };
    let late = || failed(format!("no answer from {host}, port {port} within {} s", limit.as_secs()));
    tokio::time::timeout(limit, attempt).await.unwrap_or_else(|_| Err(late()))
}

/// Those of `found` that may be reached.
fn allowed(reach: Reach, found: Vec<SocketAddr>) -> std::result::Result<Vec<SocketAddr>, String> {
    let none = found.is_empty();
    let allowed: Vec<_> = found.into_iter().filter(|address| is_allowed(reach, address.ip())).collect();
    if allowed.is_empty() && !none { Err(text(reach)) } else { Ok(allowed) }
}

fn text(reach: Reach) -> String {
    let text = match reach {
        Reach::Any => "",
        Reach::NoMetadata => {
            "the address is link-local or of a cloud metadata service, which stores must not reach"
        }
        Reach::Public => "the address is not of the public internet, which alone stores may reach here",
    };
    text.to_owned()
}

fn is_allowed(reach: Reach, address: IpAddr) -> bool {
    let address = unwrapped(address);
    match reach {
        Reach::Any => true,
        Reach::NoMetadata => !is_metadata(address),
        Reach::Public => !is_metadata(address) && is_public(address),
    }
}

/// The IPv4 address inside an IPv6 one that stands for it: mapped, compatible, or behind a translator (NAT64 and
/// 6to4).
fn unwrapped(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let v4 = |high: u16, low: u16| IpAddr::V4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
    match v6.segments() {
        // `::1` and `::` are themselves.
        [0, 0, 0, 0, 0, 0, 0, _] => address,
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => v4(high, low),
        _ => address,
    }
}

fn is_metadata(address: IpAddr) -> bool {
    let link_local = match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    };
    link_local || METADATA.contains(&address)
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [first, second, ..] = v4.octets();
            let carrier = first == 100 && (64..128).contains(&second);
            let reserved = first == 0 || first >= 240 || (first == 198 && (second == 18 || second == 19));
            let own = v4.is_private() || v4.is_loopback() || v4.is_multicast() || v4.is_documentation();
            !own && !carrier && !reserved && v4.octets()[..3] != [192, 0, 0]
        }
        // What the registries give out is 2000::/3; documentation is in it.
        IpAddr::V6(v6) => {
            let [first, second, ..] = v6.segments();
            first & 0xe000 == 0x2000 && !(first == 0x2001 && second == 0xdb8)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn may(reach: Reach, address: &str) -> bool {
        refused(reach, address).is_none()
    }

    #[test]
    fn metadata_services_are_out_of_reach_in_every_spelling() {
        for address in [
            "169.254.169.254",
            "169.254.170.2",
            "[fe80::1]",
            "[fd00:ec2::254]",
            "fd20:ce::254",
            "100.100.100.200",
            "168.63.129.16",
            "[::ffff:169.254.169.254]",
            "[::169.254.169.254]",
            "[64:ff9b::a9fe:a9fe]",
            "[2002:a9fe:a9fe::1]",
        ] {
            assert!(!may(Reach::NoMetadata, address), "{address}");
            assert!(!may(Reach::Public, address), "{address}");
            assert!(may(Reach::Any, address), "{address}");
        }
    }

    #[test]
    fn services_in_the_cluster_are_reached_unless_only_the_internet_is() {
        for address in
            ["10.0.0.1", "172.16.3.4", "192.168.1.1", "127.0.0.1", "[::1]", "[fd12::1]", "100.64.0.1"]
        {
            assert!(may(Reach::NoMetadata, address), "{address}");
            assert!(!may(Reach::Public, address), "{address}");
        }
        for address in ["1.1.1.1", "[2606:4700::1111]", "vault.example.com"] {
            assert!(may(Reach::Public, address), "{address}");
        }
    }

    #[test]
    fn of_several_addresses_only_those_in_reach_are_left() {
        let found = ["169.254.169.254:1", "10.0.0.1:1"].map(|address| address.parse().unwrap());
        assert_eq!(allowed(Reach::NoMetadata, found.to_vec()).unwrap(), found[1..]);
        assert!(allowed(Reach::Public, found.to_vec()).unwrap_err().contains("public"));
        assert_eq!(allowed(Reach::Public, Vec::new()).unwrap(), []);
    }

    #[tokio::test]
    async fn dialling_tells_what_is_refused_from_who_does_not_answer() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let limit = Duration::from_secs(5);
        dial(Reach::NoMetadata, "127.0.0.1", port, limit).await.unwrap();
        let refused = dial(Reach::Public, "localhost", port, limit).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidConfig);
        drop(listener);
        let nobody = dial(Reach::NoMetadata, "127.0.0.1", port, limit).await.unwrap_err();
        assert_eq!(nobody.kind(), ErrorKind::Unavailable);
    }
}
