//! What admins do, and their scripts.

use rand::RngExt;
use uuid::Uuid;

use super::{Card, Persona};
use crate::chaos::client::Order;
use crate::chaos::orders;
use crate::chaos::world::Kind;

/// What an admin may do next.
#[derive(Clone, Copy)]
pub(super) enum AdminCard {
    AddMovie,
    UpdateMovie,
    RemoveMovie,
    AddHall,
    UpdateHall,
    RemoveHall,
    Schedule,
    Reschedule,
    CancelShowtime,
    AddUser,
    UpdateUser,
    SetRoles,
    ResetPassword,
    DeleteUser,
    AddKey,
    RevokeKey,
    Place,
    ChangeSeats,
    Cancel,
    CheckIn,
    CancelShowtimeBookings,
    CancelUserBookings,
    Browse,
}

/// What an admin does, and how often.
pub(super) fn deck() -> Vec<Card> {
    use AdminCard::{
        AddHall, AddKey, AddMovie, AddUser, Browse, Cancel, CancelShowtime, CancelShowtimeBookings, CancelUserBookings,
        ChangeSeats, CheckIn, DeleteUser, Place, RemoveHall, RemoveMovie, Reschedule, ResetPassword, RevokeKey,
        Schedule, SetRoles, UpdateHall, UpdateMovie, UpdateUser,
    };
    let deck = [
        (AddMovie, 2),
        (UpdateMovie, 2),
        (RemoveMovie, 1),
        (AddHall, 1),
        (UpdateHall, 1),
        (RemoveHall, 1),
        (Schedule, 3),
        (Reschedule, 3),
        (CancelShowtime, 2),
        (AddUser, 3),
        (UpdateUser, 3),
        (SetRoles, 1),
        (ResetPassword, 1),
        (DeleteUser, 2),
        (AddKey, 1),
        (RevokeKey, 1),
        (Place, 6),
        (ChangeSeats, 2),
        (Cancel, 2),
        (CheckIn, 3),
        (CancelShowtimeBookings, 1),
        (CancelUserBookings, 1),
        (Browse, 3),
    ];
    deck.into_iter().flat_map(|(card, times)| vec![Card::Admin(card); times]).collect()
}

impl Persona {
    pub(super) async fn as_admin(&mut self, card: AdminCard) {
        match card {
            AdminCard::AddMovie => {
                let order = orders::add_movie(&self.next_name("Film"));
                self.make(Kind::Movie, &order, "/api/movies/").await;
            }
            AdminCard::UpdateMovie => {
                let order = orders::update_movie(self.any(Kind::Movie), &self.next_name("Film"));
                self.give(&order, "/api/movies/").await;
            }
            AdminCard::RemoveMovie => {
                let order = orders::remove_movie(self.any(Kind::Movie));
                self.give(&order, "/api/movies/").await;
            }
            AdminCard::AddHall => {
                let order = orders::add_hall(&self.next_name("Hall"));
                self.make(Kind::Hall, &order, "/api/halls/").await;
            }
            AdminCard::UpdateHall => {
                let order = orders::update_hall(self.any(Kind::Hall), &self.next_name("Hall"));
                self.give(&order, "/api/halls/").await;
            }
            AdminCard::RemoveHall => {
                let order = orders::remove_hall(self.any(Kind::Hall));
                self.give(&order, "/api/halls/").await;
            }
            AdminCard::Schedule => {
                let order = orders::schedule(self.screening());
                self.make(Kind::Showtime, &order, "/api/showtimes/").await;
            }
            AdminCard::Reschedule => self.reschedule().await,
            AdminCard::CancelShowtime => {
                let order = orders::cancel_showtime(self.any(Kind::Showtime));
                self.give(&order, "/api/showtimes/").await;
            }
            AdminCard::Browse => self.browse().await,
            card => self.with_people(card).await,
        }
    }

    async fn with_people(&mut self, card: AdminCard) {
        let user = self.any(Kind::User);
        let booking = self.any(Kind::Booking);
        match card {
            AdminCard::AddUser => {
                let order = orders::add_user(&self.wanted_email());
                self.make(Kind::User, &order, "/api/users/").await;
            }
            AdminCard::UpdateUser => {
                let (email, name) = (self.wanted_email(), self.next_name("User"));
                self.give(&orders::update_user(user, &email, &name), "/api/users/").await;
            }
            AdminCard::SetRoles => {
                self.give(&orders::set_roles(user, &["customer", "staff"]), "/api/users/").await;
            }
            AdminCard::ResetPassword => drop(self.give(&orders::change_password(user, false), "/api/users/").await),
            AdminCard::DeleteUser => drop(self.give(&orders::delete_user(user), "/api/users/").await),
            AdminCard::AddKey => self.make(Kind::Key, &orders::add_api_key(), "").await,
            AdminCard::RevokeKey => {
                let order = orders::revoke_api_key(self.any(Kind::Key));
                self.give(&order, "").await;
            }
            AdminCard::Place => {
                let order = orders::place(user, self.showtime(), &self.seats());
                self.make(Kind::Booking, &order, "/api/bookings/").await;
            }
            AdminCard::ChangeSeats => {
                let order = orders::change_seats(booking, &self.seats());
                self.give(&order, "/api/bookings/").await;
            }
            AdminCard::Cancel => drop(self.give(&orders::cancel(booking), "/api/bookings/").await),
            AdminCard::CheckIn => drop(self.give(&orders::check_in(booking), "/api/bookings/").await),
            AdminCard::CancelShowtimeBookings => {
                let order = orders::cancel_bookings_of_showtime(self.showtime());
                self.give(&order, "").await;
            }
            AdminCard::CancelUserBookings => drop(self.give(&orders::cancel_bookings_of_user(user), "").await),
            _ => {}
        }
    }

    async fn make(&mut self, kind: Kind, order: &Order, path: &str) {
        let given = self.give(order, path).await;
        self.world.keep(kind, &given);
    }

    /// Another time or price; movie and hall can't be changed, so they are asked for first.
    async fn reschedule(&mut self) {
        let id = self.showtime();
        let Some(found) = self.client.read(&format!("/api/showtimes/{id}"), Some(id)).await else { return };
        let part = |name: &str| found.body[name]["id"].as_str().and_then(|id| id.parse().ok());
        if let (Some(movie), Some(hall)) = (part("movie"), part("hall")) {
            let (days, price) = self.time_and_price();
            let order = orders::reschedule(id, orders::screening(movie, hall, days, price));
            self.give(&order, "/api/showtimes/").await;
        }
    }

    fn screening(&mut self) -> serde_json::Value {
        let (movie, hall) = (self.any(Kind::Movie), self.any(Kind::Hall));
        let (days, price) = self.time_and_price();
        orders::screening(movie, hall, days, price)
    }

    /// Few days, so that halls are wanted by several.
    fn time_and_price(&mut self) -> (i64, u32) {
        let rng = &mut self.client.rng;
        (rng.random_range(1..60), rng.random_range(500..2000))
    }

    fn any(&mut self, kind: Kind) -> Uuid {
        self.world.any(kind, &mut self.client.rng)
    }
}
