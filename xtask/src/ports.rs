//! Picks free TCP ports on 127.0.0.1.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result};

/// `N` different ports that nobody listens on at this moment.
pub(crate) fn free_ports<const N: usize>() -> Result<[u16; N]> {
    // All listeners are held until every port is known, or the kernel could give one port twice.
    let mut held = Vec::with_capacity(N);
    let mut ports = [0; N];
    for port in &mut ports {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port on 127.0.0.1")?;
        *port = listener.local_addr()?.port();
        held.push(listener);
    }
    Ok(ports)
}

/// `preferred` if nobody listens on it, else any free port.
pub(crate) fn free_port_near(preferred: u16) -> Result<u16> {
    if TcpListener::bind((Ipv4Addr::LOCALHOST, preferred)).is_ok() {
        return Ok(preferred);
    }
    let [port] = free_ports()?;
    Ok(port)
}

/// True if something accepts connections on the port.
pub(crate) fn is_open(port: u16) -> bool {
    TcpStream::connect_timeout(&(Ipv4Addr::LOCALHOST, port).into(), Duration::from_millis(200)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_different_and_free() {
        let ports: [u16; 8] = free_ports().unwrap();
        let different: std::collections::BTreeSet<u16> = ports.into_iter().collect();
        assert_eq!(different.len(), 8);
        assert!(!different.contains(&0));
    }

    #[test]
    fn a_taken_port_is_replaced_by_another() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        assert!(is_open(port));
        assert_ne!(free_port_near(port).unwrap(), port);
    }
}
