//! `marquee verify`: what is as it must be is told so, also while it changes; each kind of damage is found and placed.

use std::sync::{Mutex, PoisonError};

use async_nats::jetstream;
use contracts::Service;
use contracts::bookings::Booking;
use diesel_async::{AsyncConnection, AsyncMysqlConnection, SimpleAsyncConnection};
use serde_json::{Value, json};
use system_tests::{Broker, Cinema, NatsUser, eventually, on_shared_cinema, samples};
use uuid::Uuid;

/// What one test damages, another would find.
static TURN: Mutex<()> = Mutex::new(());

/// The columns of the journal that aren't made by the database.
const ROW: &str = "position, stream_id, version, entity_id, event_type, data, command_id, actor, recorded_at";

fn in_turn(test: impl AsyncFnOnce(&Cinema)) {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    on_shared_cinema(test);
}

async fn connect(cinema: &Cinema, service: Service) -> AsyncMysqlConnection {
    AsyncMysqlConnection::establish(&cinema.database.urls()[&service]).await.expect("a connection")
}

async fn sql(cinema: &Cinema, service: Service, statements: &str) {
    connect(cinema, service)
        .await
        .batch_execute(statements)
        .await
        .unwrap_or_else(|error| panic!("{statements}: {error}"));
}

async fn clean(cinema: &Cinema) {
    let (code, said) = cinema.verify(&[]).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("all is as it must be"), "{said}");
}

/// Expects findings, each of a check at a place.
async fn damaged(cinema: &Cinema, expected: &[(&str, &str, &str)]) {
    let (code, said) = cinema.verify(&["--patience", "1"]).await;
    assert_eq!(code, Some(1), "{said}");
    for (check, place, what) in expected {
        let found = said.lines().any(|line| line.starts_with(&format!("{check}: {place}")) && line.contains(what));
        assert!(found, "{check}: {place}: {what}\nin\n{said}");
    }
    assert_eq!(said.matches("to mend it: ").count(), said.lines().count() / 2, "each with what mends it: {said}");
}

/// Does some damage to a service's store, which must be found, and undoes it.
async fn finds(cinema: &Cinema, service: Service, damage: &str, undo: &str, expected: &[(&str, &str, &str)]) {
    sql(cinema, service, damage).await;
    damaged(cinema, expected).await;
    sql(cinema, service, undo).await;
    clean(cinema).await;
}

/// An id as a column has it.
fn key(id: impl ToString) -> String {
    format!("UNHEX('{}')", id.to_string().replace('-', ""))
}

/// A new booking of two seats, and the position of its event. It is in the read tables, and all that it is of.
async fn booking(cinema: &Cinema) -> (Booking, u64) {
    let (user, (showtime, _)) = (cinema.user().await, cinema.seats().await);
    for path in [format!("/api/users/{user}"), format!("/api/showtimes/{showtime}")] {
        cinema.api.get(&path).await.expect(200);
    }
    let body = json!({ "user_id": user, "showtime_id": showtime, "seats": ["A1", "A2"] });
    let broker = cinema.broker().await;
    let outcome = broker.ask(Service::Bookings, "place", body).await;
    let position = outcome.position;
    let booking: Booking = outcome.into_result().expect("a booking");
    let wanted = json!({ "id": booking.id });
    broker.query_from(format!("bookings={position}"), Service::Bookings, "booking", wanted).await;
    (booking, position)
}

#[test]
fn a_cinema_is_clean_also_while_it_is_busy() {
    in_turn(async |cinema| {
        let mut looks = 0;
        let look = async {
            loop {
                clean(cinema).await;
                looks += 1;
            }
        };
        tokio::select! { said = cinema.seed() => assert!(said.contains("bookings"), "{said}"), () = look => {} }
        assert!(looks > 0, "nobody looked while it was busy");
        booking(cinema).await;
        let (code, said) = cinema.verify(&["--json"]).await;
        let report: Value = serde_json::from_str(&said).expect("JSON");
        assert_eq!((code, &report["findings"]), (Some(0), &json!([])));
        let mut events = 0;
        for service in Service::ALL {
            events += cinema.broker().await.last_sequence(service).await;
        }
        assert_eq!(report["events"], json!(events));
    });
}

