//! The OpenAPI document: what the routes say of themselves, and what is the same for all of them, said once here.

mod access;
mod shared;

use contracts::{Problem, Service};
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::{ArrayItems, Components, Object, Schema, Type};
use utoipa::openapi::{OpenApi, PathItem, Ref, RefOr};

use self::access::{is_for_anyone, is_limited};
use crate::routes::operations::Operation as OperationBody;
use crate::routes::tutorial::ALIASES;

/// The tag of the tutorial's paths.
const TUTORIAL: &str = "tutorial";

/// What the document says before any route does.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Marquee",
        description = "Sells cinema seats.\n\n\
            Every example works after `marquee seed`; one that creates or removes something works once.\n\n\
            **Signing in.** Anyone may look at movies, halls, showtimes and seat maps. For the rest, sign in \
            (`POST /api/sessions`) and send `Authorization: Bearer <access_token>`, here with the button *Authorize*; \
            programs send an API key in the same way. Customers see and change what is theirs, staff decide what is \
            shown and see every booking, admins manage users.\n\n\
            **Writing.** A write is answered when its outcome is known. With `Prefer: respond-async`, or when \
            `Prefer: wait=N` runs out, the answer is 202 and `Location` has the operation to ask later; without \
            `Prefer`, a write that is not decided within 10 seconds never takes effect and is answered with 503. With an \
            `Idempotency-Key` a request can be sent again without harm. `If-Match` makes a change conditional on the \
            `ETag` that was read.\n\n\
            **Reading.** You read what you wrote: an answer is never older than what you have been told before. \
            `Marquee-Position` in the answer to a write can be sent as `Marquee-Min-Position` to do the same through \
            another gateway.\n\n\
            **Lists** come in pages: `next`, also in the header `Link`, is the address of the page that follows.\n\n\
            **Errors** are problems as of RFC 9457, with a stable `type` for each case.",
    ),
    components(schemas(Problem, OperationBody, Service)),
    tags(
        (name = "movies", description = "What is shown"),
        (name = "halls", description = "Where it is shown"),
        (name = "showtimes", description = "When it is shown, and which seats are free"),
        (name = "users", description = "Who can book"),
        (name = "sessions", description = "Who is signed in"),
        (name = "api-keys", description = "Which programs may come in"),
        (name = "bookings", description = "Who sits where"),
        (name = "audit", description = "Who did what when"),
        (name = "dead-letters", description = "Commands that could not be read, or failed again and again"),
        (name = "events", description = "What happens, as it happens"),
        (name = "operations", description = "What became of writes that were not waited for"),
        (name = "tutorial", description = "The paths of the tutorial that Marquee started from, which answer as well"),
    ),
)]
struct Start;

/// The document before any route was added.
pub(crate) fn start() -> OpenApi {
    <Start as utoipa::OpenApi>::openapi()
}

/// Adds to every operation what is the same for all of its kind, and the tutorial's paths.
pub(crate) fn complete(document: &mut OpenApi) {
    let components = document.components.get_or_insert_default();
    shared::add_to(components);
    access::add_to(components);
    flatten(components);
    name_items(components);
    for (path, item) in &mut document.paths.paths {
        let has_id = path.contains("{id}");
        for operation in [&mut item.get, &mut item.post, &mut item.put, &mut item.delete].into_iter().flatten() {
            complete_operation(operation, has_id);
        }
    }
    for (theirs, ours) in ALIASES {
        if let Some(item) = document.paths.paths.get(ours) {
            let item = alias(item.clone(), ours);
            document.paths.paths.insert(theirs.to_owned(), item);
        }
    }
}

/// Writes what is flattened in JSON as one object, too. Left as all of two schemas, no value would fit: input may have no
/// unknown fields, and the output has more than the input.
fn flatten(components: &mut Components) {
    let schemas = components.schemas.clone();
    for schema in components.schemas.values_mut() {
        let RefOr::T(Schema::AllOf(all)) = schema else { continue };
        let mut whole = Object::with_type(Type::Object);
        whole.description.clone_from(&all.description);
        let parts = all.items.iter().map(|part| match part {
            RefOr::Ref(reference) => {
                schemas.get(reference.ref_location.trim_start_matches("#/components/schemas/")).unwrap_or(part)
            }
            RefOr::T(_) => part,
        });
        for part in parts {
            if let RefOr::T(Schema::Object(part)) = part {
                whole.properties.extend(part.properties.clone());
                whole.required.extend(part.required.clone());
            }
        }
        *schema = whole.into();
    }
}

