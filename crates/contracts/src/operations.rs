//! Asking what became of a command.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::CommandId;

/// Asks for the outcome of a command: `cinema.qry.<service>.operation`, the same for every service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetOperation {
    /// The command.
    pub command_id: CommandId,
}

/// The last token of the subject on which a service answers [`GetOperation`] with an [`crate::message::Outcome`].
pub const OPERATION: &str = "operation";
