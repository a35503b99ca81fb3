//! Parameters, headers and responses that many operations have in common.

use contracts::{Case, Problem};
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{Components, ObjectBuilder, Type};
use utoipa::openapi::{ContentBuilder, Header, HeaderBuilder, Ref, RefOr, Required, Response, ResponseBuilder};

use crate::instead::PROBLEM_JSON;

/// Query parameters and request headers: the component's name, the parameter's, and what it does.
const PARAMETERS: [(&str, &str, &str); 7] = [
    ("Limit", "limit", "At most so many items: 1 to 200, by default 50"),
    ("Cursor", "cursor", "Where the page before ended: its `cursor`"),
    (
        "Prefer",
        "Prefer",
        "`respond-async`: answer with 202 as soon as the request is safe on disk. `wait=N`: wait N seconds for the \
         outcome, at most 60, and then answer with 202 (RFC 7240)",
    ),
    (
        "IdempotencyKey",
        "Idempotency-Key",
        "A key of your own, 1 to 255 visible characters. The same request with the same key takes effect once and gets \
         the same answer; another body with the same key is refused with 422, and while the first request is running, \
         the second is answered with 409",
    ),
    (
        "MinPosition",
        "Marquee-Min-Position",
        "Answer from a state at least as new as this `Marquee-Position`, such as `bookings=12`",
    ),
    (
        "IfMatch",
        "If-Match",
        "The `ETag` that was read, or several: the change is refused with 412 when the thing has changed since",
    ),
    ("IfNoneMatch", "If-None-Match", "The `ETag` that was read: the answer is 304 when nothing has changed since"),
];

/// Response headers, with what they say.
const HEADERS: [(&str, &str); 7] = [
    ("Location", "Where the new thing, or the operation, is"),
    ("ETag", "Tells this representation from others, for `If-Match` and `If-None-Match`"),
    ("Marquee-Position", "Where in a service's journal the write took effect, such as `bookings=12`"),
    ("Link", "The address of the next page, with `rel=\"next\"`; absent on the last"),
    ("Retry-After", "In how many seconds to try again"),
    ("RateLimit", "How you stand: so many are left (`r`), and in so many seconds (`t`) all will be back"),
    ("RateLimit-Policy", "How many (`q`) you may in so many seconds (`w`)"),
];

/// Errors: the component's name, one of its cases, and when they happen.
const PROBLEMS: [(&str, Case, &str); 12] = [
    ("Unauthenticated", Case::Unauthenticated, "Nobody has signed in, or what proves it is not valid"),
    ("Forbidden", Case::Forbidden, "The caller's roles are not for this"),
    ("NotFound", Case::NotFound, "There is nothing with this id"),
    ("Timeout", Case::RequestTimeout, "The body did not arrive in time"),
    (
        "Conflict",
        Case::SeatsUnavailable,
        "It cannot be done as things stand; or the request with this `Idempotency-Key` is still running",
    ),
    ("VersionMismatch", Case::VersionMismatch, "The thing has changed since the version that `If-Match` names"),
    ("TooLarge", Case::TooLarge, "The body is larger than 1 MiB"),
    ("UnsupportedMediaType", Case::UnsupportedMediaType, "The body is not `application/json`"),
    ("InvalidInput", Case::InvalidInput, "The input cannot be read or breaks a rule; `errors` has the fields"),
    ("TooManyRequests", Case::TooManyRequests, "More often, or more at once, than you may"),
    ("Internal", Case::Internal, "A fault of ours"),
    (
        "Unavailable",
        Case::Unavailable,
        "A service or store is away; try again after `Retry-After`. Nothing was done, and nothing will be; where that is \
         not known yet, `detail` says so, and the operation in `Location` tells",
    ),
];

/// Which component a status is described by.
pub(super) const RESPONSES: [(&str, &str); 14] = [
    ("202", "Accepted"),
    ("304", "NotModified"),
    ("401", "Unauthenticated"),
    ("403", "Forbidden"),
    ("404", "NotFound"),
    ("408", "Timeout"),
    ("409", "Conflict"),
    ("412", "VersionMismatch"),
    ("413", "TooLarge"),
    ("415", "UnsupportedMediaType"),
    ("422", "InvalidInput"),
    ("429", "TooManyRequests"),
    ("500", "Internal"),
    ("503", "Unavailable"),
];

/// Adds them to the document's components.
pub(super) fn add_to(components: &mut Components) {
    for (component, name, description) in PARAMETERS {
        components.parameters.insert(component.into(), parameter(name, description).into());
    }
    for (name, description) in HEADERS {
        components.headers.insert(name.into(), header(description).into());
    }
    for (name, case, description) in PROBLEMS {
        let example = serde_json::to_value(Problem::new(case, description)).ok();
        let mut response = body(description, PROBLEM_JSON, "Problem", example);
        let headers: &[&str] = match name {
            "TooManyRequests" => &["Retry-After", "RateLimit", "RateLimit-Policy"],
            "Unavailable" => &["Retry-After"],
            _ => &[],
        };
        response.headers.extend(headers.iter().map(|name| ((*name).to_owned(), header_reference(name))));
        components.responses.insert(name.into(), response.into());
    }
    let mut accepted =
        body("Not decided yet; `Location` has the operation to ask", "application/json", "Operation", None);
    accepted.headers.insert("Location".into(), header_reference("Location"));
    components.responses.insert("Accepted".into(), accepted.into());
    let unchanged = Response::new("The representation that the caller has is the current one");
    components.responses.insert("NotModified".into(), unchanged.into());
}

/// A reference to one of the shared response headers.
pub(super) fn header_reference(name: &str) -> RefOr<Header> {
    RefOr::Ref(Ref::new(format!("#/components/headers/{name}")))
}

fn parameter(name: &str, description: &str) -> Parameter {
    let (place, schema) = match name {
        "limit" => (
            ParameterIn::Query,
            ObjectBuilder::new()
                .schema_type(Type::Integer)
                .minimum(Some(1))
                .maximum(Some(200))
                .default(Some(50.into())),
        ),
        "cursor" => (ParameterIn::Query, ObjectBuilder::new().schema_type(Type::String)),
        _ => (ParameterIn::Header, ObjectBuilder::new().schema_type(Type::String)),
    };
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(schema))
        .build()
}

fn header(description: &str) -> Header {
    HeaderBuilder::new()
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .description(Some(description))
        .build()
}

fn body(description: &str, media_type: &str, schema: &str, example: Option<serde_json::Value>) -> Response {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(schema))).example(example).build();
    ResponseBuilder::new().description(description).content(media_type, content).build()
}
