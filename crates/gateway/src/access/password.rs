//! Passwords: hashed with argon2id and the parameters that OWASP's Password Storage Cheat Sheet gives (19 MiB, two
//! rounds, one lane), away from the threads that answer requests and only so many at once. The password itself goes no
//! further than this, into no log and no store.

use std::fmt;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use argon2::password_hash::{self, phc};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Block, Params, Version};
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
pub struct Password(String);

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

/// What one hash fills, to be used again. Had it anew each time, the C library's allocator couldn't use again what was
/// given back, because blocks are aligned: 665 MB after a hundred hashes instead of 55 MB.
type Memory = Vec<Block>;

/// Hashes and verifies.
#[derive(Clone)]
pub struct Passwords {
    turns: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<Memory>>>,
}

/// What is verified where there is nothing to verify, so that it takes as long.
static NOBODY: LazyLock<Option<PasswordHash>> = LazyLock::new(|| hash("nobody's password").ok());

impl Default for Passwords {
    fn default() -> Self {
        Self { turns: Arc::new(Semaphore::new(AT_ONCE)), idle: Arc::default() }
    }
}

impl Passwords {
    /// The hash of a password. The same salt makes the same hash.
    ///
    /// # Errors
    /// `Unavailable` when too many others are before it.
    pub async fn hash(&self, password: Password, salt: [u8; 16]) -> Result<PasswordHash, Problem> {
        self.in_turn(move |memory| salted(password.0.as_bytes(), &salt, memory)).await?
    }

    /// True when this is the password that the hash was made of. Without a hash it takes as long, and is false.
    ///
    /// # Errors
    /// `Unavailable` when too many others are before it.
    pub async fn verify(&self, password: String, hash: Option<PasswordHash>) -> Result<bool, Problem> {
        let verified = move |memory: &mut Memory| {
            let known = hash.is_some();
            let hash = hash.or_else(|| NOBODY.clone());
            hash.is_some_and(|hash| is_made_of(&hash, password.as_bytes(), memory).unwrap_or(false)) && known
        };
        self.in_turn(verified).await
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Memory) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let busy = || Problem::new(Case::Unavailable, "too many sign in at the moment");
        let turn = timeout(PATIENCE, Arc::clone(&self.turns).acquire_owned()).await;
        let turn = turn.ok().and_then(Result::ok).ok_or_else(busy)?;
        let idle = Arc::clone(&self.idle);
        let worked = spawn_blocking(move || {
            let lock = || idle.lock().unwrap_or_else(PoisonError::into_inner);
            let mut memory = lock().pop().unwrap_or_default();
            let result = work(&mut memory);
            lock().push(memory);
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
    salted(random.as_bytes(), &salt, &mut Memory::new())
}

fn salted(password: &[u8], salt: &[u8; 16], memory: &mut Memory) -> Result<PasswordHash, Problem> {
    let internal = || Problem::new(Case::Internal, "the password could not be hashed");
    let hash = made_of(&Argon2::default(), password, salt, memory).map_err(|_| internal())?;
    hash.to_string().try_into().map_err(|_| internal())
}

/// As argon2's `PasswordHasher`, in memory that is there.
fn made_of(
    argon2: &Argon2<'_>,
    password: &[u8],
    salt: &[u8],
    memory: &mut Memory,
) -> password_hash::Result<phc::PasswordHash> {
    memory.resize(argon2.params().block_count(), Block::default());
    let mut output = [0; Params::DEFAULT_OUTPUT_LEN];
    argon2.hash_password_into_with_memory(password, salt, &mut output, memory)?;
    Ok(phc::PasswordHash {
        algorithm: ARGON2ID_IDENT,
        version: Some(Version::default().into()),
        params: argon2.params().try_into()?,
        salt: Some(phc::Salt::new(salt)?),
        hash: Some(phc::Output::new(&output)?),
    })
}

/// As argon2's `PasswordVerifier`, in memory that is there: the hash is made anew with what it says of itself. Outputs are
/// compared in constant time.
fn is_made_of(hash: &PasswordHash, password: &[u8], memory: &mut Memory) -> password_hash::Result<bool> {
    let hash = phc::PasswordHash::new(hash.as_str())?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::default(), Params::try_from(&hash)?);
    let Some(salt) = hash.salt else { return Ok(false) };
    Ok(made_of(&argon2, password, &salt, memory)? == hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_hash_is_argon2id_and_knows_its_password() {
        let passwords = Passwords::default();
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
