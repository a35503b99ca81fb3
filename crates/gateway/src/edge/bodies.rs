//! How much of request bodies is kept in memory at a time. Small ones, which nearly all are, fit without being counted:
//! there are only so many connections. Those that may be large share room; past that they are refused at once.

use std::sync::Arc;

use axum::body::HttpBody;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use contracts::{Case, Problem};
use tokio::sync::Semaphore;

use crate::input::BODY_LIMIT;
use crate::instead::Instead;

/// A body of at most this many bytes is not counted.
const SMALL: u64 = 16 << 10;
/// Larger ones take together at most this many bytes.
const TOGETHER: usize = 128 << 20;

/// Room for large bodies. Clones share it.
#[derive(Clone)]
pub(crate) struct Bodies(Arc<Semaphore>);

impl Bodies {
    /// With nothing in it.
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(TOGETHER)))
    }
}

/// Middleware: whoever sends a large body, or doesn't say how large it is, takes room for it until the answer.
pub(crate) async fn with_room(State(Bodies(room)): State<Bodies>, request: Request, next: Next) -> Response {
    let most = BODY_LIMIT as u64;
    let size = request.body().size_hint().upper().unwrap_or(most).min(most);
    if size <= SMALL {
        return next.run(request).await;
    }
    let Ok(_taken) = room.try_acquire_many(u32::try_from(size).unwrap_or(u32::MAX)) else {
        let problem = Problem::new(Case::Unavailable, "too many large bodies are being sent at the moment");
        return Instead::from(problem).into_response();
    };
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::http::StatusCode;
    use axum::middleware::from_fn_with_state;
    use axum::routing::post;
    use tower::ServiceExt;

    use super::*;

    #[tokio::test]
    async fn large_bodies_share_room_and_small_ones_need_none() {
        let bodies = Bodies::new();
        let app = Router::new().route("/", post(|| async {})).layer(from_fn_with_state(bodies.clone(), with_room));
        let send = async |body: Body| {
            let request = Request::post("/").body(body).unwrap();
            app.clone().oneshot(request).await.unwrap().status()
        };
        let large = || Body::from(vec![b' '; BODY_LIMIT]);
        let unknown = || Body::from_stream(futures_util::stream::iter([Ok::<_, std::io::Error>("x")]));
        for body in [large(), unknown()] {
            assert_eq!(send(body).await, StatusCode::OK);
        }
        let _others = bodies.0.acquire_many(u32::try_from(TOGETHER - BODY_LIMIT + 1).unwrap()).await.unwrap();
        for body in [large(), unknown()] {
            assert_eq!(send(body).await, StatusCode::SERVICE_UNAVAILABLE);
        }
        assert_eq!(send(Body::from("{}")).await, StatusCode::OK);
        assert_eq!(send(Body::from(vec![b' '; BODY_LIMIT / 2])).await, StatusCode::OK);
    }
}