#[test]
fn a_journal_with_a_hole_another_version_or_another_body_is_found() {
    in_turn(async |cinema| {
        let (booked, position) = booking(cinema).await;
        booking(cinema).await;
        let place = format!("bookings, position {position}");
        let lost = format!(
            "CREATE TABLE kept AS SELECT {ROW} FROM journal WHERE position = {position};
             DELETE FROM journal WHERE position = {position}"
        );
        let undo = format!("INSERT INTO journal ({ROW}) SELECT {ROW} FROM kept; DROP TABLE kept");
        let expected = [
            ("journal", place.as_str(), "not in the journal"),
            ("outcomes", "bookings, outcome of command", &booked.id.to_string()),
            ("seats", &format!("bookings, claim {}/A1", booked.showtime.id), ""),
            ("projections", &format!("bookings, table bookings, row {}", booked.id), "must not be"),
        ];
        finds(cinema, Service::Bookings, &lost, &undo, &expected).await;

        let version = |by: &str| format!("UPDATE journal SET version = version {by} WHERE position = {position}");
        let expected = [("journal", place.as_str(), "version 2 of stream"), ("stream", &place, "ce-streamversion")];
        finds(cinema, Service::Bookings, &version("+ 1"), &version("- 1"), &expected).await;

        let seat = |from: &str, to: &str| {
            format!("UPDATE journal SET data = REPLACE(data, '\"{from}\"', '\"{to}\"') WHERE position = {position}")
        };
        let row = format!("bookings, table bookings, row {}", booked.id);
        let expected = [
            ("stream", place.as_str(), "body"),
            ("projections", &row, "seats is"),
            ("seats", &format!("bookings, claim {}/A2", booked.showtime.id), ""),
        ];
        finds(cinema, Service::Bookings, &seat("A2", "B2"), &seat("B2", "A2"), &expected).await;

        let head = |by: &str| format!("UPDATE journal_head SET position = position {by}");
        let expected = [("journal", "users, journal_head", ""), ("stream", "users, stream USERS_EVENTS", "ahead")];
        finds(cinema, Service::Users, &head("- 1"), &head("+ 1"), &expected).await;
    });
}

/// In a cinema of its own: whoever followed a stream that was deleted takes a while to notice.
#[tokio::test]
async fn a_stream_that_lost_an_event_is_found_and_mended_as_told() {
    let cinema = Cinema::start().await;
    booking(&cinema).await;
    let (_, position) = booking(&cinema).await;
    booking(&cinema).await;
    let provisioner = jetstream::new(cinema.broker_as(NatsUser::Provisioner).await.client);
    let name = Service::Bookings.events_stream();
    // The relay brings it in a moment.
    cinema.broker().await.events(Service::Bookings, position).await;
    let stream = provisioner.get_stream(name).await.expect("a stream");
    assert!(stream.delete_message(position).await.expect("an answer"));
    let place = format!("bookings, position {position}");
    damaged(&cinema, &[("stream", &place, "in the journal and not in the stream")]).await;
    provisioner.delete_stream(name).await.expect("no stream");
    clean(&cinema).await;
}

#[test]
fn a_row_of_a_read_table_that_is_wrong_or_missing_is_found() {
    in_turn(async |cinema| {
        let (booked, _) = booking(cinema).await;
        let (movie, showtime, user) = (key(booked.movie.id), key(booked.showtime.id), key(booked.user_id));
        let title = |title: &str| format!("UPDATE movies SET title = '{title}' WHERE id = {movie}");
        let place = format!("bookings, table movies, row {}", booked.movie.id);
        let expected = [("projections", place.as_str(), "title is Psycho and not Metropolis")];
        finds(cinema, Service::Bookings, &title("Psycho"), &title("Metropolis"), &expected).await;

        let back = "SELECT * FROM kept; DROP TABLE kept";
        for (service, table, id) in [
            (Service::Movies, "showtimes", &showtime),
            (Service::Users, "users", &user),
            (Service::Bookings, "halls", &key(booked.showtime.hall.id)),
        ] {
            let lost = format!(
                "CREATE TABLE kept AS SELECT * FROM {table} WHERE id = {id}; DELETE FROM {table} WHERE id = {id}"
            );
            let place = format!("{service}, table {table}, row ");
            let undo = format!("INSERT INTO {table} {back}");
            finds(cinema, service, &lost, &undo, &[("projections", &place, "is missing")]).await;
        }
    });
}

