//! What holds after any sequence of commands.

use std::collections::BTreeSet;

use contracts::movies::{MovieAdded, MovieEvent};
use proptest::prelude::*;
use uuid::Uuid;

use super::super::State;
use super::super::given::*;
use super::*;

/// What someone might ask for. Showtimes are named by the order in which they were asked for.
#[derive(Clone, Debug)]
enum Ask {
    Schedule { slot: i64, minutes: u16 },
    Reschedule { showtime: u128, slot: i64 },
    Cancel { showtime: u128 },
}

fn asks() -> impl Strategy<Value = Vec<Ask>> {
    let ask = prop_oneof![
        4 => (1..150i64, 1..200u16).prop_map(|(slot, minutes)| Ask::Schedule { slot, minutes }),
        2 => (0..20u128, 1..150i64).prop_map(|(showtime, slot)| Ask::Reschedule { showtime, slot }),
        1 => (0..20u128).prop_map(|showtime| Ask::Cancel { showtime }),
    ];
    prop::collection::vec(ask, 1..40)
}

fn start(slot: i64) -> DateTime<Utc> {
    NOW + Duration::minutes(5 * slot)
}

fn id(showtime: u128) -> ShowtimeId {
    ShowtimeId(Uuid::from_u128(0x1000 + showtime))
}

fn movie(minutes: u16) -> Movie {
    Movie::new(&MovieAdded { movie_id: MOVIE, details: film("Alien", minutes) }, NOW)
}

fn schedule(hall: &Hall, id: ShowtimeId, slot: i64, minutes: u16) -> Result<ShowtimeScheduled, Problem> {
    hall.schedule(id, &ScheduleShowtime { id: None, details: show(start(slot)) }, &movie(minutes), NOW)
}

fn decide(hall: &Hall, index: u128, ask: &Ask) -> Result<MovieEvent, Problem> {
    match ask {
        Ask::Schedule { slot, minutes } => schedule(hall, id(index), *slot, *minutes).map(MovieEvent::from),
        Ask::Reschedule { showtime, slot } => {
            let command = RescheduleShowtime { id: id(*showtime), details: show(start(*slot)) };
            hall.reschedule(&command, None, NOW).map(MovieEvent::from)
        }
        Ask::Cancel { showtime } => hall.cancel(id(*showtime), None, NOW).map(MovieEvent::from),
    }
}

/// Carries out what is asked, as far as it is accepted, and returns all events.
fn carry_out(asks: &[Ask]) -> (State, Vec<MovieEvent>) {
    let mut state = state(&[hall_added()]);
    let mut events = vec![hall_added()];
    for (index, ask) in (0u128..).zip(asks) {
        if let Ok(event) = decide(state.hall().unwrap(), index, ask) {
            state.apply(&event, NOW);
            events.push(event);
        }
    }
    (state, events)
}

fn standing(hall: &Hall) -> Vec<&Screening> {
    hall.showtimes().screenings().filter(|screening| !screening.is_cancelled()).collect()
}

/// Two times, cleaning included, have something in common. Slow and plain, unlike what it checks.
fn overlap(a: (DateTime<Utc>, DateTime<Utc>), b: (DateTime<Utc>, DateTime<Utc>)) -> bool {
    a.0 < clean_at(b.1) && b.0 < clean_at(a.1)
}

proptest! {
    #[test]
    fn screenings_never_overlap_nor_share_a_slot(asks in asks()) {
        let (state, _) = carry_out(&asks);
        let screenings = standing(state.hall().unwrap());
        let mut slots = BTreeSet::new();
        for (index, a) in screenings.iter().enumerate() {
            for b in &screenings[index + 1..] {
                prop_assert!(!overlap((a.starts_at(), a.ends_at()), (b.starts_at(), b.ends_at())), "{a:?} {b:?}");
            }
            for slot in a.slots() {
                prop_assert!(slots.insert(slot), "slot {slot} twice");
            }
        }
    }

    #[test]
    fn a_screening_is_refused_only_for_one_that_is_in_its_way(asks in asks(), slot in 1..150i64, minutes in 1..200u16) {
        let (state, _) = carry_out(&asks);
        let hall = state.hall().unwrap();
        let wanted = (start(slot), start(slot) + movie(minutes).runtime());
        let in_its_way = standing(hall).iter().any(|other| overlap(wanted, (other.starts_at(), other.ends_at())));
        match schedule(hall, OTHER_SHOWTIME, slot, minutes) {
            Ok(_) => prop_assert!(!in_its_way),
            Err(problem) => prop_assert!(in_its_way && problem.is(Case::HallOccupied), "{problem:?}"),
        }
    }

    #[test]
    fn cancelling_frees_the_slot(asks in asks(), pick in any::<prop::sample::Index>()) {
        let (mut state, _) = carry_out(&asks);
        let screenings = standing(state.hall().unwrap());
        prop_assume!(!screenings.is_empty());
        let freed = (*pick.get(&screenings)).clone();
        let minutes = u16::try_from((freed.ends_at() - freed.starts_at()).num_minutes()).unwrap();
        let slot = (freed.starts_at() - NOW).num_minutes() / 5;
        prop_assert!(schedule(state.hall().unwrap(), OTHER_SHOWTIME, slot, minutes).is_err());
        let event = state.hall().unwrap().cancel(freed.id(), None, NOW).unwrap();
        state.apply(&event.into(), NOW);
        prop_assert!(schedule(state.hall().unwrap(), OTHER_SHOWTIME, slot, minutes).is_ok());
    }

    #[test]
    fn events_rebuild_the_same_state(asks in asks()) {
        let (now, events) = carry_out(&asks);
        let mut rebuilt = State::default();
        events.iter().for_each(|event| rebuilt.apply(event, NOW));
        prop_assert_eq!(rebuilt.hall().unwrap().showtimes(), now.hall().unwrap().showtimes());
        let changes = u32::try_from(events.len()).unwrap() - 1;
        prop_assert_eq!(now.hall().unwrap().showtimes().screenings().map(Screening::version).sum::<u32>(), changes);
    }
}
