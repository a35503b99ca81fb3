//! NATS, as a script talks to it.

use async_nats::service::NATS_SERVICE_ERROR_CODE;
use async_nats::{Client, HeaderMap};
use serde_json::Value;

/// What a service replied.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The `Nats-Service-Error-Code`, which a good reply has not.
    pub code: Option<u16>,
    /// The JSON body; null where there is none.
    pub body: Value,
}

/// Sends a request, such as to `cinema.qry.movies.movies`, and waits for the reply; fails the test when nobody is there.
pub async fn ask(nats: &Client, subject: &str, payload: &Value) -> Reply {
    ask_with(nats, subject, payload, HeaderMap::new()).await
}

/// The same with headers.
pub async fn ask_with(nats: &Client, subject: &str, payload: &Value, headers: HeaderMap) -> Reply {
    let payload = payload.to_string().into();
    let message = nats.request_with_headers(subject.to_owned(), headers, payload).await.expect("a reply");
    let code = message.headers.as_ref().and_then(|headers| headers.get(NATS_SERVICE_ERROR_CODE));
    let code = code.map(|code| code.as_str().parse().expect("a code"));
    let body = if message.payload.is_empty() {
        Value::Null
    } else {
        serde_json::from_slice(&message.payload).expect("a reply of JSON")
    };
    Reply { code, body }
}

impl Reply {
    /// The body, if it is no problem; fails the test if it is one.
    #[track_caller]
    pub fn expect(self) -> Value {
        assert_eq!(self.code, None, "{:#}", self.body);
        self.body
    }

    /// The body, if it is this problem, such as `seats-unavailable`; fails the test if not.
    #[track_caller]
    pub fn expect_problem(self, case: &str) -> Value {
        assert_eq!(self.body["type"], format!("urn:marquee:problem:{case}"), "{:#}", self.body);
        assert_eq!(self.body["status"].as_u64(), self.code.map(u64::from));
        self.body
    }
}
