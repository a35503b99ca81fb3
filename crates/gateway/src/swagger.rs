//! Swagger UI at `/api/`. Its files lie beside our paths, so it answers whatever no route does.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use contracts::{Case, Problem};
use utoipa_swagger_ui::{Config, serve};

use crate::instead::Instead;

/// Where Swagger UI is. Its page names its files, and the document, relative to this.
pub(crate) const HOME: &str = "/api/";

/// How Swagger UI shows the document.
#[derive(Clone)]
pub(crate) struct SwaggerUi(Arc<Config<'static>>);

impl SwaggerUi {
    pub(crate) fn new() -> Self {
        let config = Config::from("openapi.json")
            // The validator is somebody else's site, which no visitor of ours shall be sent to.
            .validator_url("none")
            .try_it_out_enabled(true)
            .display_request_duration(true)
            .deep_linking(true)
            .default_models_expand_depth(0);
        Self(Arc::new(config))
    }
}

/// Answers with a file of Swagger UI's; for any other path with 404.
pub(crate) async fn answer(State(SwaggerUi(config)): State<SwaggerUi>, method: Method, uri: Uri) -> Response {
    let nothing = || Problem::new(Case::NoSuchRoute, format!("there is nothing at {}", uri.path()));
    let Some(file) = uri.path().strip_prefix(HOME).filter(|_| method == Method::GET || method == Method::HEAD) else {
        return Instead::from(nothing()).into_response();
    };
    match serve(file, config) {
        Ok(Some(file)) => {
            let caching = if file.content_type == "text/html" { "no-cache" } else { "max-age=3600" };
            let headers = [(header::CONTENT_TYPE, file.content_type), (header::CACHE_CONTROL, caching.to_owned())];
            (StatusCode::OK, headers, file.bytes.into_owned()).into_response()
        }
        Ok(None) => Instead::from(nothing()).into_response(),
        Err(error) => {
            let problem = Problem::new(Case::Internal, format!("Swagger UI cannot be served: {error}"));
            Instead::from(problem).into_response()
        }
    }
}
