//! Asking what became of a command.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::CommandId;
use crate::message::{MessageSpec, Outcome, schema_of};

/// Asks for the outcome of a command: `cinema.qry.<service>.operation`, the same for every service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetOperation {
    /// The command.
    pub command_id: CommandId,
}

/// The last token of the subject on which a service answers [`GetOperation`] with an [`Outcome`].
pub const OPERATION: &str = "operation";

/// The schemas of the question and its answer.
pub fn spec() -> MessageSpec {
    MessageSpec {
        name: OPERATION,
        description: "What became of a command.",
        request: schema_of::<GetOperation>,
        reply: Some(schema_of::<Outcome>),
        about: None,
    }
}
