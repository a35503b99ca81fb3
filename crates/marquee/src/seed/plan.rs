//! What is shown when, and who sits where: made up from numbers alone, so that every run plans the same.

use std::collections::{HashSet, VecDeque};

use super::films::FILMS;
use super::halls::HALLS;
use super::people;

/// Two weeks.
const DAYS: u16 = 14;
/// Full hours, UTC. The evening comes first, for the longest films: nothing follows it.
const HOURS: [u8; 3] = [20, 17, 14];
/// The hour of the evening.
const EVENING: u8 = 20;
/// What is over in time for the next showtime, with the hall's cleaning.
const FITS_BEFORE_THE_NEXT: u16 = 160;
/// What comes first of the films and halls is on the programme; the rest can be changed and removed by those who try
/// it out.
const SHOWN: usize = 50;
const OPEN: usize = 3;
/// `Blade Runner`; the films follow each other in steps of [`STEP`], which has no divisor in common with their number.
const FIRST_FILM: usize = 37;
const STEP: usize = 7;
/// How many bookings the first showtime gets, whose seat map is the one to look at.
const FIRST_BOOKINGS: usize = 18;

/// A showtime, by the places of its film and hall.
#[derive(Clone, Copy, Debug)]
pub(super) struct Showtime {
    pub(super) film: usize,
    pub(super) hall: usize,
    /// 0 is the first day.
    pub(super) day: u16,
    pub(super) hour: u8,
}

impl Showtime {
    pub(super) fn is_evening(self) -> bool {
        self.hour == EVENING
    }
}

/// A booking, by the places of its user and showtime.
#[derive(Clone, Debug)]
pub(super) struct Booking {
    pub(super) user: usize,
    pub(super) showtime: usize,
    pub(super) seats: Vec<String>,
}

/// All showtimes, the last day's first: so the first showtime, which examples book, is to come for two weeks.
pub(super) fn showtimes() -> Vec<Showtime> {
    let mut showtimes = Vec::new();
    let mut films: VecDeque<usize> = (0..SHOWN).map(|n| (FIRST_FILM + n * STEP) % SHOWN).collect();
    for day in (0..DAYS).rev() {
        for hour in HOURS {
            for hall in 0..OPEN {
                // Whoever was shown goes to the end of the queue; a long film at its head waits for an evening.
                let place = films.iter().position(|film| hour == EVENING || is_short(*film));
                let Some(film) = place.and_then(|place| films.remove(place)) else { continue };
                films.push_back(film);
                showtimes.push(Showtime { film, hall, day, hour });
            }
        }
    }
    showtimes
}

fn is_short(film: usize) -> bool {
    FILMS.get(film).is_some_and(|film| film.minutes <= FITS_BEFORE_THE_NEXT)
}

/// All bookings: groups of one to four who sit together. Rows A and B stay free, for those who try it out.
pub(super) fn bookings(showtimes: &[Showtime]) -> Vec<Booking> {
    let users = people::bodies().len();
    let mut dice = Dice(1);
    let mut bookings = Vec::new();
    for (place, showtime) in showtimes.iter().enumerate() {
        let Some(hall) = HALLS.get(showtime.hall) else { continue };
        let runs: Vec<Vec<String>> =
            hall.neighbours().into_iter().filter(|run| !run.iter().any(|seat| is_in_front(seat))).collect();
        let mut taken = HashSet::new();
        let wanted = if place == 0 { FIRST_BOOKINGS } else { 2 + dice.below(3) };
        for number in 0..wanted {
            // Nobody twice: a user may have only so many seats of one showtime.
            let user = (place * 3 + number) % users;
            let Some(run) = runs.get(dice.below(runs.len())) else { continue };
            let size = (1 + dice.below(4)).min(run.len());
            let first = dice.below(run.len() - size + 1);
            let seats: Vec<String> = run.iter().skip(first).take(size).cloned().collect();
            // Who finds them taken goes elsewhere.
            if seats.iter().all(|seat| !taken.contains(seat)) {
                taken.extend(seats.iter().cloned());
                bookings.push(Booking { user, showtime: place, seats });
            }
        }
    }
    bookings
}

fn is_in_front(seat: &str) -> bool {
    seat.starts_with(['A', 'B'])
}

/// Numbers that look like chance and are the same for everybody: SplitMix64 (Steele, Lea and Flood, 2014).
struct Dice(u64);

impl Dice {
    /// From 0 to below `end`.
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let mixed = mixed ^ (mixed >> 31);
        let end = u64::try_from(end).unwrap_or(u64::MAX).max(1);
        usize::try_from(mixed % end).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_enough_to_look_at() {
        let showtimes = showtimes();
        assert_eq!(showtimes.len(), 126);
        assert_eq!(FILMS[showtimes[0].film].title, "Blade Runner");
        let shown: HashSet<usize> = showtimes.iter().map(|showtime| showtime.film).collect();
        assert_eq!(shown.len(), SHOWN, "every film is shown");
        assert!((300..500).contains(&bookings(&showtimes).len()), "{}", bookings(&showtimes).len());
    }

    #[test]
    fn nobody_books_a_seat_that_is_taken_or_stays_free() {
        let mut taken = HashSet::new();
        let mut guests = HashSet::new();
        for booking in bookings(&showtimes()) {
            assert!(guests.insert((booking.showtime, booking.user)));
            for seat in booking.seats {
                assert!(!is_in_front(&seat));
                assert!(taken.insert((booking.showtime, seat)));
            }
        }
    }
}
