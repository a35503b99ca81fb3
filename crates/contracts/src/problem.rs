//! What went wrong, in the form of RFC 9457: the same body on REST (`application/problem+json`) and on NATS.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The stable cases; the `type` of a problem is its kebab-case name behind [`TYPE_PREFIX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Case {
    /// The input cannot be read or breaks a rule of form.
    InvalidInput,
    /// Nobody has signed in, or what proves it is not valid.
    Unauthenticated,
    /// The e-mail address or the password is wrong.
    WrongCredentials,
    /// The caller's roles are not for this.
    Forbidden,
    /// What the request names does not exist.
    NotFound,
    /// No operation is known under this path and method.
    NoSuchRoute,
    /// The path exists, not with this method.
    MethodNotAllowed,
    /// The body is of a media type that is not read here.
    UnsupportedMediaType,
    /// The body is larger than what is read here.
    TooLarge,
    /// The body did not arrive in time.
    RequestTimeout,
    /// The thing has changed since the version that the caller saw.
    VersionMismatch,
    /// The id of what should be created is in use.
    AlreadyExists,
    /// The e-mail address belongs to another user.
    EmailTaken,
    /// The hall's name belongs to another hall.
    HallNameTaken,
    /// The hall shows something else at that time.
    HallOccupied,
    /// The thing is still needed by upcoming showtimes.
    HasUpcomingShowtimes,
    /// What was to be booked or changed refers to something that does not exist.
    UnknownReference,
    /// At least one seat cannot be had.
    SeatsUnavailable,
    /// The showtime has started.
    ShowtimeStarted,
    /// The showtime was cancelled.
    ShowtimeCancelled,
    /// The showtime takes place; what was asked for is for cancelled ones.
    ShowtimeNotCancelled,
    /// The user may still book; what was asked for is for erased ones.
    UserNotDeleted,
    /// The booking was cancelled.
    BookingCancelled,
    /// The booking was checked in.
    BookingCheckedIn,
    /// More seats than one user may have of one showtime.
    TooManySeats,
    /// A dead letter could not be read the next time either.
    NotRetriable,
    /// A field can't be changed after creation.
    Immutable,
    /// The same idempotency key or command id came with another content.
    IdempotencyMismatch,
    /// The same command is still being worked on.
    StillRunning,
    /// The caller has asked for it more often than they may in that time.
    TooManyRequests,
    /// A service or store that is needed is away, or did not answer in time.
    Unavailable,
    /// A fault of ours.
    Internal,
}

/// What the `type` of every problem starts with.
pub const TYPE_PREFIX: &str = "urn:marquee:problem:";

impl Case {
    /// The HTTP status, which also is the `Nats-Service-Error-Code`.
    pub fn status(self) -> u16 {
        match self {
            Case::InvalidInput | Case::IdempotencyMismatch | Case::Immutable | Case::UnknownReference => 422,
            Case::Unauthenticated | Case::WrongCredentials => 401,
            Case::Forbidden => 403,
            Case::NotFound | Case::NoSuchRoute => 404,
            Case::MethodNotAllowed => 405,
            Case::UnsupportedMediaType => 415,
            Case::TooLarge => 413,
            Case::RequestTimeout => 408,
            Case::VersionMismatch => 412,
            Case::AlreadyExists
            | Case::EmailTaken
            | Case::HallNameTaken
            | Case::HallOccupied
            | Case::HasUpcomingShowtimes
            | Case::SeatsUnavailable
            | Case::ShowtimeStarted
            | Case::ShowtimeCancelled
            | Case::ShowtimeNotCancelled
            | Case::UserNotDeleted
            | Case::BookingCancelled
            | Case::BookingCheckedIn
            | Case::TooManySeats
            | Case::NotRetriable
            | Case::StillRunning => 409,
            Case::TooManyRequests => 429,
            Case::Unavailable => 503,
            Case::Internal => 500,
        }
    }

