//! The macros by which each service's module lists its commands, events and queries.

use schemars::JsonSchema;

use crate::message::{MessageSpec, schema_of};

/// What there is to say of an event.
pub(crate) fn event<T: JsonSchema>(name: &'static str, text: &'static str, about: &'static str) -> MessageSpec {
    MessageSpec { name, description: text.trim_ascii(), request: schema_of::<T>, reply: None, about: Some(about) }
}

/// Declares a service's commands: the enum, the names and the answers, in one visible list.
macro_rules! commands {
    ($(#[$doc:meta])* $set:ident of $service:ident {
        $($(#[doc = $text:literal])* $name:literal => $variant:ident($payload:ty) -> $answer:ty,)*
    }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub enum $set {
            $($(#[doc = $text])* $variant($payload),)*
        }

        $(
            impl $crate::message::Command for $payload {
                const SERVICE: $crate::subjects::Service = $crate::subjects::Service::$service;
                const NAME: &'static str = $name;
                type Answer = $answer;
            }

            impl From<$payload> for $set {
                fn from(payload: $payload) -> Self {
                    Self::$variant(payload)
                }
            }
        )*

        impl $crate::message::CommandSet for $set {
            const SERVICE: $crate::subjects::Service = $crate::subjects::Service::$service;

            fn decode(name: &str, payload: &[u8]) -> Result<Self, $crate::problem::Problem> {
                match name {
                    $($name => $crate::message::decode(payload).map(Self::$variant),)*
                    _ => Err($crate::problem::Problem::invalid(
                        "command",
                        format!("the {} service has no command {name:?}", Self::SERVICE),
                    )),
                }
            }

            fn name(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $name,)*
                }
            }

            fn encode(&self) -> serde_json::Result<Box<serde_json::value::RawValue>> {
                match self {
                    $(Self::$variant(payload) => serde_json::value::to_raw_value(payload),)*
                }
            }

            fn specs() -> Vec<$crate::message::MessageSpec> {
                vec![$($crate::message::MessageSpec {
                    name: $name,
                    description: concat!($($text),*).trim_ascii(),
                    request: $crate::message::schema_of::<$payload>,
                    reply: Some($crate::message::schema_of::<$answer>),
                    about: None,
                },)*]
            }
        }
    };
}

/// Declares a service's events: the stored type, the payload and the id of the thing that it happened to; after `was` the
/// types that it had in earlier versions, each with its payload, from which today's can be made (`From`).
macro_rules! events {
    ($(#[$doc:meta])* $set:ident of $service:ident {
        $($(#[doc = $text:literal])* $type_name:literal => $variant:ident($payload:ty) about $entity:ident
            $(was $old_name:literal($old:ty))*,)*
    }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub enum $set {
            $($(#[doc = $text])* $variant($payload),)*
        }

        $(
            impl From<$payload> for $set {
                fn from(payload: $payload) -> Self {
                    Self::$variant(payload)
                }
            }
        )*

        impl $crate::message::EventSet for $set {
            const SERVICE: $crate::subjects::Service = $crate::subjects::Service::$service;

            fn type_name(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $type_name,)*
                }
            }

            fn entity(&self) -> uuid::Uuid {
                match self {
                    $(Self::$variant(payload) => payload.$entity.into(),)*
                }
            }

            fn encode(&self) -> serde_json::Result<String> {
                match self {
                    $(Self::$variant(payload) => serde_json::to_string(payload),)*
                }
            }

            fn decode(type_name: &str, body: &[u8]) -> Result<Self, String> {
                match type_name {
                    $(
                        $type_name => serde_json::from_slice(body).map(Self::$variant).map_err(|e| e.to_string()),
                        $($old_name => serde_json::from_slice::<$old>(body)
                            .map(|old| Self::$variant(old.into()))
                            .map_err(|e| e.to_string()),)*
                    )*
                    _ => Err(format!("the {} service has no event {type_name:?}", Self::SERVICE)),
                }
            }

            fn specs() -> Vec<$crate::message::MessageSpec> {
                let versions = [$({
                    let (text, about) = (concat!($($text),*), stringify!($entity));
                    vec![
                        $crate::lists::event::<$payload>($type_name, text, about),
                        $($crate::lists::event::<$old>($old_name, text, about),)*
                    ]
                }),*];
                versions.concat()
            }
        }
    };
}

/// Declares queries: `"name" => Request, Reply;` with a sentence each, and the function that lists them.
macro_rules! queries {
    ($list:ident of $service:ident $kind:ident {
        $($(#[doc = $text:literal])* $name:literal => $request:ty, $reply:ty;)*
    }) => {
        $(
            impl $crate::message::Query for $request {
                const SERVICE: $crate::subjects::Service = $crate::subjects::Service::$service;
                const KIND: $crate::message::QueryKind = $crate::message::QueryKind::$kind;
                const NAME: &'static str = $name;
                const DESCRIPTION: &'static str = concat!($($text),*).trim_ascii();
                type Reply = $reply;
            }
        )*

        /// What there is to ask here, for schemas.
        pub fn $list() -> Vec<$crate::message::MessageSpec> {
            vec![$(<$request as $crate::message::Query>::spec(),)*]
        }
    };
}

pub(crate) use {commands, events, queries};

#[cfg(test)]
#[allow(unreachable_pub)] // what `events!` declares is for other crates
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::EventSet;
    use crate::ids::BookingId;

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
    pub struct Placed {
        booking_id: BookingId,
        seats: Vec<String>,
    }

    /// A booking had one seat in those days.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
    pub struct PlacedV1 {
        booking_id: BookingId,
        seat: String,
    }

    impl From<PlacedV1> for Placed {
        fn from(old: PlacedV1) -> Self {
            Self { booking_id: old.booking_id, seats: vec![old.seat] }
        }
    }

    events! {
        /// Of a service that has changed its mind.
        Changed of Bookings {
            /// Seats were booked.
            "placed.v2" => Placed(Placed) about booking_id was "placed.v1"(PlacedV1),
        }
    }

    #[test]
    fn an_earlier_version_is_read_as_todays() {
        let (id, old) =
            (BookingId(uuid::Uuid::nil()), br#"{"booking_id":"00000000-0000-0000-0000-000000000000","seat":"A1"}"#);
        let event = Changed::decode("placed.v1", old).unwrap();
        assert_eq!(event, Changed::Placed(Placed { booking_id: id, seats: vec!["A1".into()] }));
        assert_eq!(event.type_name(), "placed.v2");
        assert_eq!(Changed::decode("placed.v2", event.encode().unwrap().as_bytes()).unwrap(), event);
        assert!(Changed::decode("placed.v2", old).is_err() && Changed::decode("placed.v3", old).is_err());
        assert_eq!(Changed::specs().iter().map(|spec| spec.name).collect::<Vec<_>>(), ["placed.v2", "placed.v1"]);
    }
}
