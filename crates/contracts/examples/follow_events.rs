//! Follows the bookings service's events durably: the broker knows under a name how far this program has come, so that it
//! goes on there when it is started again.
//!
//! ```sh
//! cargo run -p contracts --example follow_events -- my-reports       # goes on, or else starts at the first event
//! cargo run -p contracts --example follow_events -- fresh new        # … with what happens from now on
//! cargo run -p contracts --example follow_events -- late 2030-01-31T20:00:00Z
//! cargo run -p contracts --example follow_events -- part 1000        # … with the event of this sequence
//! ```
//!
//! The environment variable `MARQUEE_NATS_CONTEXT` names the file that says where the broker is and who signs in:
//! `script/up` writes it for subscribers.

use std::io::{self, Write};
use std::time::Duration;
use std::{env, fs};

use anyhow::{Context, Result};
use async_nats::ConnectOptions;
use async_nats::datetime::parse_rfc3339;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::{self, Message};
use contracts::bookings::BookingEvent;
use contracts::{EventSet, Service};
use futures_util::StreamExt;
use serde::Deserialize;

/// What `script/up` writes.
const CONTEXT: &str = ".marquee/cli/nats/context/marquee-subscriber.json";

/// A context of the nats command.
#[derive(Deserialize)]
struct Broker {
    url: String,
    user: String,
    password: String,
    inbox_prefix: String,
    jetstream_api_prefix: String,
}

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let name = arguments.next().context("say under which name to follow")?;
    let start = arguments.next();

    let file = env::var("MARQUEE_NATS_CONTEXT").unwrap_or_else(|_| CONTEXT.into());
    let broker: Broker = serde_json::from_slice(&fs::read(&file).context(file)?)?;
    let client = ConnectOptions::with_user_and_password(broker.user, broker.password)
        .custom_inbox_prefix(broker.inbox_prefix)
        .connect(broker.url)
        .await?;
    let jetstream = jetstream::with_prefix(client, &broker.jetstream_api_prefix);

    let stream = jetstream.get_stream(Service::Bookings.events_stream()).await?;
    let config = pull::Config {
        durable_name: Some(name.clone()),
        filter_subject: Service::Bookings.all_events(),
        deliver_policy: deliver_policy(start.as_deref())?,
        ack_policy: AckPolicy::Explicit,
        // One at a time: then they come in order, also when one has to be delivered again.
        max_ack_pending: 1,
        // So long the one that a program died over waits until it is delivered again.
        ack_wait: Duration::from_secs(5),
        ..pull::Config::default()
    };
    let mut messages = stream.get_or_create_consumer(&name, config).await?.messages().await?;
    while let Some(message) = messages.next().await {
        match message {
            Ok(message) => {
                handle(&message)?;
                // After the work is done: what breaks off before is delivered again.
                message.ack().await.map_err(anyhow::Error::from_boxed)?;
            }
            // The client connects again by itself.
            Err(error) => eprintln!("{error}"),
        }
    }
    Ok(())
}

/// Where a new name starts. One that the broker knows goes on where it was.
fn deliver_policy(start: Option<&str>) -> Result<DeliverPolicy> {
    Ok(match start {
        None | Some("all") => DeliverPolicy::All,
        Some("new") => DeliverPolicy::New,
        Some(number) if number.parse::<u64>().is_ok() => {
            DeliverPolicy::ByStartSequence { start_sequence: number.parse()? }
        }
        Some(time) => {
            let start_time = parse_rfc3339(time).map_err(anyhow::Error::from_boxed)?;
            DeliverPolicy::ByStartTime { start_time }
        }
    })
}

/// Whatever is to be done with an event. It may come twice; its sequence and its `ce-id` are the same then.
fn handle(message: &Message) -> Result<()> {
    let info = message.info().map_err(anyhow::Error::from_boxed)?;
    let event_type =
        message.headers.as_ref().and_then(|headers| headers.get("ce-type")).map_or("", |value| value.as_str());
    let said = match BookingEvent::decode(event_type, &message.payload) {
        Ok(event) => format!("{event:?}"),
        // A type that is newer than this program.
        Err(_) => "is not known here".to_owned(),
    };
    writeln!(io::stdout(), "{} {event_type} {said}", info.stream_sequence)?;
    Ok(())
}
