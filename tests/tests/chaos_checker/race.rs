//! Bookings on their way while their showtime is cancelled: one replica is so far from its store that what it was told of
//! a showtime may be old when it decides.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use contracts::Service;
use futures_util::future::join_all;
use reqwest::Url;
use system_tests::Cinema;
use system_tests::chaos::client::Client;
use system_tests::chaos::history::{History, Told};
use system_tests::chaos::orders;
use system_tests::chaos::proxy::{Line, State};
use uuid::Uuid;

use crate::setting::Setting;

/// The replica that is far from its store.
const FAR: &str = "bookings-2";
/// How far, each way.
const DELAY: Duration = Duration::from_millis(25);
/// Buyers of each showtime.
const BUYERS: u32 = 4;

/// Lets buyers book so many showtimes, each while it is cancelled.
pub(crate) async fn run(showtimes: u32) -> History {
    let line: Arc<Mutex<Option<Line>>> = Arc::default();
    let kept = Arc::clone(&line);
    let mut cinema = Cinema::start_fitted(
        |_| {},
        move |spec| {
            let url = spec.environment.iter_mut().find(|(name, _)| spec.name == FAR && *name == "DATABASE_URL");
            if let Some((_, address)) = url {
                let mut url: Url = address.parse().expect("an address");
                let line = Line::to(url.port().expect("a port")).expect("a line");
                url.set_port(Some(line.port())).expect("an address with a port");
                *address = url.into();
                line.set(State::Delayed(DELAY));
                *kept.lock().expect("nobody panicked") = Some(line);
            }
        },
    )
    .await;
    cinema.add_replica(Service::Bookings, FAR).await;
    let setting = Setting::new(&cinema);
    let mut manager = admin(&setting, 0).await;
    let movie = done(&manager.give(&orders::add_movie("Film")).await);
    let mut buyers = Vec::new();
    for number in 1..=BUYERS {
        let mut client = admin(&setting, number).await;
        let user = done(&client.give(&orders::add_user(&format!("buyer-{number}@example.com"))).await);
        buyers.push((client, user));
    }
    for number in 0..showtimes {
        let hall = done(&manager.give(&orders::add_hall(&format!("Hall {number}"))).await);
        let showtime = done(&manager.give(&orders::schedule(orders::screening(movie, hall, 30, 1250))).await);
        let booked = join_all(buyers.iter_mut().enumerate().map(async |(row, (client, user))| {
            for seat in 1..=2 {
                let seats = [format!("{}{seat}", ["A", "B", "C", "E"][row])];
                client.give(&orders::place(*user, showtime, &seats)).await;
            }
        }));
        let cancel = orders::cancel_showtime(showtime);
        tokio::join!(booked, manager.give(&cancel));
    }
    setting.history().await
}

async fn admin(setting: &Setting<'_>, number: u32) -> Client {
    let mut client = setting.client(number).await;
    client.becomes("machine".into(), setting.token.clone());
    client
}

fn done(given: &system_tests::chaos::client::Given) -> Uuid {
    assert!(matches!(given.told, Told::Done { .. }), "{:?}", given.told);
    given.entity.expect("a thing")
}
