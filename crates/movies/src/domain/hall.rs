//! One hall: its name, its seats, and what it shows when.

use chrono::{DateTime, Utc};
use contracts::halls::{self, HallAdded, HallDetails, HallRemoved, HallUpdated, UpdateHall};
use contracts::ids::HallId;
use contracts::layout::Layout;
use contracts::movies::MovieEvent;
use contracts::showtimes::HallRef;
use contracts::{Case, FieldError, Problem};

use super::check::{name_is_free, version_seen};
use super::{Schedule, Screening};

/// A hall; a removed one keeps its details and showtimes, since past bookings still name them.
#[derive(Clone, Debug, PartialEq)]
pub struct Hall {
    id: HallId,
    /// Counts the events about the hall itself; the stream's version counts those of its showtimes as well.
    version: u32,
    details: HallDetails,
    removed: bool,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    schedule: Schedule,
}

/// What is there.
impl Hall {
    /// One that was not removed, from what others get to see of it. Only those screenings need be there that a decision
    /// is about.
    pub fn of(view: halls::Hall, screenings: impl IntoIterator<Item = Screening>) -> Self {
        let halls::Hall { id, version, details, created_at, updated_at, .. } = view;
        let schedule = screenings.into_iter().collect();
        Self { id, version, details, removed: false, created_at, updated_at, schedule }
    }

    /// Which hall it is.
    pub fn id(&self) -> HallId {
        self.id
    }

    /// Counts the events about the hall itself.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// True when it was removed.
    pub fn is_removed(&self) -> bool {
        self.removed
    }

    /// Its name and layout.
    pub fn details(&self) -> &HallDetails {
        &self.details
    }

    /// Its seats.
    pub fn layout(&self) -> &Layout {
        &self.details.layout
    }

    /// What it shows when.
    pub fn showtimes(&self) -> &Schedule {
        &self.schedule
    }

    /// What others get to see of it.
    pub fn view(&self) -> halls::Hall {
        halls::Hall {
            id: self.id,
            version: self.version,
            details: self.details.clone(),
            capacity: capacity(self.layout()),
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }

    /// What showtimes say of it.
    pub fn reference(&self) -> HallRef {
        HallRef { id: self.id, name: self.details.name.clone() }
    }
}

/// What is decided.
impl Hall {
    /// Replaces its name and layout. `holder` is the hall that has the wanted name. The layout stays while showtimes
    /// are to come: their seats are on sale.
    ///
    /// # Errors
    /// `VersionMismatch`, `HallNameTaken`, `HasUpcomingShowtimes`.
    pub fn update(
        &self,
        command: &UpdateHall,
        if_version: Option<u32>,
        holder: Option<HallId>,
        now: DateTime<Utc>,
    ) -> Result<HallUpdated, Problem> {
        self.check_version(if_version)?;
        name_is_free(self.id, &command.details.name, holder)?;
        if command.details.layout != *self.layout() && self.is_needed(now) {
            let message =
                "the layout cannot change while showtimes are to come or under way; cancel those to come first";
            let error = FieldError::new("layout", "needed", message);
            return Err(Problem::new(Case::HasUpcomingShowtimes, message).with_errors(vec![error]));
        }
        Ok(HallUpdated { hall_id: self.id, details: command.details.clone() })
    }

    /// Removes it.
    ///
    /// # Errors
    /// `VersionMismatch`, `HasUpcomingShowtimes`.
    pub fn remove(&self, if_version: Option<u32>, now: DateTime<Utc>) -> Result<HallRemoved, Problem> {
        self.check_version(if_version)?;
        if self.is_needed(now) {
            let detail = format!("hall {} has showtimes to come or under way; cancel those to come first", self.id);
            return Err(Problem::new(Case::HasUpcomingShowtimes, detail));
        }
        Ok(HallRemoved { hall_id: self.id })
    }

    fn is_needed(&self, now: DateTime<Utc>) -> bool {
        self.schedule.is_in_use(now)
    }

