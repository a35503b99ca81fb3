//! What a hall shows when.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use contracts::ids::{MovieId, ShowtimeId};
use contracts::movies::MovieEvent;

use super::Screening;
use super::screening::clean_at;

/// The showtimes of one hall.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Schedule {
    /// In boxes: a map has room for more than it holds.
    screenings: BTreeMap<ShowtimeId, Box<Screening>>,
    /// Those that take place, by start. They never overlap, so a search by start finds any clash.
    occupied: BTreeMap<DateTime<Utc>, ShowtimeId>,
}

impl FromIterator<Screening> for Schedule {
    fn from_iter<I: IntoIterator<Item = Screening>>(screenings: I) -> Self {
        let mut schedule = Self::default();
        screenings.into_iter().for_each(|screening| schedule.put(screening));
        schedule
    }
}

/// What is there.
impl Schedule {
    /// One showtime, cancelled or not.
    pub fn screening(&self, id: ShowtimeId) -> Option<&Screening> {
        self.screenings.get(&id).map(Box::as_ref)
    }

    /// Every showtime, cancelled or not.
    #[cfg(test)]
    pub(super) fn screenings(&self) -> impl Iterator<Item = &Screening> {
        self.screenings.values().map(Box::as_ref)
    }

    /// The showtimes that are still to take place.
    pub fn upcoming(&self, now: DateTime<Utc>) -> impl Iterator<Item = &Screening> {
        let from_now = self.occupied.range(now..).filter_map(|(_, id)| self.screening(*id));
        from_now.filter(move |screening| screening.is_upcoming(now))
    }

    /// True while a showtime is to come or under way, cleaning included.
    pub fn is_in_use(&self, now: DateTime<Utc>) -> bool {
        // They never overlap, so the last that starts is the last that ends.
        let last = self.occupied.last_key_value().and_then(|(_, id)| self.screening(*id));
        last.is_some_and(|last| now < clean_at(last.ends_at()))
    }

    /// True while this movie is still to be shown.
    pub fn will_show(&self, movie: MovieId, now: DateTime<Utc>) -> bool {
        self.upcoming(now).any(|screening| screening.movie_id() == movie)
    }

    /// A showtime, other than `own`, that needs the hall while a movie from `starts_at` to `ends_at` would, cleaning
    /// included.
    pub fn clash(
        &self,
        starts_at: DateTime<Utc>,
        ends_at: DateTime<Utc>,
        own: Option<ShowtimeId>,
    ) -> Option<&Screening> {
        // Of those that start before the hall would be clean again, the last one needs the hall longest.
        let mut before = self.occupied.range(..clean_at(ends_at)).rev().filter(|(_, id)| Some(**id) != own);
        let last = before.next().and_then(|(_, id)| self.screening(*id))?;
        (starts_at < clean_at(last.ends_at())).then_some(last)
    }
}

/// What has happened.
impl Schedule {
    /// Takes in an event; what is not about showtimes changes nothing.
    pub fn apply(&mut self, event: &MovieEvent) {
        match event {
            MovieEvent::ShowtimeScheduled(event) => self.put(Screening::new(event)),
            MovieEvent::ShowtimeRescheduled(event) => {
                self.change(event.showtime_id, |screening| screening.rescheduled(event));
            }
            MovieEvent::ShowtimeCancelled(event) => self.change(event.showtime_id, Screening::cancelled),
            _ => {}
        }
    }

    fn change(&mut self, id: ShowtimeId, change: impl FnOnce(&Screening) -> Screening) {
        let Some(old) = self.screening(id) else { return };
        let (before, changed) = (old.starts_at(), change(old));
        self.occupied.remove(&before);
        self.put(changed);
    }

    fn put(&mut self, screening: Screening) {
        if !screening.is_cancelled() {
            self.occupied.insert(screening.starts_at(), screening.id());
        }
        self.screenings.insert(screening.id(), Box::new(screening));
    }
}
