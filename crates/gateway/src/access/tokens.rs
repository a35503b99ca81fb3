//! Tokens: JSON Web Tokens, used as RFC 8725 says. One algorithm (HS256), and issuer, audience, times and type are all
//! checked; the key is one of ours, found by `kid`. An access token (RFC 9068) says who the caller is, for minutes; a
//! refresh token says which session to go on with, once.

use std::time::Duration;

use chrono::{DateTime, Utc};
use contracts::ids::{SessionId, UserId};
use contracts::{Actor, Roles};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Secrets;

/// How long an access token of a session is good.
pub const ACCESS: Duration = Duration::from_secs(600);
/// How long a refresh token is good; the session itself ends earlier when it is told to.
const REFRESH: Duration = Duration::from_secs(30 * 24 * 3600);
/// Clocks differ by so much, in seconds.
pub(super) const LEEWAY: i64 = 5;
const ISSUER: &str = "marquee";
/// The `typ` of access tokens.
const ACCESS_TYPE: &str = "at+jwt";
/// The `typ` of refresh tokens.
const REFRESH_TYPE: &str = "rt+jwt";
/// Who access tokens are for.
const API: &str = "marquee-api";
/// Who refresh tokens are for.
const SESSIONS: &str = "marquee-sessions";

/// Why a token is not good. The caller is not told which it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the token is not valid")]
pub struct BadToken;

/// What an access token says.
#[derive(Clone, Debug, PartialEq)]
pub struct Access {
    /// Who the caller is: a user, or whoever owns the machine.
    pub actor: Actor,
    /// The session that it was given out in.
    pub session_id: Option<SessionId>,
}

/// What a refresh token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refresh {
    /// The session to go on with.
    pub session_id: SessionId,
    /// Whose it is.
    pub user_id: UserId,
    /// Its generation: each is used once.
    pub generation: u32,
}

#[derive(Serialize, Deserialize)]
struct Claims<T> {
    iss: String,
    aud: String,
    iat: i64,
    nbf: i64,
    exp: i64,
    #[serde(flatten)]
    says: T,
}

#[derive(Serialize, Deserialize)]
struct AccessClaims {
    sub: Actor,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sid: Option<SessionId>,
}

#[derive(Serialize, Deserialize)]
struct RefreshClaims {
    sub: UserId,
    sid: SessionId,
    generation: u32,
}

/// An access token for this caller, good from now on for so long.
///
/// # Errors
/// When it can't be signed.
pub fn access(secrets: &Secrets, access: &Access, now: DateTime<Utc>, lasts: Duration) -> Result<String, BadToken> {
    let says = AccessClaims { sub: access.actor.clone(), sid: access.session_id };
    sign(secrets, ACCESS_TYPE, API, now, lasts, says)
}

/// Access tokens for whoever owns the machine that the secrets are on.
///
/// # Errors
/// When it can't be signed.
pub fn machine(secrets: &Secrets, roles: Roles, now: DateTime<Utc>, lasts: Duration) -> Result<String, BadToken> {
    access(secrets, &Access { actor: Actor::Machine(roles), session_id: None }, now, lasts)
}

/// A refresh token.
///
/// # Errors
/// When it can't be signed.
pub fn refresh(secrets: &Secrets, refresh: Refresh, now: DateTime<Utc>) -> Result<String, BadToken> {
    let Refresh { session_id: sid, user_id: sub, generation } = refresh;
    sign(secrets, REFRESH_TYPE, SESSIONS, now, REFRESH, RefreshClaims { sub, sid, generation })
}

/// Who an access token says that the caller is, and until when.
///
/// # Errors
/// [`BadToken`].
pub fn read_access(secrets: &Secrets, token: &str) -> Result<(Access, DateTime<Utc>), BadToken> {
    let Claims { exp, says, .. } = read(secrets, ACCESS_TYPE, API, token)?;
    let AccessClaims { sub: actor, sid: session_id } = says;
    let until = DateTime::from_timestamp(exp, 0).ok_or(BadToken)?;
    match actor {
        Actor::User(..) | Actor::Machine(_) => Ok((Access { actor, session_id }, until)),
        // Nobody signs those.
        Actor::Anonymous | Actor::Key(..) | Actor::Operator | Actor::Reaction(_) => Err(BadToken),
    }
}

/// Which session a refresh token is for.
///
/// # Errors
/// [`BadToken`].
pub fn read_refresh(secrets: &Secrets, token: &str) -> Result<Refresh, BadToken> {
    let Claims { says, .. } = read(secrets, REFRESH_TYPE, SESSIONS, token)?;
    let RefreshClaims { sub: user_id, sid: session_id, generation } = says;
    Ok(Refresh { session_id, user_id, generation })
}

fn sign(
    secrets: &Secrets,
    token_type: &str,
    audience: &str,
    now: DateTime<Utc>,
    lasts: Duration,
    says: impl Serialize,
) -> Result<String, BadToken> {
    let secret = secrets.first();
    let mut header = Header::new(Algorithm::HS256);
    header.typ = Some(token_type.into());
    header.kid = Some(secret.id.clone());
    let (now, lasts) = (now.timestamp(), i64::try_from(lasts.as_secs()).map_err(|_| BadToken)?);
    let claims = Claims { iss: ISSUER.into(), aud: audience.into(), iat: now, nbf: now, exp: now + lasts, says };
    encode(&header, &claims, &EncodingKey::from_secret(&secret.bytes)).map_err(|_| BadToken)
}

