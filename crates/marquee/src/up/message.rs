//! What the launcher says when everything is ready.

use std::env;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use gateway::examples;

use super::admin::EMAIL;
use crate::servers::program;

/// What there is to say.
pub(super) struct Ready<'a> {
    /// Where the gateway listens.
    pub(super) listen: SocketAddr,
    /// Where the `nats` command finds its contexts, if the broker is ours.
    pub(super) cli: Option<&'a Path>,
    /// The data folder, as it was named.
    pub(super) data_dir: &'a Path,
    /// The first admin's password, if there is one since now.
    pub(super) password: Option<&'a str>,
}

impl Ready<'_> {
    /// Tells where to click and what to type.
    pub(super) fn say(&self, took: Duration) {
        let url = base_url(self.listen);
        let marquee = env::args().next().unwrap_or_else(|| "marquee".into());
        let folder = match self.data_dir == Path::new(".marquee") {
            true => String::new(),
            false => format!(" --data-dir {}", for_shell(self.data_dir)),
        };
        let seed_url = if self.listen.port() == 8080 { String::new() } else { format!(" --url {url}") };
        let nats = program::find("nats").map_or_else(|| "nats".into(), |nats| for_shell(&nats));
        // Passwords stay where they are: in a context, or where an existing server's was given.
        let nats_as = |user: &str| match self.cli {
            Some(cli) => format!("XDG_CONFIG_HOME={} {nats} --context marquee-{user}", for_shell(cli)),
            None => format!("{nats} --server \"$NATS_URL\""),
        };
        let (operator, subscriber) = (nats_as("operator"), nats_as("subscriber"));
        // What the seed will have made.
        let (user, showtime) = (examples::user(1), examples::showtime(1));
        let booking = format!(r#"{{"user_id":"{user}","showtime_id":"{showtime}","seats":["A1","A2"]}}"#);
        let admin = self
            .password
            .map(|password| format!("\n  First admin         {EMAIL}, password {password} (told this once: keep it)"));
        // Nobody reading it is no reason to end.
        let _ = writeln!(
            std::io::stdout(),
            r#"
Marquee is ready, after {:.1} s. Ctrl-C ends it, the data stays in {}.

  Swagger UI          {url}/api/{}
  Films and halls     {marquee} seed{seed_url}{folder}
  A token             {marquee} token --role staff{folder}     (for Swagger UI's Authorize, and for curl)
  Then book a seat    curl -H "Authorization: Bearer $({marquee} token{folder})" -H 'Content-Type: application/json' {url}/api/bookings -d '{booking}'
  Do it by nats       {operator} micro ls     (docs/nats-cli.md tells what else)
  Watch events        {subscriber} subscribe 'cinema.evt.>'
"#,
            took.as_secs_f32(),
            self.data_dir.display(),
            admin.unwrap_or_default(),
        );
    }
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
