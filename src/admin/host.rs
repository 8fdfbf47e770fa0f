//! Keeps other people's web pages from reading a port on loopback: a page can
//! make its own name lead to the reader's machine, and the browser then takes
//! our answers for that page's. Its requests still bear its name.

use axum::{
    extract::Request,
    http::{StatusCode, header::HOST, uri::Authority},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

/// Lets through what was asked of an address or of `localhost`.
pub(super) async fn only_local(request: Request, next: Next) -> Response {
    // Programs that are no browser may send none.
    match request.headers().get(HOST).map(|host| host.to_str().is_ok_and(is_local)) {
        Some(false) => (StatusCode::MISDIRECTED_REQUEST, "ask 127.0.0.1 or localhost\n").into_response(),
        Some(true) | None => next.run(request).await,
    }
}

fn is_local(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let name = authority.host().trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || name.parse::<std::net::IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_localhost_are_local_and_other_names_are_not() {
        for host in ["localhost", "LocalHost:9464", "127.0.0.1:9464", "[::1]:9464", "10.1.2.3"] {
            assert!(is_local(host), "{host}");
        }
        for host in ["evil.example", "localhost.evil.example:9464", "127.0.0.1.evil.example", "", "a b"] {
            assert!(!is_local(host), "{host}");
        }
    }
}
