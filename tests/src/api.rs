//! REST, as a test talks to it.

use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;

/// A client of one gateway.
#[derive(Clone, Debug)]
pub struct Api {
    base: String,
    client: Client,
    token: Option<String>,
}

/// What the gateway answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The JSON body; null where there is none, a string where it is not JSON.
    pub body: Value,
}

impl Api {
    /// A client of the gateway at this address, with connections of its own.
    pub fn new(base: impl Into<String>) -> Self {
        let client = Client::builder().no_proxy().build().expect("an HTTP client");
        Self { base: base.into(), client, token: None }
    }

    /// The same gateway for whoever has this token or API key.
    pub fn with_token(&self, token: impl Into<String>) -> Self {
        Self { token: Some(token.into()), ..self.clone() }
    }

    /// The same gateway for somebody who has not signed in.
    pub fn anonymous(&self) -> Self {
        Self { token: None, ..self.clone() }
    }

    /// The same gateway by way of another HTTP client.
    pub fn with_client(&self, client: Client) -> Self {
        Self { client, ..self.clone() }
    }

    /// The gateway's address, such as `http://127.0.0.1:8080`.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// All items of a list, page by page.
    pub async fn all(&self, path: &str) -> Vec<Value> {
        let mut items = Vec::new();
        let mut cursor = String::new();
        loop {
            let sign = if path.contains('?') { '&' } else { '?' };
            let page = self.get(&format!("{path}{sign}limit=200{cursor}")).await.expect(200).body;
            items.extend(page["items"].as_array().expect("a page").iter().cloned());
            match page["cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return items,
            }
        }
    }

    /// The pages of a list, each found by the link of the one before.
    pub async fn pages(&self, path: &str) -> Vec<Vec<Value>> {
        let (mut pages, mut next) = (Vec::new(), Some(path.to_owned()));
        while let Some(path) = next {
            let page = self.get(&path).await.expect(200);
            pages.push(page.body["items"].as_array().expect("items").clone());
            next = page.body["next"].as_str().map(str::to_owned);
            assert_eq!(page.body["cursor"].is_string(), next.is_some(), "{:#}", page.body);
            let link = page.headers.get("link").map(|link| link.to_str().expect("a header of text").to_owned());
            assert_eq!(link, next.as_ref().map(|next| format!("<{next}>; rel=\"next\"")));
        }
        pages
    }

    /// GET of a path such as `/api/movies`.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    /// POST of a body.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    /// PUT of a body.
    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::PUT, path).json(body)).await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path)).await
    }

    /// A request that needs more than that, such as headers; [`Api::send`] sends it.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Sends it and reads the answer. A gateway that does not answer fails the test.
    pub async fn send(&self, request: RequestBuilder) -> Answer {
        self.try_send(request).await.expect("an answer")
    }

    /// Sends it and reads the answer, if there is one.
    ///
    /// # Errors
    /// When the gateway can't be reached or breaks off.
    pub async fn try_send(&self, request: RequestBuilder) -> reqwest::Result<Answer> {
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        // What is followed does not end; [`Listening`](crate::Listening) reads that.
        let is_followed = headers.get("content-type").is_some_and(|media_type| media_type == "text/event-stream");
        let text = if is_followed { String::new() } else { response.text().await? };
        let body =
            if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap_or(Value::String(text)) };
        Ok(Answer { status, headers, body })
    }
}

impl Answer {
    /// The answer, if it has this status; fails the test if not.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{:#}", self.body);
        self
    }

    /// The same for one of several statuses.
    #[track_caller]
    pub fn expect_one_of(&self, statuses: &[u16]) -> &Self {
        assert!(statuses.contains(&self.status), "{} {:#}", self.status, self.body);
        self
    }

    /// The answer, if it is this problem, such as `seats-unavailable`; fails the test if not.
    #[track_caller]
    pub fn expect_problem(self, case: &str) -> Self {
        assert_eq!(self.body["type"], format!("urn:marquee:problem:{case}"), "{:#}", self.body);
        assert_eq!(self.body["status"], self.status, "{:#}", self.body);
        assert_eq!(self.header("content-type"), "application/problem+json");
        self
    }

    /// The answer, if it is 422 and blames exactly this field; fails the test if not.
    #[track_caller]
    pub fn expect_invalid(self, field: &str) -> Self {
        let answer = self.expect(422).expect_problem("invalid-input");
        assert_eq!(answer.errors(), [(field, "invalid")], "{:#}", answer.body);
        answer
    }

    /// The fields that a problem blames, each with the reason.
    #[track_caller]
    pub fn errors(&self) -> Vec<(&str, &str)> {
        let errors = self.body["errors"].as_array().unwrap_or_else(|| panic!("no errors in {:#}", self.body));
        assert!(
            errors.iter().all(|error| error["message"].as_str().is_some_and(|text| !text.is_empty())),
            "{errors:#?}"
        );
        errors.iter().map(|error| (error["field"].as_str().unwrap(), error["reason"].as_str().unwrap())).collect()
    }

    /// The `id` in the body.
    #[track_caller]
    pub fn id(&self) -> String {
        let id = self.body["id"].as_str();
        id.unwrap_or_else(|| panic!("no id in {:#}", self.body)).to_owned()
    }

    /// A header; fails the test if it is not there.
    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).unwrap_or_else(|| panic!("no {name} in {:?}", self.headers));
        value.to_str().expect("a header of text")
    }
}
