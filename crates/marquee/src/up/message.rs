//! What the launcher says when everything is ready.

use std::env;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use crate::seed::{FIRST_SHOWTIME, FIRST_USER};
use crate::servers::program;

/// Where to click and what to type.
pub(super) fn ready(listen: SocketAddr, cli: Option<&Path>, folder: Option<&Path>, took: Duration) {
    let url = base_url(listen);
    let marquee = env::args().next().unwrap_or_else(|| "marquee".into());
    let seed_url = if listen.port() == 8080 { String::new() } else { format!(" --url {url}") };
    let nats = program::find("nats").map_or_else(|| "nats".into(), |nats| for_shell(&nats));
    // Passwords stay where they are: in a context, or where an existing server's was given.
    let nats = match cli {
        Some(cli) => format!("XDG_CONFIG_HOME={} {nats} --context marquee-subscriber", for_shell(cli)),
        None => format!("{nats} --server \"$NATS_URL\""),
    };
    let booking = format!(r#"{{"user_id":"{FIRST_USER}","showtime_id":"{FIRST_SHOWTIME}","seats":["A1","A2"]}}"#);
    // Nobody reading it is no reason to end.
    let _ = writeln!(
        std::io::stdout(),
        "
Marquee is ready, after {:.1} s. Ctrl-C ends it, the data stays{}.

  Swagger UI          {url}/api/
  Films and halls     {marquee} seed{seed_url}
  Then book a seat    curl -H 'Content-Type: application/json' {url}/api/bookings -d '{booking}'
  Watch events        {nats} subscribe 'cinema.evt.>'
",
        took.as_secs_f32(),
        folder.map(|folder| format!(" in {}", folder.display())).unwrap_or_default(),
    );
}

/// A path as a shell takes it.
fn for_shell(path: &Path) -> String {
    let path = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    if path.chars().all(plain) { path } else { format!("'{}'", path.replace('\'', r"'\''")) }
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
    fn a_path_with_blanks_is_one_word() {
        assert_eq!(for_shell(Path::new("/home/ada/.marquee")), "/home/ada/.marquee");
        assert_eq!(for_shell(Path::new("/Ada's data")), r"'/Ada'\''s data'");
    }

    #[test]
    fn a_client_reaches_an_address_that_stands_for_all() {
        assert_eq!(base_url("127.0.0.1:8080".parse().unwrap()), "http://127.0.0.1:8080");
        assert_eq!(base_url("0.0.0.0:80".parse().unwrap()), "http://127.0.0.1:80");
        assert_eq!(base_url("[::]:8080".parse().unwrap()), "http://[::1]:8080");
    }
}
