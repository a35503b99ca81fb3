//! The consumer of commands is in the broker's memory: what waits is in the stream, and is delivered to whoever comes.

use async_nats::jetstream::consumer::{AckPolicy, PullConsumer, pull};
use async_nats::jetstream::{self, stream::Stream};
use contracts::subjects::COMMANDS_CONSUMER;
use contracts::{OutcomeStatus, Service};
use serde_json::Value;
use system_tests::samples::place;
use system_tests::{Broker, Cinema, NatsUser};
use tokio::time::{Duration, Instant};
use uuid::Uuid;

/// The stream of the bookings service's commands, as the provisioner has it.
async fn commands(cinema: &Cinema) -> Stream {
    let client = cinema.broker_as(NatsUser::Provisioner).await.client;
    jetstream::new(client).get_stream(Service::Bookings.commands_stream()).await.expect("a stream")
}

async fn give(broker: &Broker, command: &Value) -> Uuid {
    let id = Uuid::now_v7();
    broker.command(Service::Bookings, "place", command.to_string(), id).await;
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_an_earlier_version_kept_on_disk_is_made_anew_and_nothing_is_lost() {
    let mut cinema = Cinema::start().await;
    let (user, showtime, operator) = (cinema.user().await, cinema.showtime().await, cinema.broker().await);
    cinema.stop("bookings").await;
    let stream = commands(&cinema).await;
    stream.delete_consumer(COMMANDS_CONSUMER).await.expect("removed");
    let before = pull::Config {
        durable_name: Some(COMMANDS_CONSUMER.into()),
        ack_policy: AckPolicy::Explicit,
        ..pull::Config::default()
    };
    let consumer: PullConsumer = stream.create_consumer(before).await.expect("made");
    let ids =
        [give(&operator, &place(&user, &showtime, "A1")).await, give(&operator, &place(&user, &showtime, "A2")).await];
    // One of them is under way to a service that will not acknowledge it.
    consumer.fetch().max_messages(1).messages().await.expect("a command");
    cinema.start_again("bookings").await;
    for id in ids {
        assert_eq!(operator.outcome(Service::Bookings, id).await.status, OutcomeStatus::Accepted);
    }
    let info = stream.consumer_info(COMMANDS_CONSUMER).await.expect("the consumer");
    assert!(info.config.memory_storage);
    assert_eq!(operator.events(Service::Bookings, 2).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_of_the_broker_what_waits_is_decided_at_once() {
    let mut cinema = Cinema::start().await;
    let (user, showtime) = (cinema.user().await, cinema.showtime().await);
    cinema.freeze("bookings");
    let waiting = give(&cinema.broker().await, &place(&user, &showtime, "A1")).await;
    cinema.restart_broker().await;
    cinema.thaw("bookings");
    let (operator, since) = (cinema.broker().await, Instant::now());
    let later = give(&operator, &place(&user, &showtime, "A2")).await;
    let events = operator.events(Service::Bookings, 2).await;
    // In a second and a half, as a rule; ten times as long, where tests are slow.
    assert!(since.elapsed() < Duration::from_secs(15), "{:?}", since.elapsed());
    assert_eq!(events.len(), 2);
    for id in [waiting, later] {
        assert_eq!(operator.outcome(Service::Bookings, id).await.status, OutcomeStatus::Accepted);
    }
}
