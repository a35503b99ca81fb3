//! Dead letters: what could not be decoded, or failed again and again, kept with the reason and sent again by hand.

use async_nats::jetstream::Context;
use contracts::Service;
use contracts::subjects::headers as names;

use crate::intake::Rejected;
use crate::{headers, streams};

/// Keeps a letter. Returns when the broker has it; the command's id as message id makes a repeat harmless.
pub(crate) async fn bury(jetstream: &Context, service: Service, rejected: &Rejected) -> Result<(), async_nats::Error> {
    tracing::warn!(subject = rejected.subject, id = %rejected.id, reason = rejected.reason, "a dead letter");
    let headers = headers::map([
        (names::MESSAGE_ID, rejected.id.to_string()),
        (names::SUBJECT, rejected.subject.clone()),
        (names::REASON, rejected.reason.replace(['\r', '\n'], " ")),
    ]);
    let publish =
        || jetstream.publish_with_headers(service.dead_letters(), headers.clone(), rejected.payload.clone().into());
    if publish().await?.await.is_err() {
        streams::dead_letters(jetstream).await?;
        publish().await?.await?;
    }
    Ok(())
}
