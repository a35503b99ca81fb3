//! Journals, streams and outcomes that are not as they must be.

use contracts::Service;
use serde_json::json;
use system_tests::chaos::check::Invariant::{Journal, Money, Outcomes, Seats, Sequence, Stream};
use system_tests::chaos::history::Row;

use crate::histories::{append, done, finds, kept, rewrite};

#[test]
fn a_gap_and_a_wrong_version_are_found() {
    finds(Journal, |history| {
        let (_, row) = done(history, "bookings.place");
        kept(history, Service::Bookings).journal.retain(|other| other.position != row.position);
        format!("position {}", row.position + 1)
    });
    finds(Journal, |history| {
        let (_, row) = done(history, "movies.schedule");
        let journal = &mut kept(history, Service::Movies).journal;
        journal.iter_mut().filter(|other| other.position == row.position).for_each(|row| row.version += 1);
        row.stream_id.to_string()
    });
}

#[test]
fn a_stream_that_lacks_or_has_more_or_other_than_the_journal_is_found() {
    finds(Stream, |history| {
        let (_, row) = done(history, "users.register");
        kept(history, Service::Users).stream.retain(|message| message.sequence != row.position);
        format!("position {}", row.position)
    });
    finds(Stream, |history| {
        let kept = kept(history, Service::Movies);
        let more = kept.journal.pop().expect("a row");
        format!("position {}", more.position)
    });
    finds(Stream, |history| {
        let (_, row) = done(history, "bookings.place");
        let stream = &mut kept(history, Service::Bookings).stream;
        let message = stream.iter_mut().find(|message| message.sequence == row.position).expect("a message");
        message.data["user_id"] = json!(row.entity_id);
        format!("position {}", row.position)
    });
}

#[test]
fn outcomes_that_disagree_with_the_journal_are_found() {
    for outcome in [None, Some(false)] {
        finds(Outcomes, |history| {
            let (id, _) = done(history, "bookings.place");
            let outcomes = &mut kept(history, Service::Bookings).outcomes;
            outcomes.remove(&id);
            outcomes.extend(outcome.map(|accepted| (id, accepted)));
            id.to_string()
        });
    }
    finds(Outcomes, |history| {
        let id = uuid::Uuid::now_v7();
        kept(history, Service::Users).outcomes.insert(id, true);
        id.to_string()
    });
}

#[test]
fn what_nobody_asked_for_is_found() {
    for service in Service::ALL {
        finds(Outcomes, |history| {
            let kept = kept(history, service);
            let row = kept.journal.first().expect("a row").clone();
            append(kept, Row { command_id: uuid::Uuid::now_v7(), ..row }).command_id.to_string()
        });
    }
}

#[test]
fn a_seat_with_two_owners_is_found() {
    finds(Seats, |history| {
        let (_, row) = done(history, "bookings.place");
        let (entity_id, command_id) = (uuid::Uuid::now_v7(), uuid::Uuid::now_v7());
        let mut second = row.clone();
        second.data["booking_id"] = json!(entity_id);
        second.data["seats"] = json!([row.data["seats"][0]]);
        let kept = kept(history, Service::Bookings);
        // At once after the first, when that still has it.
        for other in &mut kept.journal {
            other.position += u64::from(other.position > row.position);
            other.version += u64::from(other.stream_id == row.stream_id && other.version > row.version);
        }
        let (position, version) = (row.position + 1, row.version + 1);
        let place = kept.journal.iter().position(|other| other.position > position).unwrap_or(kept.journal.len());
        kept.journal.insert(place, Row { position, version, entity_id, command_id, ..second });
        format!("seat {}", row.data["seats"][0]["seat"].as_str().expect("a seat"))
    });
}

#[test]
fn an_event_that_cannot_follow_is_found() {
    finds(Sequence, |history| {
        let (_, row) = done(history, "bookings.place");
        let row = append(kept(history, Service::Bookings), row);
        format!("position {}", row.position)
    });
    finds(Sequence, |history| {
        let kept = kept(history, Service::Movies);
        let row = kept.journal.iter().find(|row| row.event_type == "showtime-cancelled.v1").expect("a row").clone();
        let again = append(kept, Row { command_id: uuid::Uuid::now_v7(), ..row });
        format!("position {}", again.position)
    });
}

#[test]
fn a_price_that_was_never_asked_is_found() {
    finds(Money, |history| {
        let (_, row) = done(history, "bookings.place");
        rewrite(kept(history, Service::Bookings), row.position, |data| {
            data["seats"][0]["price"]["amount"] = json!(1);
        });
        format!("position {}", row.position)
    });
    finds(Money, |history| {
        let (_, row) = done(history, "bookings.place");
        rewrite(kept(history, Service::Bookings), row.position, |data| {
            data["seats"][0]["category"] = json!("premium-plus");
        });
        format!("position {}", row.position)
    });
}
