//! What customers do.

use rand::RngExt;
use rand::seq::IndexedRandom;
use uuid::Uuid;

use super::{Card, Persona};
use crate::chaos::history::Told;
use crate::chaos::orders;
use crate::chaos::world::Kind;

/// What a customer may do next.
#[derive(Clone, Copy)]
pub(super) enum CustomerCard {
    Place,
    ChangeSeats,
    Cancel,
    Browse,
    ReadBooking,
    Update,
    ChangePassword,
    Refresh,
    SignOut,
}

/// What a customer does, and how often.
pub(super) fn deck() -> Vec<Card> {
    use CustomerCard::{Browse, Cancel, ChangePassword, ChangeSeats, Place, ReadBooking, Refresh, SignOut, Update};
    let deck = [
        (Place, 14),
        (ChangeSeats, 6),
        (Cancel, 6),
        (Browse, 6),
        (ReadBooking, 4),
        (Update, 2),
        (ChangePassword, 1),
        (Refresh, 2),
        (SignOut, 1),
    ];
    deck.into_iter().flat_map(|(card, times)| vec![Card::Customer(card); times]).collect()
}

impl Persona {
    pub(super) async fn as_customer(&mut self, card: CustomerCard) {
        match card {
            CustomerCard::Place => self.place().await,
            CustomerCard::ChangeSeats => {
                if let Some(booking) = self.own_booking() {
                    let seats = self.seats();
                    self.give(&orders::change_seats(booking, &seats), "/api/bookings/").await;
                }
            }
            CustomerCard::Cancel => {
                if let Some(booking) = self.own_booking() {
                    let given = self.give(&orders::cancel(booking), "/api/bookings/").await;
                    if matches!(given.told, Told::Done { .. }) {
                        self.bookings.retain(|own| *own != booking);
                    }
                }
            }
            CustomerCard::Browse => self.browse().await,
            CustomerCard::ReadBooking => {
                if let Some(booking) = self.own_booking() {
                    self.client.read(&format!("/api/bookings/{booking}"), Some(booking)).await;
                }
            }
            CustomerCard::Update => {
                // The address stays, since it is what they sign in with.
                let (user, email, name) = (self.user, self.email.clone(), self.next_name("Customer"));
                self.give(&orders::update_user(user, &email, &name), "/api/users/").await;
            }
            CustomerCard::ChangePassword => {
                self.give(&orders::change_password(self.user, true), "/api/users/").await;
            }
            CustomerCard::Refresh => {
                // A token is good once, so with whatever happens it is over with this one.
                if let Some((id, token)) = self.session.take() {
                    let given = self.client.give(&orders::refresh_session(id, &token)).await;
                    self.takes_session(&given);
                }
            }
            CustomerCard::SignOut => {
                if let Some((id, _)) = self.session.take() {
                    self.client.give(&orders::sign_out(id)).await;
                }
            }
        }
    }

    async fn place(&mut self) {
        let (showtime, seats) = (self.showtime(), self.seats());
        let order = orders::place(self.user, showtime, &seats);
        let given = if self.client.rng.random_bool(0.5) {
            self.give(&order, "/api/bookings/").await
        } else {
            let given = self.give(&order, "").await;
            let path = format!("/api/showtimes/{showtime}/seats");
            self.client.read(&path, Some(showtime)).await;
            given
        };
        self.world.keep(Kind::Booking, &given);
        if !matches!(given.told, Told::Refused { .. }) {
            self.bookings.extend(given.entity);
        }
    }

    fn own_booking(&mut self) -> Option<Uuid> {
        self.bookings.choose(&mut self.client.rng).copied()
    }
}