    /// The summary for people, the same for every occurrence.
    pub fn title(self) -> &'static str {
        match self {
            Case::InvalidInput => "The input is not valid",
            Case::Unauthenticated => "Not signed in",
            Case::WrongCredentials => "Wrong e-mail address or password",
            Case::Forbidden => "Not allowed",
            Case::NotFound => "Not found",
            Case::NoSuchRoute => "No such path",
            Case::MethodNotAllowed => "The path does not have this method",
            Case::UnsupportedMediaType => "Only application/json is read here",
            Case::TooLarge => "The body is too large",
            Case::RequestTimeout => "The body did not arrive in time",
            Case::VersionMismatch => "Changed since the version that was named",
            Case::AlreadyExists => "Exists already",
            Case::EmailTaken => "The e-mail address is taken",
            Case::HallNameTaken => "The hall's name is taken",
            Case::HallOccupied => "The hall is occupied at that time",
            Case::HasUpcomingShowtimes => "Upcoming showtimes still need it",
            Case::UnknownReference => "Refers to something that does not exist",
            Case::SeatsUnavailable => "Not every seat can be had",
            Case::ShowtimeStarted => "The showtime has started",
            Case::ShowtimeCancelled => "The showtime is cancelled",
            Case::ShowtimeNotCancelled => "The showtime is not cancelled",
            Case::UserNotDeleted => "The user is not deleted",
            Case::BookingCancelled => "The booking is cancelled",
            Case::BookingCheckedIn => "The booking is checked in",
            Case::TooManySeats => "Too many seats",
            Case::NotRetriable => "It cannot be sent again",
            Case::Immutable => "A field cannot be changed",
            Case::IdempotencyMismatch => "The same key came with another content",
            Case::StillRunning => "The same request is still running",
            Case::TooManyRequests => "Too many requests",
            Case::Unavailable => "Unavailable at the moment",
            Case::Internal => "An internal fault",
        }
    }

    /// The kebab-case name.
    pub fn name(self) -> String {
        match serde_json::to_value(self) {
            Ok(serde_json::Value::String(name)) => name,
            _ => String::new(),
        }
    }
}

/// A problem body (RFC 9457).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct Problem {
    /// A stable URI for the case, `urn:marquee:problem:<case>`.
    #[serde(rename = "type")]
    #[schema(example = "urn:marquee:problem:seats-unavailable")]
    pub problem_type: String,
    /// The case in words, the same for every occurrence.
    #[schema(example = "Not every seat can be had")]
    pub title: String,
    /// The HTTP status.
    #[schema(example = 409)]
    pub status: u16,
    /// This occurrence in words.
    #[schema(example = "1 of 2 seats cannot be booked")]
    pub detail: String,
    /// What is wrong with single fields or seats.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

/// One field or seat that is in the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct FieldError {
    /// Where: a path into the body such as `layout.rows[2].label`, or `seats.C7`.
    #[schema(example = "seats.C7")]
    pub field: String,
    /// A stable word for the reason, such as `taken`, `blocked`, `unknown`, `invalid`.
    #[schema(example = "taken")]
    pub reason: String,
    /// The reason in words.
    #[schema(example = "seat C7 is taken")]
    pub message: String,
}

impl FieldError {
    /// A field error of these three.
    pub fn new(field: impl Into<String>, reason: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), reason: reason.into(), message: message.into() }
    }
}

impl Problem {
    /// A problem of this case, with what is particular to the occurrence.
    pub fn new(case: Case, detail: impl Into<String>) -> Self {
        Self {
            problem_type: format!("{TYPE_PREFIX}{}", case.name()),
            title: case.title().into(),
            status: case.status(),
            detail: detail.into(),
            errors: Vec::new(),
        }
    }

    /// The same with the fields that are to blame.
    pub fn with_errors(mut self, errors: Vec<FieldError>) -> Self {
        self.errors = errors;
        self
    }

    /// One invalid field.
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        let message = message.into();
        Self::new(Case::InvalidInput, message.clone()).with_errors(vec![FieldError::new(field, "invalid", message)])
    }

    /// True for a problem of this case.
    pub fn is(&self, case: Case) -> bool {
        self.problem_type.strip_prefix(TYPE_PREFIX) == Some(case.name().as_str())
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.title, self.detail)
    }
}

impl std::error::Error for Problem {}