fn read<T: DeserializeOwned>(
    secrets: &Secrets,
    token_type: &str,
    audience: &str,
    token: &str,
) -> Result<Claims<T>, BadToken> {
    let header = decode_header(token).map_err(|_| BadToken)?;
    if header.typ.as_deref() != Some(token_type) {
        return Err(BadToken);
    }
    let secret = header.kid.and_then(|id| secrets.find(&id)).ok_or(BadToken)?;
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[audience]);
    validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
    validation.validate_nbf = true;
    validation.leeway = LEEWAY.unsigned_abs();
    let key = DecodingKey::from_secret(&secret.bytes);
    Ok(decode::<Claims<T>>(token, &key, &validation).map_err(|_| BadToken)?.claims)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use contracts::Role;
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::*;

    fn secrets(text: &str) -> Secrets {
        text.replace('#', &"5a".repeat(32)).replace('*', &"a5".repeat(32)).parse().unwrap()
    }

    fn ada() -> Access {
        let actor = Actor::User(UserId(Uuid::now_v7()), Roles::only(Role::Customer));
        Access { actor, session_id: Some(SessionId(Uuid::now_v7())) }
    }

    /// A token with this header and these claims, signed with the secret `#`.
    fn forged(header: &Header, claims: &Value) -> String {
        encode(header, claims, &EncodingKey::from_secret(&[0x5a; 32])).unwrap()
    }

    #[test]
    fn a_token_is_good_for_what_it_was_made_for_and_as_long() {
        let (secrets, now) = (secrets("a:#"), Utc::now());
        let token = access(&secrets, &ada(), now, ACCESS).unwrap();
        assert!(read_access(&secrets, &token).is_ok());
        assert_eq!(read_refresh(&secrets, &token), Err(BadToken));
        let says = Refresh { session_id: SessionId(Uuid::now_v7()), user_id: UserId(Uuid::now_v7()), generation: 3 };
        let token = refresh(&secrets, says, now).unwrap();
        assert_eq!(read_refresh(&secrets, &token), Ok(says));
        assert_eq!(read_access(&secrets, &token), Err(BadToken));
        for made in [now - TimeDelta::minutes(11), now + TimeDelta::minutes(1)] {
            let token = access(&secrets, &ada(), made, ACCESS).unwrap();
            assert_eq!(read_access(&secrets, &token), Err(BadToken), "{made}");
        }
    }

    #[test]
    fn secrets_can_be_rotated() {
        let token = access(&secrets("old:#"), &ada(), Utc::now(), ACCESS).unwrap();
        assert!(read_access(&secrets("new:*,old:#"), &token).is_ok());
        for others in ["new:*", "old:*", "new:#"] {
            assert_eq!(read_access(&secrets(others), &token), Err(BadToken), "{others}");
        }
    }

    #[test]
    fn whatever_is_not_quite_right_is_refused() {
        let (secrets, now) = (secrets("a:#"), Utc::now().timestamp());
        let mut header = Header::new(Algorithm::HS256);
        (header.typ, header.kid) = (Some(ACCESS_TYPE.into()), Some("a".into()));
        let good =
            json!({ "iss": ISSUER, "aud": API, "sub": "machine:admin", "iat": now, "nbf": now, "exp": now + 60 });
        assert!(read_access(&secrets, &forged(&header, &good)).is_ok());
        for (claim, value) in [
            ("iss", json!("somebody")),
            ("aud", json!("another-api")),
            ("exp", json!(now - 60)),
            ("nbf", json!(now + 60)),
            ("sub", json!("operator")),
            ("sub", json!("reaction:x")),
            ("sub", json!("key:01a20c8d-6250-71fc-80e3-04091eb719ad:admin")),
            ("sub", json!("machine:root")),
        ] {
            let mut claims = good.clone();
            claims[claim] = value;
            assert_eq!(read_access(&secrets, &forged(&header, &claims)), Err(BadToken), "{claims}");
            claims.as_object_mut().unwrap().remove(claim);
            assert_eq!(read_access(&secrets, &forged(&header, &claims)), Err(BadToken), "{claims}");
        }
        for (typ, kid, algorithm) in [
            (Some("JWT"), Some("a"), Algorithm::HS256),
            (None, Some("a"), Algorithm::HS256),
            (Some(ACCESS_TYPE), None, Algorithm::HS256),
            (Some(ACCESS_TYPE), Some("b"), Algorithm::HS256),
            (Some(ACCESS_TYPE), Some("a"), Algorithm::HS512),
        ] {
            let mut other = Header::new(algorithm);
            (other.typ, other.kid) = (typ.map(str::to_owned), kid.map(str::to_owned));
            assert_eq!(read_access(&secrets, &forged(&other, &good)), Err(BadToken), "{other:?}");
        }
        let token = forged(&header, &good);
        let (said, signature) = token.rsplit_once('.').unwrap();
        // {"typ":"at+jwt","alg":"none","kid":"a"}
        let none = "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJub25lIiwia2lkIjoiYSJ9";
        let unsigned = format!("{none}.{}.", said.split_once('.').unwrap().1);
        for bad in
            ["", ".", "..", "a.b.c", said, &format!("{said}."), &unsigned, &format!("{said}.{}", &signature[1..])]
        {
            assert_eq!(read_access(&secrets, bad), Err(BadToken), "{bad}");
        }
    }
}
