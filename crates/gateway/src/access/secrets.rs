//! The secrets that tokens are signed with. The first signs; all of them are good for what was signed before, so a new
//! one is put in front, and an old one is taken away when what it signed has expired (30 days).

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::verified::Verified;

/// A secret has at least this many bytes, as many as the hash (RFC 7518, section 3.2).
const BYTES: usize = 32;

/// One secret and its name, which tokens carry as `kid`.
#[derive(Clone)]
pub(super) struct Secret {
    pub(super) id: String,
    pub(super) bytes: Vec<u8>,
}

/// One or more secrets, as text `<id>:<hexadecimal>,…`.
#[derive(Clone)]
pub struct Secrets {
    first: Secret,
    others: Vec<Secret>,
    /// What was found to be signed with one of them.
    pub(super) verified: Arc<Verified>,
}

/// Why a text is not [`Secrets`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be one or more of <id>:<secret>, with commas in between, each secret of at least 64 hexadecimal digits")]
pub struct SecretsError;

impl Secrets {
    /// The one that signs.
    pub(super) fn first(&self) -> &Secret {
        &self.first
    }

    /// The one of this name.
    pub(super) fn find(&self, id: &str) -> Option<&Secret> {
        std::iter::once(&self.first).chain(&self.others).find(|secret| secret.id == id)
    }

    /// 32 bytes that follow from `purpose` and `input`, and that nobody else can tell. What is made up for a command
    /// follows from the command's id, so that a repeat of the request makes up the same.
    pub(crate) fn derive(&self, purpose: &str, input: &[u8]) -> [u8; 32] {
        // A MAC takes a key of any length.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.first.bytes) else { return [0; 32] };
        mac.update(purpose.as_bytes());
        mac.update(&[0]);
        mac.update(input);
        mac.finalize().into_bytes().into()
    }
}

impl FromStr for Secrets {
    type Err = SecretsError;
    fn from_str(text: &str) -> Result<Self, SecretsError> {
        let mut secrets = text.split(',').map(secret);
        let first = secrets.next().unwrap_or(Err(SecretsError))?;
        Ok(Self { first, others: secrets.collect::<Result<_, _>>()?, verified: Arc::new(Verified::new()) })
    }
}

/// Not even in a log.
impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(…)")
    }
}

fn secret(text: &str) -> Result<Secret, SecretsError> {
    let (id, digits) = text.trim().split_once(':').ok_or(SecretsError)?;
    let named = !id.is_empty() && id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let bytes: Option<Vec<u8>> = digits
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok().filter(|_| pair.len() == 2))
        .collect();
    let bytes = bytes.filter(|bytes| named && bytes.len() >= BYTES).ok_or(SecretsError)?;
    Ok(Secret { id: id.to_owned(), bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_named_and_long_enough() {
        let (old, new) = ("ab".repeat(32), "cd".repeat(40));
        let secrets: Secrets = format!("new:{new}, old:{old}").parse().unwrap();
        assert_eq!((secrets.first().id.as_str(), secrets.find("old").unwrap().bytes.len()), ("new", 32));
        assert!(secrets.find("other").is_none());
        let short = "ab".repeat(31);
        for bad in ["", &old, &format!("a:{short}"), &format!("a:{short}xy"), &format!(":{old}"), &format!("a:{old},")]
        {
            assert!(bad.parse::<Secrets>().is_err(), "{bad}");
        }
        assert!(!format!("{secrets:?}").contains("cd"));
    }

    #[test]
    fn what_is_derived_depends_on_all_it_is_derived_from() {
        let secrets: Secrets = format!("a:{}", "ab".repeat(32)).parse().unwrap();
        let other: Secrets = format!("a:{}", "ac".repeat(32)).parse().unwrap();
        assert_eq!(secrets.derive("salt", b"1"), secrets.derive("salt", b"1"));
        for different in [secrets.derive("salt", b"2"), secrets.derive("key", b"1"), other.derive("salt", b"1")] {
            assert_ne!(secrets.derive("salt", b"1"), different);
        }
    }
}