#[test]
fn a_seat_with_two_owners_is_found_in_claims_and_in_read_tables() {
    in_turn(async |cinema| {
        let (booked, _) = booking(cinema).await;
        let (id, showtime) = (key(booked.id), booked.showtime.id);
        let holder = key(showtime);
        let claim = |seat: &str| format!("'seat', '{showtime}/{seat}', {holder}");
        let taken = format!("INSERT INTO claims VALUES ({}), ({})", claim("a1"), claim("B7"));
        let freed = format!("DELETE FROM claims WHERE value IN ('{showtime}/a1', '{showtime}/B7')");
        let (twice, unsold) = (format!("bookings, claim {showtime}/a1"), format!("bookings, claim {showtime}/B7"));
        finds(cinema, Service::Bookings, &taken, &freed, &[("seats", &twice, ""), ("seats", &unsold, "")]).await;

        let lost = format!("DELETE FROM claims WHERE kind = 'seat' AND value = '{showtime}/A1'");
        let back = format!("INSERT INTO claims VALUES ({})", claim("A1"));
        let place = format!("bookings, claim {showtime}/A1");
        finds(cinema, Service::Bookings, &lost, &back, &[("seats", &place, "missing")]).await;

        let other = Uuid::now_v7();
        let copy = format!(
            "CREATE TABLE kept AS SELECT * FROM bookings WHERE id = {id}; UPDATE kept SET id = {};
             INSERT INTO bookings SELECT * FROM kept; DROP TABLE kept",
            key(other)
        );
        let gone = format!("DELETE FROM bookings WHERE id = {}", key(other));
        let place = format!("bookings, table bookings, row {other}");
        let expected = [("seats", place.as_str(), "seat A1"), ("projections", &place, "must not be")];
        finds(cinema, Service::Bookings, &copy, &gone, &expected).await;
    });
}

#[test]
fn a_seat_that_the_journal_sells_twice_is_found() {
    in_turn(async |cinema| {
        let (first, _) = booking(cinema).await;
        let second = cinema.book(&first.user_id.to_string(), &first.showtime.id.to_string(), &["B1"]).await.expect(201);
        let position = second.header("marquee-position").trim_start_matches("bookings=").to_owned();
        let seat = |from: &str, to: &str| {
            format!("UPDATE journal SET data = REPLACE(data, '\"{from}\"', '\"{to}\"') WHERE position = {position}")
        };
        let place = format!("bookings, position {position}");
        let expected = [("seats", place.as_str(), &*format!("booking {} has it", first.id))];
        finds(cinema, Service::Bookings, &seat("B1", "A1"), &seat("A1", "B1"), &expected).await;
    });
}

#[test]
fn events_and_outcomes_that_do_not_agree_are_found() {
    in_turn(async |cinema| {
        let (booked, position) = booking(cinema).await;
        let place = format!("bookings, position {position}");
        let its = format!("command_id = (SELECT command_id FROM journal WHERE position = {position})");
        let lost = format!("CREATE TABLE kept AS SELECT * FROM outcomes WHERE {its}; DELETE FROM outcomes WHERE {its}");
        let back = "INSERT INTO outcomes SELECT * FROM kept; DROP TABLE kept";
        finds(cinema, Service::Bookings, &lost, back, &[("outcomes", &place, "which has no outcome")]).await;

        let refused = |accepted: bool| format!("UPDATE outcomes SET accepted = {accepted} WHERE {its}");
        let expected = [("outcomes", place.as_str(), "which was refused")];
        finds(cinema, Service::Bookings, &refused(false), &refused(true), &expected).await;

        let moved = |by: &str| format!("UPDATE outcomes SET position = position {by} WHERE {its}");
        let expected = [("outcomes", place.as_str(), "whose outcome says position")];
        finds(cinema, Service::Bookings, &moved("- 1"), &moved("+ 1"), &expected).await;

        let (command, phantom) = (Uuid::now_v7(), Uuid::now_v7());
        let made_up = format!(
            "CREATE TABLE kept AS SELECT * FROM outcomes WHERE {its};
             UPDATE kept SET command_id = {}, body = REPLACE(body, '{}', '{phantom}');
             INSERT INTO outcomes SELECT * FROM kept; DROP TABLE kept",
            key(command),
            booked.id,
        );
        let gone = format!("DELETE FROM outcomes WHERE command_id = {}", key(command));
        let place = format!("bookings, outcome of command {command}");
        let expected = [("outcomes", place.as_str(), &*phantom.to_string())];
        finds(cinema, Service::Bookings, &made_up, &gone, &expected).await;
    });
}

