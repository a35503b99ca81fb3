//! Passwords: hashed with argon2id and the parameters that OWASP's Password Storage Cheat Sheet gives (19 MiB, two
//! rounds, one lane), away from the threads that answer requests and only so many at once. The password itself goes no
//! further than this, into no log and no store.

use std::fmt;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use argon2::password_hash::phc;
use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use contracts::access::PasswordHash;
use contracts::{Case, Problem};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

/// Hashes at once: each keeps a core busy and has 19 MiB.
const AT_ONCE: usize = 2;
/// How long a request waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);
/// The shortest password, in characters (NIST SP 800-63B), and the longest, in bytes.
const SHORTEST: usize = 8;
const LONGEST: usize = 256;

/// A password that somebody wants to have: 8 characters at least, 256 bytes at most.
#[derive(Clone, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Password(String);

impl TryFrom<String> for Password {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        if text.chars().count() < SHORTEST || text.len() > LONGEST {
            return Err(format!("must have {SHORTEST} characters at least and {LONGEST} bytes at most"));
        }
        Ok(Self(text))
    }
}

/// Not even in a log.
impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// Hashes and verifies.
#[derive(Clone)]
pub(crate) struct Passwords {
    turns: Arc<Semaphore>,
}

/// What is verified where there is nothing to verify, so that it takes as long.
static NOBODY: LazyLock<Option<PasswordHash>> = LazyLock::new(|| hash("nobody's password").ok());

impl Passwords {
    pub(crate) fn new() -> Self {
        Self { turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// The hash of a password. The same salt makes the same hash.
    ///
    /// # Errors
    /// `Unavailable` when too many others are before it.
    pub(crate) async fn hash(&self, password: Password, salt: [u8; 16]) -> Result<PasswordHash, Problem> {
        self.in_turn(move || salted(password.0.as_bytes(), &salt)).await?
    }

    /// True when this is the password that the hash was made of. Without a hash it takes as long, and is false.
    ///
    /// # Errors
    /// `Unavailable` when too many others are before it.
    pub(crate) async fn verify(&self, password: String, hash: Option<PasswordHash>) -> Result<bool, Problem> {
        let verified = move || {
            let known = hash.is_some();
            let hash = hash.or_else(|| NOBODY.clone());
            let hash = hash.as_ref().and_then(|hash| phc::PasswordHash::new(hash.as_str()).ok());
            hash.is_some_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok()) && known
        };
        self.in_turn(verified).await
    }

    async fn in_turn<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
        let busy = || Problem::new(Case::Unavailable, "too many sign in at the moment");
        let turn = timeout(PATIENCE, Arc::clone(&self.turns).acquire_owned()).await;
        let turn = turn.ok().and_then(Result::ok).ok_or_else(busy)?;
        let worked = spawn_blocking(move || {
            let result = work();
            drop(turn);
            result
        });
        worked.await.map_err(|_| Problem::new(Case::Internal, "the password could not be worked on"))
    }
}

/// The hash of a password that was made up at random, so that its salt can follow from it: the same each time. Takes
/// some 20 ms.
///
/// # Errors
/// Never for a password of a sensible length; passed on for the caller's `?`.
pub fn hash(random: &str) -> Result<PasswordHash, Problem> {
    let digest: [u8; 32] = Sha256::digest(random.as_bytes()).into();
    let salt = digest.first_chunk().copied().unwrap_or_default();
    salted(random.as_bytes(), &salt)
}

fn salted(password: &[u8], salt: &[u8; 16]) -> Result<PasswordHash, Problem> {
    let internal = || Problem::new(Case::Internal, "the password could not be hashed");
    let hash: phc::PasswordHash = Argon2::default().hash_password_with_salt(password, salt).map_err(|_| internal())?;
    hash.to_string().try_into().map_err(|_| internal())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_hash_is_argon2id_and_knows_its_password() {
        let passwords = Passwords::new();
        let password = || Password::try_from("correct horse".to_owned()).unwrap();
        let hash = passwords.hash(password(), [7; 16]).await.unwrap();
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.as_str());
        assert_eq!(passwords.hash(password(), [7; 16]).await.unwrap(), hash);
        assert_ne!(passwords.hash(password(), [8; 16]).await.unwrap(), hash);
        assert!(passwords.verify("correct horse".into(), Some(hash.clone())).await.unwrap());
        assert!(!passwords.verify("correct horses".into(), Some(hash)).await.unwrap());
        assert!(!passwords.verify("nobody's password".into(), None).await.unwrap());
    }

    #[test]
    fn a_password_is_neither_short_nor_endless_nor_printed() {
        for bad in ["", "1234567", &"x".repeat(257)] {
            assert!(Password::try_from(bad.to_owned()).is_err());
        }
        let password = Password::try_from("passwörd".to_owned()).unwrap();
        assert_eq!(format!("{password:?}"), "Password(…)");
    }
}
