//! Commands that the broker has and delivers to nobody.
//!
//! A broker that loses the end of its files in a power cut can forget that it removed messages, while its consumer, whose
//! file is another one, knows that they were acknowledged and does not deliver them again. They would stay for ever, look
//! like commands that wait, and hold up what must not overtake those. So the consumer is removed; the command loops make
//! it anew, and it delivers whatever is there. What was decided before is answered from its outcome and acknowledged.

use std::time::Duration;

use async_nats::jetstream::Context;
use contracts::Service;
use contracts::subjects::COMMANDS_CONSUMER;
use tokio::time::{interval, sleep};
use tokio_util::sync::CancellationToken;

/// How often to look.
const LOOK: Duration = Duration::from_secs(1);
/// How long to wait for what comes of it.
const PAUSE: Duration = Duration::from_secs(5);

/// What looks for them.
pub(crate) struct Stranded {
    pub(crate) jetstream: Context,
    pub(crate) service: Service,
}

impl Stranded {
    /// Looks until `shutdown`. While the broker is away, others tell.
    pub(crate) async fn run(self, shutdown: CancellationToken) {
        let (mut looks, mut seen) = (interval(LOOK), None);
        loop {
            tokio::select! { _ = looks.tick() => {}, () = shutdown.cancelled() => return }
            let found = tokio::select! { found = self.look() => found, () = shutdown.cancelled() => return };
            let found = found.unwrap_or(None);
            // Twice, since a message goes a moment after it was acknowledged.
            if let (Some(sequence), true) = (found, found == seen) {
                tracing::warn!(sequence, "commands were acknowledged and are there all the same: all are read again");
                if let Err(error) = self.start_over().await {
                    tracing::warn!(%error, "the consumer of commands could not be removed");
                }
                // A broker whose disk is full removes nothing either; that passes, or somebody is told by others.
                tokio::select! { () = sleep(PAUSE) => {}, () = shutdown.cancelled() => return }
            }
            seen = found;
        }
    }

    /// The first message, where the consumer is done with it: of these there should be none.
    async fn look(&self) -> Result<Option<u64>, async_nats::Error> {
        let stream = self.jetstream.get_stream_no_info(self.service.commands_stream()).await?;
        // The consumer first: what is acknowledged by then is gone when the stream is looked at.
        let done = stream.consumer_info(COMMANDS_CONSUMER).await?.ack_floor.stream_sequence;
        let state = stream.get_info().await?.state;
        Ok((state.messages > 0 && state.first_sequence <= done).then_some(state.first_sequence))
    }

    async fn start_over(&self) -> Result<(), async_nats::Error> {
        let stream = self.jetstream.get_stream_no_info(self.service.commands_stream()).await?;
        stream.delete_consumer(COMMANDS_CONSUMER).await?;
        Ok(())
    }
}