    fn check_version(&self, if_version: Option<u32>) -> Result<(), Problem> {
        version_seen(format_args!("hall {}", self.id), self.version, if_version)
    }
}

/// What has happened.
impl Hall {
    /// A hall that was added at `at`.
    pub fn new(event: &HallAdded, at: DateTime<Utc>) -> Self {
        Self {
            id: event.hall_id,
            version: 1,
            details: event.details.clone(),
            removed: false,
            created_at: at,
            updated_at: at,
            schedule: Schedule::default(),
        }
    }

    /// Takes in an event that happened at `at`.
    pub fn apply(&mut self, event: &MovieEvent, at: DateTime<Utc>) {
        match event {
            MovieEvent::HallUpdated(event) => self.details = event.details.clone(),
            MovieEvent::HallRemoved(_) => self.removed = true,
            event => return self.schedule.apply(event),
        }
        self.version += 1;
        self.updated_at = at;
    }
}

/// How many seats are sold.
pub fn capacity(layout: &Layout) -> u32 {
    u32::try_from(layout.capacity()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::given::*;
    use super::*;

    fn hall(events: &[MovieEvent]) -> Hall {
        state(events).hall().unwrap().clone()
    }

    fn update(details: HallDetails) -> UpdateHall {
        UpdateHall { id: HALL, details }
    }

    fn rebuilt() -> HallDetails {
        HallDetails { layout: layout(&["vip"]), ..room("Grand Hall") }
    }

    #[test]
    fn showtimes_leave_the_halls_version_alone() {
        let event = hall(&[hall_added(), scheduled(SHOWTIME, at(20, 0))]);
        let event = event.update(&update(room("Studio")), Some(1), None, NOW).unwrap();
        let view = hall(&[hall_added(), scheduled(SHOWTIME, at(20, 0)), event.into()]).view();
        assert_eq!((view.version, view.details, view.capacity), (2, room("Studio"), 20));
        assert!(view.updated_at > view.created_at);
    }

    #[test]
    fn a_hall_may_keep_its_name_but_not_take_anothers() {
        let hall = hall(&[hall_added()]);
        assert!(hall.update(&update(room("grand hall")), None, Some(HALL), NOW).is_ok());
        assert_refused(hall.update(&update(room("Studio")), None, Some(OTHER_HALL), NOW), Case::HallNameTaken);
        assert_refused(hall.update(&update(room("Studio")), Some(2), None, NOW), Case::VersionMismatch);
    }

    #[test]
    fn the_layout_stays_while_showtimes_are_to_come_or_under_way() {
        let hall = hall(&[hall_added(), scheduled(SHOWTIME, at(20, 0))]);
        let problem = hall.update(&update(rebuilt()), None, None, NOW).unwrap_err();
        assert!(problem.is(Case::HasUpcomingShowtimes));
        assert_eq!(problem.errors[0].field, "layout");
        assert_refused(hall.update(&update(rebuilt()), None, None, at(20, 0)), Case::HasUpcomingShowtimes);
        assert!(hall.update(&update(rebuilt()), None, None, at(23, 0)).is_ok());
    }

    #[test]
    fn a_hall_with_upcoming_showtimes_stays() {
        let events = [hall_added(), scheduled(SHOWTIME, at(20, 0))];
        assert_refused(hall(&events).remove(None, NOW), Case::HasUpcomingShowtimes);
        assert_refused(hall(&events).remove(None, at(20, 0)), Case::HasUpcomingShowtimes);
        assert!(hall(&events).remove(None, at(23, 0)).is_ok());
        let cancelled = [&events[..], &[cancelled(SHOWTIME)]].concat();
        assert_eq!(hall(&cancelled).remove(Some(1), NOW), Ok(HallRemoved { hall_id: HALL }));
        assert_refused(hall(&cancelled).remove(Some(3), NOW), Case::VersionMismatch);
    }
}
