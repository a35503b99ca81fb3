//! What the launcher says when everything is ready.

use std::env;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use crate::seed::{FIRST_SHOWTIME, FIRST_USER};

/// Where to click and what to type.
pub(super) fn ready(listen: SocketAddr, nats_url: &str, folder: Option<&Path>, took: Duration) {
    let url = base_url(listen);
    let marquee = env::args().next().unwrap_or_else(|| "marquee".into());
    let seed_url = if listen.port() == 8080 { String::new() } else { format!(" --url {url}") };
    // A password stays where it was given.
    let server = if nats_url.contains('@') { "\"$NATS_URL\"" } else { nats_url };
    let booking = format!(r#"{{"user_id":"{FIRST_USER}","showtime_id":"{FIRST_SHOWTIME}","seats":["A1","A2"]}}"#);
    // Nobody reading it is no reason to end.
    let _ = writeln!(
        std::io::stdout(),
        "
Marquee is ready, after {:.1} s. Ctrl-C ends it, the data stays{}.

  Swagger UI          {url}/api/
  Films and halls     {marquee} seed{seed_url}
  Then book a seat    curl -H 'Content-Type: application/json' {url}/api/bookings -d '{booking}'
  Watch events        nats --server {server} subscribe 'cinema.evt.>'
",
        took.as_secs_f32(),
        folder.map(|folder| format!(" in {}", folder.display())).unwrap_or_default(),
    );
}

/// The gateway as a client on this machine reaches it.
fn base_url(mut listen: SocketAddr) -> String {
    if listen.ip().is_unspecified() {
        listen.set_ip(match listen.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    format!("http://{listen}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_reaches_an_address_that_stands_for_all() {
        assert_eq!(base_url("127.0.0.1:8080".parse().unwrap()), "http://127.0.0.1:8080");
        assert_eq!(base_url("0.0.0.0:80".parse().unwrap()), "http://127.0.0.1:80");
        assert_eq!(base_url("[::]:8080".parse().unwrap()), "http://[::1]:8080");
    }
}
