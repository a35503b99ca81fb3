//! Ids that can be told in advance: what a request with an `Idempotency-Key` does and creates has ids that follow from
//! the key, so the same request again is the same command, and what `marquee seed` creates can be named in examples.

use contracts::ids::{CommandId, derive_id};
use uuid::Uuid;

/// The parent of ids that follow from a key which has no time in it. A UUIDv7, so that they are UUIDv7 too.
const KEYS: Uuid = Uuid::from_u128(0x019a_b2f4_1c00_7000_8000_6d61_7271_7565);

/// The command that a request with this `Idempotency-Key` gives, such as `("machine", "POST", "/api/bookings", key)`. Two
/// accounts may use the same key. A key that is a UUIDv7 hands its time on, so that what it creates sorts by age.
pub fn command_id(account: &str, method: &str, path: &str, key: &str) -> CommandId {
    let parent = key.parse::<Uuid>().ok().filter(|key| key.get_version_num() == 7).unwrap_or(KEYS);
    CommandId(derive_id(parent, &format!("{account} {method} {path} {key}")))
}

/// The id of the thing (`user`, `movie`, `hall`, `showtime` or `booking`) that this command creates.
pub fn created_id(command: CommandId, thing: &str) -> Uuid {
    derive_id(command.0, thing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_request_is_the_same_command() {
        let id = command_id("user:1", "POST", "/api/bookings", "key");
        assert_eq!(id, command_id("user:1", "POST", "/api/bookings", "key"));
        assert_ne!(id, command_id("user:2", "POST", "/api/bookings", "key"));
        assert_ne!(id, command_id("user:1", "POST", "/api/users", "key"));
        assert_ne!(id, command_id("user:1", "PUT", "/api/bookings", "key"));
        assert_ne!(id, command_id("user:1", "POST", "/api/bookings", "other"));
        assert_eq!(id.0.get_version_num(), 7);
        assert_eq!(created_id(id, "booking").get_version_num(), 7);
    }

    #[test]
    fn a_key_with_a_time_hands_it_on() {
        let key = Uuid::now_v7();
        let id = created_id(command_id("user:1", "POST", "/api/bookings", &key.to_string()), "booking");
        assert_eq!(id.as_bytes()[..6], key.as_bytes()[..6]);
    }
}
