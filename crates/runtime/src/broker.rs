//! Signing in to the broker. User and password travel in the URL, `nats://user:password@host:port`, and from there into
//! no log: the client that is told the address is not told them with it.

use std::io;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::connection::State;
use async_nats::jetstream::Message;
use async_nats::{Client, ConnectOptions, Event, ServerAddr};
use contracts::{Case, Problem};
use percent_encoding::percent_decode_str;
use tokio::time::timeout;

/// What the first token of every inbox begins with.
const INBOX: &str = "_INBOX";
/// An inbox has at most this many bytes; the broker cuts the connection of whoever writes a line of more than 4096.
const INBOX_LENGTH: usize = 255;

/// True for a subject that outcomes may be sent to. Anything else would be written to the broker in our name, whether or
/// not it is a subject, and whatever listens there.
pub(crate) fn is_inbox(subject: &str) -> bool {
    let is_token =
        |token: &str| !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic() && !b"*>".contains(&b));
    subject.starts_with(INBOX) && subject.len() <= INBOX_LENGTH && subject.split('.').all(is_token)
}

/// The first token of the inboxes of a user. `nats.conf` lets each user subscribe to its own alone, so that nobody reads
/// what another is answered.
pub fn inbox_prefix(user: &str) -> String {
    format!("{INBOX}_{user}")
}

/// Where the broker is, without user and password, and how to sign in there. A URL without a user keeps the client's
/// usual inboxes: it leads to a broker that knows no users.
///
/// # Errors
/// When it is no URL of a NATS server.
pub fn sign_in(url: &str) -> io::Result<(ServerAddr, ConnectOptions)> {
    let address: ServerAddr = url.parse()?;
    let (user, password) = (decoded(address.username())?, decoded(address.password())?);
    let mut url = address.into_inner();
    // Refused for URLs without a host only.
    let stripped = url.set_username("").and_then(|()| url.set_password(None));
    stripped.map_err(|()| io::Error::new(io::ErrorKind::InvalidInput, "the NATS server URL has no host"))?;
    let options = ConnectOptions::new().event_callback(|event| async move { log(&event) });
    let options = match user {
        Some(user) => {
            let prefix = inbox_prefix(&user);
            options.user_and_password(user, password.unwrap_or_default()).custom_inbox_prefix(prefix)
        }
        None => options,
    };
    Ok((ServerAddr::from_url(url)?, options))
}

/// Nothing while the connection to the broker stands. Whoever asks while it doesn't should hear so at once: what is sent
/// nevertheless would be kept for the broker's return, when nobody waits for it any more.
///
/// # Errors
/// [`Case::Unavailable`].
pub(crate) fn check(nats: &Client) -> Result<(), Problem> {
    match nats.connection_state() {
        State::Connected => Ok(()),
        _ => Err(Problem::new(Case::Unavailable, "the broker is away at the moment")),
    }
}

/// One of the connections to the broker that a client has, one after another.
pub(crate) struct Connection {
    nats: Client,
    number: u64,
}

impl Connection {
    /// How long what is on its way out may take until it is.
    const PATIENCE: Duration = Duration::from_secs(1);

    /// The one that the client has now.
    pub(crate) fn of(nats: Client) -> Self {
        let number = number(&nats);
        Self { nats, number }
    }

    /// Whether it is still the client's.
    pub(crate) fn stands(&self) -> bool {
        check(&self.nats).is_ok() && number(&self.nats) == self.number
    }

    /// Goes over to the client's present one, if it has one.
    pub(crate) fn renew(&mut self) -> bool {
        self.number = number(&self.nats);
        self.stands()
    }

    /// Acknowledges messages that came on it, if it stands. The client would keep what can't be said any more and say it on
    /// the next one; but a broker that was started again and lost the end of its files has other messages in their place.
    pub(crate) async fn acknowledge(&self, messages: &[Message]) -> Result<(), async_nats::Error> {
        if messages.is_empty() || !self.stands() {
            return Ok(());
        }
        // Whoever stood still has yet to notice that it broke, and does before anything is written. What can't be written
        // for so long will come again.
        let Ok(flushed) = timeout(Self::PATIENCE, self.nats.flush()).await else { return Ok(()) };
        flushed?;
        for message in messages.iter().take_while(|_| self.stands()) {
            message.ack().await?;
        }
        Ok(())
    }
}

fn number(nats: &Client) -> u64 {
    nats.statistics().connects.load(Ordering::Relaxed)
}

fn decoded(text: Option<&str>) -> io::Result<Option<String>> {
    let decode = |text| percent_decode_str(text).decode_utf8().map(|text| text.into_owned());
    text.map(decode).transpose().map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
}

/// What the broker refuses is told to nobody else: a publish without permission fails silently.
fn log(event: &Event) {
    match event {
        Event::ServerError(error) => tracing::warn!(%error, "the broker refused something"),
        event => tracing::debug!(%event, "the connection to the broker"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_password_are_taken_out_of_the_address() {
        let (address, _) = sign_in("nats://users:s%40crt@127.0.0.1:4333").unwrap();
        assert_eq!(address.into_inner().as_str(), "nats://127.0.0.1:4333");
        let (address, _) = sign_in("tls://nats.example").unwrap();
        assert_eq!(address.into_inner().as_str(), "tls://nats.example");
        assert!(sign_in("mysql://users:secret@127.0.0.1").is_err());
        assert_eq!(decoded(Some("s%40crt")).unwrap().as_deref(), Some("s@crt"));
    }
}
