//! Typed ids. All are UUIDv7 (RFC 9562), so that they sort by age and keep MySQL's clustered indexes compact.

use serde::{Deserialize, Serialize};
use uuid::{Builder, Uuid};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[derive(schemars::JsonSchema, utoipa::ToSchema)]
        #[serde(transparent)]
        #[schemars(inline)]
        pub struct $name(pub Uuid);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    )*};
}

ids! {
    /// A person who can book.
    UserId
    /// A film.
    MovieId
    /// A hall.
    HallId
    /// One screening of a movie in a hall.
    ShowtimeId
    /// A booking of seats of one showtime.
    BookingId
    /// A session: somebody who has signed in.
    SessionId
    /// An API key of a program.
    ApiKeyId
    /// A command; the key under which its outcome can always be asked for.
    CommandId
}

impl CommandId {
    /// A new id, made from the clock and a random source: for whoever gives a command, never for who decides it.
    pub fn new() -> Self {
        Self(Uuid::now_v7())
    }
}

impl Default for CommandId {
    fn default() -> Self {
        Self::new()
    }
}

/// The id that follows from `parent` and `name`: the same inputs give the same id, so whatever creates something
/// twice creates it once. It keeps the parent's time (when the parent is a UUIDv7), so derived ids sort like minted ones.
pub fn derive_id(parent: Uuid, name: &str) -> Uuid {
    let hash = Uuid::new_v5(&parent, name.as_bytes());
    let Some((seconds, nanos)) = parent.get_timestamp().map(|time| time.to_unix()) else {
        return hash;
    };
    let mut random = [0; 10];
    random.copy_from_slice(hash.as_bytes().split_at(6).1);
    Builder::from_unix_timestamp_millis(seconds * 1000 + u64::from(nanos) / 1_000_000, &random).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_derived_id_is_stable_and_keeps_the_parents_time() {
        let parent = Uuid::now_v7();
        let child = derive_id(parent, "booking");
        assert_eq!(child, derive_id(parent, "booking"));
        assert_ne!(child, derive_id(parent, "showtime"));
        assert_eq!(child.get_version_num(), 7);
        assert_eq!(child.as_bytes()[..6], parent.as_bytes()[..6]);
    }
}
