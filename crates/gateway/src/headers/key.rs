//! `Idempotency-Key`: the caller's own name for a request, under which it can be sent again without harm.

use axum::http::HeaderMap;
use contracts::Problem;

/// The header's name.
const NAME: &str = "idempotency-key";
/// A key has at most this many characters.
const LONGEST: usize = 255;

/// The request's key, if it has one.
///
/// # Errors
/// [`contracts::Case::InvalidInput`] unless there is one key of 1 to 255 visible ASCII characters.
pub(crate) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let invalid = || Problem::invalid("Idempotency-Key", "must be one key of 1 to 255 visible ASCII characters");
    let mut values = headers.get_all(NAME).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let key = value.to_str().map_err(|_| invalid())?;
    let valid = (1..=LONGEST).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    if valid && values.next().is_none() { Ok(Some(key.to_owned())) } else { Err(invalid()) }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn read(values: &[&[u8]]) -> Result<Option<String>, Problem> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(NAME, HeaderValue::from_bytes(value).unwrap());
        }
        idempotency_key(&headers)
    }

    #[test]
    fn a_key_is_visible_ascii() {
        assert_eq!(read(&[]).unwrap(), None);
        assert_eq!(read(&[b"\"8e03978e-40d5-43dd-bc93-6894a57f9324\""]).unwrap().unwrap().len(), 38);
        assert!(read(&[&[b'k'; 255]]).unwrap().is_some());
        for bad in [&b""[..], b"a b", b"caf\xc3\xa9", &[b'k'; 256]] {
            assert!(read(&[bad]).is_err(), "{bad:?}");
        }
        assert!(read(&[b"one", b"two"]).is_err());
    }
}
