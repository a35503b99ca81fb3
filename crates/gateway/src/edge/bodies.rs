//! How much of request bodies is kept in memory at a time. Small ones, which nearly all are, fit without being counted:
//! there are only so many connections. Those that may be large share room; past that they are refused at once.

use axum::body::{Body, HttpBody};
use contracts::{Case, Problem};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::input::BODY_LIMIT;

/// A body of at most this many bytes is not counted.
const SMALL: u64 = 16 << 10;
/// Larger ones take together at most this many bytes.
const TOGETHER: usize = 128 << 20;

/// Room for large bodies.
pub(crate) struct Bodies(Semaphore);

/// What a large body has taken, until the answer.
pub(crate) type Taken<'a> = Option<SemaphorePermit<'a>>;

impl Bodies {
    /// With nothing in it.
    pub(crate) fn new() -> Self {
        Self(Semaphore::new(TOGETHER))
    }

    /// Room for a body that is large, or doesn't say how large it is.
    ///
    /// # Errors
    /// `Unavailable` when others have it all.
    pub(crate) fn room(&self, body: &Body) -> Result<Taken<'_>, Problem> {
        let most = BODY_LIMIT as u64;
        let size = body.size_hint().upper().unwrap_or(most).min(most);
        if size <= SMALL {
            return Ok(None);
        }
        let taken = self.0.try_acquire_many(u32::try_from(size).unwrap_or(u32::MAX));
        taken
            .map(Some)
            .map_err(|_| Problem::new(Case::Unavailable, "too many large bodies are being sent at the moment"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_bodies_share_room_and_small_ones_need_none() {
        let bodies = Bodies::new();
        let large = || Body::from(vec![b' '; BODY_LIMIT]);
        let unknown = || Body::from_stream(futures_util::stream::iter([Ok::<_, std::io::Error>("x")]));
        for body in [large(), unknown()] {
            assert!(bodies.room(&body).unwrap().is_some());
        }
        let _others = bodies.0.try_acquire_many(u32::try_from(TOGETHER - BODY_LIMIT + 1).unwrap()).unwrap();
        for body in [large(), unknown()] {
            assert!(bodies.room(&body).unwrap_err().is(Case::Unavailable));
        }
        assert!(bodies.room(&Body::from("{}")).unwrap().is_none());
        assert!(bodies.room(&Body::from(vec![b' '; BODY_LIMIT / 2])).unwrap().is_some());
    }
}