/// The items of a list are what its name says, and not that once more.
fn name_items(components: &mut Components) {
    for (name, schema) in &mut components.schemas {
        let (Some(item), RefOr::T(Schema::Object(list))) = (name.strip_prefix("Listing_"), schema) else { continue };
        if let Some(RefOr::T(Schema::Array(items))) = list.properties.get_mut("items") {
            items.items = ArrayItems::RefOrSchema(Box::new(Ref::from_schema_name(item).into()));
        }
    }
}

/// What kind of operation it is, from its id: the verb before the first underscore.
fn complete_operation(operation: &mut Operation, has_id: bool) {
    let id = operation.operation_id.clone().unwrap_or_default();
    let verb = id.split('_').next().unwrap_or_default();
    let about_access = id.ends_with("_session") || id.ends_with("_api_key");
    // Such answers have what nobody is told later.
    let told_at_once = id.ends_with("_session") || id == "create_api_key";
    let writes = matches!(verb, "create" | "update" | "delete" | "refresh");
    let changes = matches!(verb, "update" | "delete") && !about_access;
    let has_tag = verb == "get" && !matches!(id.as_str(), "get_dead_letter" | "get_operation" | "get_seat_map");
    let has_body = operation.request_body.is_some();

    let parameters = [
        ("Limit", verb == "list"),
        ("Cursor", verb == "list"),
        ("Prefer", writes && !told_at_once),
        ("IdempotencyKey", writes),
        ("IfMatch", changes),
        ("IfNoneMatch", has_tag),
        ("MinPosition", verb == "list" || has_tag || id == "get_seat_map"),
    ];
    for (name, _) in parameters.into_iter().filter(|(_, applies)| *applies) {
        let reference = Ref::new(format!("#/components/parameters/{name}"));
        operation.parameters.get_or_insert_default().push(RefOr::Ref(reference));
    }

    let is_for_known = !is_for_anyone(&id);
    operation.security = Some(access::requirements(is_for_known));
    let responses = &mut operation.responses.responses;
    for (status, response) in responses.iter_mut() {
        let RefOr::T(response) = response else { continue };
        let headers: &[&str] = match (status.as_str(), verb) {
            ("201", _) if about_access => &["Location", "Marquee-Position"],
            ("201", _) => &["ETag", "Location", "Marquee-Position"],
            ("200", "refresh") => &["Marquee-Position"],
            ("200", "update") => &["ETag", "Marquee-Position"],
            ("204", _) if writes => &["Marquee-Position"],
            ("200", "list") => &["Link"],
            ("200", _) if has_tag => &["ETag"],
            _ => &[],
        };
        response.headers.extend(headers.iter().map(|name| ((*name).to_owned(), shared::header_reference(name))));
    }
    for (status, name) in shared::RESPONSES {
        let applies = match status {
            "202" => writes && !told_at_once,
            "401" => is_for_known || id.ends_with("_session"),
            "403" => is_for_known,
            "409" => writes || verb == "retry",
            "304" => has_tag,
            "404" => has_id,
            "408" | "413" | "415" => has_body,
            "429" => is_limited(&id),
            "412" => changes,
            _ => true,
        };
        if applies {
            responses.insert(status.into(), RefOr::Ref(Ref::from_response_name(name)));
        }
    }
}

/// The same operations under another path.
fn alias(mut item: PathItem, ours: &str) -> PathItem {
    for operation in [&mut item.get, &mut item.post, &mut item.put, &mut item.delete].into_iter().flatten() {
        operation.tags = Some(vec![TUTORIAL.into()]);
        operation.operation_id = operation.operation_id.take().map(|id| format!("{TUTORIAL}_{id}"));
        operation.description = Some(format!("The same as under `{ours}`."));
    }
    item
}
