//! API keys, as programs send them: `mqk_<id>_<secret>`, id and secret in hexadecimal. Only the secret's hash is kept.

use std::fmt;

use contracts::access::SecretHash;
use contracts::ids::ApiKeyId;
use contracts::{Case, Problem};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// What every key starts with, so that whoever finds one knows what it is.
const PREFIX: &str = "mqk_";

/// The secret of an API key: 256 bits in hexadecimal.
pub(crate) struct Secret(String);

impl Secret {
    /// One of these bytes.
    pub(crate) fn new(bytes: [u8; 32]) -> Self {
        Self(hex(&bytes))
    }

    /// What is kept of it.
    ///
    /// # Errors
    /// Never for a secret of ours; passed on for the caller's `?`.
    pub(crate) fn hash(&self) -> Result<SecretHash, Problem> {
        let hash = hex(&Sha256::digest(self.0.as_bytes()));
        hash.try_into().map_err(|_| Problem::new(Case::Internal, "a key could not be hashed"))
    }

    /// The key as its program is told once.
    pub(crate) fn key(&self, id: ApiKeyId) -> String {
        format!("{PREFIX}{}_{}", id.0.simple(), self.0)
    }

    /// Reads a key; `None` for anything else.
    pub(crate) fn read(key: &str) -> Option<(ApiKeyId, Self)> {
        let (id, secret) = key.strip_prefix(PREFIX)?.split_once('_')?;
        let id = Uuid::try_parse(id).ok()?;
        (secret.len() == 64).then(|| (ApiKeyId(id), Self(secret.to_owned())))
    }
}

/// Not even in a log.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_what_it_writes() {
        let id = ApiKeyId(Uuid::now_v7());
        let secret = Secret::new([0xab; 32]);
        let key = secret.key(id);
        let (read, found) = Secret::read(&key).unwrap();
        assert_eq!((read, found.hash().unwrap()), (id, secret.hash().unwrap()));
        assert_ne!(Secret::new([0xac; 32]).hash().unwrap(), secret.hash().unwrap());
        for bad in ["", "mqk_", "mqk_1_2", &key[1..], &key[..key.len() - 1]] {
            assert!(Secret::read(bad).is_none(), "{bad}");
        }
    }
}
