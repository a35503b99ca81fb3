//! `marquee seed`: fills the system through its public REST API with something real to look at.
//!
//! Everything is created under an idempotency key (`seed-movie-1` and so on), so a second run is answered with what the
//! first one made and changes nothing; a run that was interrupted is completed by the next.

mod create;
mod films;
mod halls;
mod people;
mod plan;

use anyhow::{Context, bail};
use chrono::{DateTime, Days, NaiveDate, SecondsFormat, Utc};
use futures_util::{StreamExt, TryStreamExt, stream};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use gateway::examples::SEED_PASSWORD;

use crate::rest::{Rest, RestArgs};
use films::FILMS;
use halls::HALLS;

/// The user who is signed in, so that the example of signing out has somebody.
const SESSION_OF: usize = 1;

/// How many requests are under way at once.
const AT_ONCE: usize = 16;

/// What `marquee seed` can be told.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    rest: RestArgs,
}

/// Creates what isn't there yet.
///
/// # Errors
/// In words, when the gateway doesn't answer or refuses what it should take.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let (showtimes, people) = (plan::showtimes(), people::bodies());
    let bookings = plan::bookings(&showtimes);
    let total = people.len() + FILMS.len() + HALLS.len() + showtimes.len() + bookings.len() + 2;
    let seed = Seed { rest: Rest::new(args.rest)?, bar: bar(total) };

    let (users, movies, halls) = tokio::try_join!(
        seed.create("user", people.into_iter().map(Some).collect()),
        seed.create("movie", FILMS.iter().map(|film| Some(film.body())).collect()),
        seed.create("hall", HALLS.iter().map(|hall| Some(hall.body())).collect()),
    )?;
    let first_day = first_day(&halls)?;
    let bodies = showtimes.iter().map(|showtime| showtime_body(*showtime, first_day, &movies, &halls));
    let shown = seed.create("showtime", bodies.collect()).await?;
    let bodies = bookings.iter().map(|booking| {
        let (user, showtime) = (id(&users, booking.user)?, id(&shown, booking.showtime)?);
        Some(json!({ "user_id": user, "showtime_id": showtime, "seats": booking.seats }))
    });
    let booked = seed.create("booking", bodies.collect()).await?;
    let key = json!({ "name": "Box office", "roles": ["staff"] });
    let session = json!({ "email": people::email(SESSION_OF), "password": SEED_PASSWORD });
    let keys = seed.create("api-key", vec![Some(key)]).await?;
    let sessions = seed.anonymous().create("session", vec![Some(session)]).await?;
    seed.bar.finish_and_clear();

    println!(
        "{} movies, {} halls, {} showtimes from {first_day} on, {} users, {} bookings: see {}/api/",
        count(&movies),
        count(&halls),
        count(&shown),
        count(&users),
        count(&booked),
        seed.rest.base(),
    );
    told("bookings", &booked);
    let refused = [
        ("movies", &movies),
        ("halls", &halls),
        ("showtimes", &shown),
        ("users", &users),
        ("API keys", &keys),
        ("sessions", &sessions),
    ];
    if refused.map(|(things, made)| told(things, made)).contains(&true) {
        bail!("not everything is there");
    }
    Ok(())
}

/// What was made, or why not.
type Made = Vec<Result<Value, String>>;

#[derive(Clone)]
struct Seed {
    rest: Rest,
    bar: ProgressBar,
}

impl Seed {
    /// The same for what is done without a token.
    fn anonymous(&self) -> Self {
        Self { rest: self.rest.anonymous(), bar: self.bar.clone() }
    }

    /// Creates things of one kind, each under its number. What has no body would refer to something that was refused.
    async fn create(&self, kind: &str, bodies: Vec<Option<Value>>) -> anyhow::Result<Made> {
        let requests = stream::iter(bodies).enumerate().map(async |(place, body)| {
            let key = format!("seed-{kind}-{}", place + 1);
            let made = match body {
                Some(body) => self.rest.create(&format!("/api/{kind}s"), &key, &body).await?,
                None => Err("it refers to what was refused".to_owned()),
            };
            self.bar.inc(1);
            anyhow::Ok(made)
        });
        requests.buffered(AT_ONCE).try_collect().await
    }
}

/// Nothing is drawn where nobody looks: when standard error isn't a terminal.
fn bar(total: usize) -> ProgressBar {
    let bar = ProgressBar::new(u64::try_from(total).unwrap_or_default());
    match ProgressStyle::with_template("{bar:50.cyan} {pos}/{len} requests") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// The day after the first run, whenever this run is: the first hall tells when it was added.
fn first_day(halls: &Made) -> anyhow::Result<NaiveDate> {
    let hall = match halls.first() {
        Some(Ok(hall)) => hall,
        Some(Err(refusal)) => bail!("the first hall was refused: {refusal}"),
        None => bail!("there are no halls"),
    };
    let added = hall.get("created_at").and_then(Value::as_str).context("the first hall has no created_at")?;
    let added: DateTime<Utc> = added.parse().context("the first hall's created_at is no time")?;
    added.date_naive().checked_add_days(Days::new(1)).context("no day follows")
}

fn showtime_body(showtime: plan::Showtime, first_day: NaiveDate, movies: &Made, halls: &Made) -> Option<Value> {
    let (film, hall) = (FILMS.get(showtime.film)?, HALLS.get(showtime.hall)?);
    let day = first_day.checked_add_days(Days::new(showtime.day.into()))?;
    let starts_at = day.and_hms_opt(showtime.hour.into(), 0, 0)?.and_utc();
    Some(json!({
        "movie_id": id(movies, showtime.film)?,
        "hall_id": id(halls, showtime.hall)?,
        "starts_at": starts_at.to_rfc3339_opts(SecondsFormat::Secs, true),
        "format": hall.format,
        "language": film.language,
        "prices": hall.prices(showtime.is_evening()),
    }))
}

fn id(made: &Made, place: usize) -> Option<&str> {
    made.get(place)?.as_ref().ok()?.get("id")?.as_str()
}

fn count(made: &Made) -> usize {
    made.iter().flatten().count()
}

/// Tells how many were refused, if any, and why the first of them was.
fn told(things: &str, made: &Made) -> bool {
    let mut refusals = made.iter().filter_map(|made| made.as_ref().err());
    let Some(first) = refusals.next() else { return false };
    eprintln!("{} {things} were refused; the first because: {first}", 1 + refusals.count());
    true
}
