//! Where a server listens.

use std::io;
use std::net::TcpListener;

/// Listens on a port, or on a free one where it is 0; returns which it is.
///
/// # Errors
///
/// If the address cannot be listened on, which is named.
pub fn listen(host: &str, port: u16) -> io::Result<(TcpListener, u16)> {
    let listener = TcpListener::bind((host, port)).map_err(|e| {
        io::Error::new(e.kind(), format!("cannot listen on {}: {e}", address(host, port)))
    })?;
    listener.set_nonblocking(true)?;
    let port = listener.local_addr()?.port();
    Ok((listener, port))
}

/// Returns an address as clients take it: a host of IPv6 goes in brackets.
#[must_use]
pub fn address(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_ipv6_has_brackets() {
        assert_eq!(address("127.0.0.1", 9), "127.0.0.1:9");
        assert_eq!(address("localhost", 9), "localhost:9");
        assert_eq!(address("::1", 9), "[::1]:9");
    }
}