#[test]
fn a_reaction_that_is_not_done_is_found() {
    in_turn(async |cinema| {
        let (booked, _) = booking(cinema).await;
        let answer = cinema.api.delete(&format!("/api/showtimes/{}", booked.showtime.id)).await;
        let path = format!("/api/bookings/{}", booked.id);
        assert!(answer.status < 300, "{}", answer.body);
        eventually("a cancelled booking", async || {
            (cinema.api.get(&path).await.body["status"] == "cancelled").then_some(())
        })
        .await;
        clean(cinema).await;
        let position = cinema.broker().await.last_sequence(Service::Movies).await;
        let place = format!("bookings, reaction cancelled-showtimes to movies, position {position}");

        let its = "command_id = (SELECT command_id FROM journal ORDER BY position DESC LIMIT 1)";
        let lost = format!("CREATE TABLE kept AS SELECT * FROM outcomes WHERE {its}; DELETE FROM outcomes WHERE {its}");
        let back = "INSERT INTO outcomes SELECT * FROM kept; DROP TABLE kept";
        finds(cinema, Service::Bookings, &lost, back, &[("reactions", &place, "has no outcome")]).await;

        let (fence, holder) = (booked.showtime.id, key(booked.showtime.id));
        let down = format!("DELETE FROM claims WHERE kind = 'closed-showtime' AND value = '{fence}'");
        let up = format!("INSERT INTO claims VALUES ('closed-showtime', '{fence}', {holder})");
        finds(cinema, Service::Bookings, &down, &up, &[("reactions", &place, "claim closed-showtime")]).await;

        let status = |status: &str| format!("UPDATE bookings SET status = '{status}' WHERE id = {}", key(booked.id));
        let expected = [("reactions", place.as_str(), &*format!("booking {} stands", booked.id))];
        finds(cinema, Service::Bookings, &status("confirmed"), &status("cancelled"), &expected).await;
    });
}

#[test]
fn what_is_stuck_is_found() {
    in_turn(async |cinema| {
        let (_, position) = booking(cinema).await;
        clean(cinema).await;
        let checkpoint =
            |by: &str| format!("UPDATE checkpoints SET position = position {by} WHERE projection = 'bookings'");
        let what = format!("is at {}, the journal of bookings at {position}", position - 1);
        let expected = [("stuck", "bookings, checkpoint bookings from bookings", what.as_str())];
        finds(cinema, Service::Bookings, &checkpoint("- 1"), &checkpoint("+ 1"), &expected).await;

        // Nobody decides while somebody holds the head.
        let broker = cinema.broker().await;
        let mut holder = connect(cinema, Service::Movies).await;
        holder.batch_execute("BEGIN; SELECT position FROM journal_head FOR UPDATE").await.expect("the head");
        let id = Uuid::now_v7();
        broker.command(Service::Movies, "add", samples::movie().to_string(), id).await;
        damaged(cinema, &[("stuck", "movies, stream MOVIES_COMMANDS", "has waited for")]).await;
        holder.batch_execute("ROLLBACK").await.expect("an end");
        broker.outcome(Service::Movies, id).await;
        clean(cinema).await;

        let letter = dead_letter(cinema, &broker).await;
        damaged(cinema, &[("stuck", &format!("users, dead letter {letter}"), "register")]).await;
        cinema.api.delete(&format!("/api/dead-letters/{letter}")).await.expect(204);
        clean(cinema).await;
    });
}

/// The number of a new dead letter.
async fn dead_letter(cinema: &Cinema, broker: &Broker) -> String {
    broker.command(Service::Users, "register", "no JSON", Uuid::now_v7()).await;
    eventually("a dead letter", async || Some(cinema.api.all("/api/dead-letters").await.first()?["id"].to_string()))
        .await
}

#[test]
fn who_cannot_look_says_so() {
    in_turn(async |cinema| {
        for server in [["--database-url", "mysql://nobody@127.0.0.1:1"], ["--nats-url", "nats://127.0.0.1:1"]] {
            let (code, said) = cinema.verify(&server).await;
            assert_eq!(code, Some(2), "{said}");
            assert!(said.starts_with("marquee: could not look: "), "{said}");
        }
    });
}
