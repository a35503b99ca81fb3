//! What clients do: customers book, admins run the cinema, scripts do a bit of everything. Each deals itself cards from
//! a deck of its own, so that every command has its turn.

mod admin;
mod customer;

use std::sync::Arc;

use anyhow::bail;
use rand::RngExt;
use rand::seq::{IndexedRandom, SliceRandom};
use uuid::Uuid;

use self::admin::AdminCard;
use self::customer::CustomerCard;
use super::client::{Client, Given, Order};
use super::history::Told;
use super::orders;
use super::world::{Kind, World};

/// A client with an account, which is somebody.
pub struct Persona {
    client: Client,
    world: Arc<World>,
    user: Uuid,
    email: String,
    /// The session that it is in: its id and its refresh token.
    session: Option<(Uuid, String)>,
    /// Its bookings, as far as it knows.
    bookings: Vec<Uuid>,
    is_admin: bool,
    count: u32,
}

/// What is on a card.
#[derive(Clone, Copy)]
enum Card {
    Customer(CustomerCard),
    Admin(AdminCard),
}

impl Persona {
    /// Signs up and in, before any harm is done. An admin becomes one by `token`, which is an admin's.
    ///
    /// # Errors
    /// When something is refused or doesn't work.
    pub async fn sign_up(mut client: Client, world: Arc<World>, admin: Option<&str>) -> anyhow::Result<Self> {
        let email = format!("client-{}@example.com", client.number);
        let user = done(client.give(&orders::register(&email)).await)?;
        if let Some(token) = admin {
            client.becomes("machine".into(), token.to_owned());
            done(client.give(&orders::set_roles(user, &["admin"])).await)?;
        }
        let is_admin = admin.is_some();
        let mut persona = Self { client, world, user, email, session: None, bookings: Vec::new(), is_admin, count: 0 };
        if !persona.sign_in().await {
            bail!("client {} cannot sign in", persona.client.number);
        }
        Ok(persona)
    }

    /// Makes what everybody wants: movies, halls, showtimes, and users that are nobody's own.
    ///
    /// # Errors
    /// When something is refused or doesn't work.
    pub async fn open_the_cinema(&mut self) -> anyhow::Result<()> {
        for (number, kind) in (1..).zip([Kind::Hot, Kind::Hot, Kind::Showtime, Kind::Showtime]) {
            let movie = self.client.give(&orders::add_movie(&format!("Film {number}"))).await;
            self.world.keep(Kind::Movie, &movie);
            let hall = self.client.give(&orders::add_hall(&format!("Hall {number}"))).await;
            self.world.keep(Kind::Hall, &hall);
            let user = self.client.give(&orders::add_user(&format!("user-{number}@example.com"))).await;
            self.world.keep(Kind::User, &user);
            let details = orders::screening(done(movie)?, done(hall)?, 200, 1250);
            let showtime = self.client.give(&orders::schedule(details)).await;
            self.world.keep(kind, &showtime);
            done(showtime)?;
            done(user)?;
        }
        Ok(())
    }

    /// How likely it is to use NATS where it can.
    pub fn scripted(mut self, probability: f64) -> Self {
        self.client.scripted = probability;
        self
    }

    /// Is busy until it is time to stop.
    pub async fn work(mut self) {
        self.client.is_calm = false;
        let mut deck = Vec::new();
        while !self.client.is_over() {
            let Some(card) = deck.pop() else {
                deck = if self.is_admin { admin::deck() } else { customer::deck() };
                deck.shuffle(&mut self.client.rng);
                continue;
            };
            if self.session.is_none() && !self.sign_in().await {
                continue;
            }
            match card {
                Card::Customer(card) => self.as_customer(card).await,
                Card::Admin(card) => self.as_admin(card).await,
            }
        }
    }

    /// Whether it could.
    async fn sign_in(&mut self) -> bool {
        let given = self.client.give(&orders::sign_in(&self.email)).await;
        self.takes_session(&given)
    }

    /// Goes on with the tokens of an answer; whether there are some.
    fn takes_session(&mut self, given: &Given) -> bool {
        let tokens = match &given.told {
            Told::Done { body, .. } => body["access_token"].as_str().zip(body["refresh_token"].as_str()),
            _ => None,
        };
        self.session = given.entity.zip(tokens.map(|(_, refresh)| refresh.to_owned()));
        if let Some((access, _)) = tokens {
            self.client.becomes(format!("user:{}", self.user), access.to_owned());
        }
        tokens.is_some()
    }

    /// Gives a command, mostly reads at `path` afterwards, and signs in anew when that is what was wrong.
    async fn give(&mut self, order: &Order, path: &str) -> Given {
        let given = self.client.give(order).await;
        match &given.told {
            Told::Refused { status: 401, .. } => self.session = None,
            // What was refused is not there to be read.
            Told::Refused { .. } => {}
            _ => {
                if let Some(entity) = given.entity.filter(|_| !path.is_empty())
                    && self.client.chance(0.7)
                {
                    self.client.read(&format!("{path}{entity}"), Some(entity)).await;
                }
            }
        }
        given
    }

    /// A name that is this client's next.
    fn next_name(&mut self, what: &str) -> String {
        self.count += 1;
        format!("{what} {}-{}", self.client.number, self.count)
    }

    /// One of a few addresses that many want.
    fn wanted_email(&mut self) -> String {
        format!("wanted-{}@example.com", self.client.rng.random_range(0..30))
    }

    /// A showtime that many want, or any.
    fn showtime(&mut self) -> Uuid {
        let kind = if self.client.chance(0.6) { Kind::Hot } else { Kind::Showtime };
        self.world.any(kind, &mut self.client.rng)
    }

    /// One to four seats beside each other, of few; rarely one that there is not.
    fn seats(&mut self) -> Vec<String> {
        let rng = &mut self.client.rng;
        if rng.random_bool(0.03) {
            return vec!["Z99".into()];
        }
        let row = ["A", "B", "C", "E"].choose(rng).copied().unwrap_or("A");
        let (first, count) = (rng.random_range(1..=8), rng.random_range(1..=3));
        (first..first + count).map(|number| format!("{row}{number}")).collect()
    }

    /// Reads lists and single things, of which anybody may.
    async fn browse(&mut self) {
        let showtime = self.showtime();
        let movie = self.world.any(Kind::Movie, &mut self.client.rng);
        let (path, entity) = match self.client.rng.random_range(0..5) {
            0 => (format!("/api/showtimes/{showtime}/seats"), Some(showtime)),
            1 => (format!("/api/showtimes/{showtime}"), Some(showtime)),
            2 => (format!("/api/movies/{movie}"), Some(movie)),
            3 => ("/api/showtimes?limit=50".into(), None),
            _ => (format!("/api/users/{}/bookings?limit=200", self.user), Some(self.user)),
        };
        self.client.read(&path, entity).await;
    }
}

/// The thing, if all went well.
fn done(given: Given) -> anyhow::Result<Uuid> {
    match (&given.told, given.entity) {
        (Told::Done { .. }, Some(id)) => Ok(id),
        (Told::Taken, Some(id)) => Ok(id),
        _ => bail!("before any harm was done: {:?}", given.told),
    }
}
