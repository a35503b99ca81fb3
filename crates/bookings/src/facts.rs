//! What the other services know of a batch of commands: one request to users, one to movies.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use contracts::Problem;
use contracts::bookings::BookingCommand;
use contracts::ids::{BookingId, ShowtimeId, UserId};
use contracts::layout::Seat;
use contracts::showtimes::CheckedShowtime;
use runtime::database::{Connection, StoreError};
use runtime::domain::{Around, Claim};
use uuid::Uuid;

use crate::claims;
use crate::told::{self, Memory};

/// What is known of one command.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The showtime of the booking that the command names; `None` while there was no such booking.
    pub booked_showtime: Option<ShowtimeId>,
    /// False for a user that does not exist, any more or at all.
    pub user_may_book: bool,
    /// The showtimes that the command is about, as far as they exist. Commands of a batch share them.
    showtimes: HashMap<ShowtimeId, Arc<CheckedShowtime>>,
}

impl Known {
    /// A showtime that the command is about; `None` when there is no such showtime.
    pub fn showtime(&self, id: ShowtimeId) -> Option<&CheckedShowtime> {
        self.showtimes.get(&id).map(Arc::as_ref)
    }
}

/// What one command makes us ask.
#[derive(Default)]
struct Question<'a> {
    booked_showtime: Option<ShowtimeId>,
    user: Option<UserId>,
    showtimes: Vec<ShowtimeId>,
    seats: &'a [Seat],
}

type Users = Result<BTreeSet<UserId>, Problem>;
type Showtimes = Result<HashMap<ShowtimeId, Arc<CheckedShowtime>>, Problem>;

/// Asks about all commands at once. A command whose facts cannot be had, because a service is away, waits; those that
/// need nothing from that service do not.
pub(crate) async fn gather(
    around: &Around,
    memory: &Arc<Mutex<Memory>>,
    commands: &[&BookingCommand],
) -> Vec<Result<Known, Problem>> {
    let questions = match questions(around, commands).await {
        Ok(questions) => questions,
        Err(error) => {
            let problem = Problem::from(error);
            return commands.iter().map(|_| Err(problem.clone())).collect();
        }
    };
    let users = questions.iter().filter_map(|question| question.user).collect();
    let seats = by_showtime(&questions);
    let afresh = commands.iter().any(|command| is_final(command));
    let (users, showtimes) = futures_util::join!(
        told::users(&around.client, memory, users, afresh),
        told::showtimes(&around.client, memory, seats, afresh)
    );
    questions.iter().map(|question| answer(question, &users, &showtimes)).collect()
}

/// What follows from what happened in another service, and would never be done if it was refused because that is not known
/// here yet: a promise may have been broken.
fn is_final(command: &BookingCommand) -> bool {
    matches!(command, BookingCommand::CancelShowtime(_) | BookingCommand::CancelUser(_))
}

async fn questions<'a>(around: &Around, commands: &[&'a BookingCommand]) -> Result<Vec<Question<'a>>, StoreError> {
    let booked = booked_showtimes(around, commands).await?;
    let mut questions = Vec::with_capacity(commands.len());
    for command in commands {
        questions.push(match command {
            BookingCommand::Place(command) => Question {
                user: Some(command.user_id),
                showtimes: vec![command.showtime_id],
                seats: command.seats.as_slice(),
                ..Question::default()
            },
            BookingCommand::ChangeSeats(command) => {
                Question { seats: command.seats.as_slice(), ..about(booked.get(&command.id)) }
            }
            BookingCommand::Cancel(command) => about(booked.get(&command.id)),
            BookingCommand::CheckIn(command) => about(booked.get(&command.id)),
            BookingCommand::CancelShowtime(command) => {
                Question { showtimes: vec![command.showtime_id], ..Question::default() }
            }
            BookingCommand::CancelUser(command) => Question {
                user: Some(command.user_id),
                showtimes: showtimes_of(&mut *around.database.connection().await?, command.user_id).await?,
                ..Question::default()
            },
        });
    }
    Ok(questions)
}

fn about(showtime: Option<&ShowtimeId>) -> Question<'static> {
    Question {
        booked_showtime: showtime.copied(),
        showtimes: showtime.copied().into_iter().collect(),
        ..Default::default()
    }
}

/// The showtimes of the bookings that commands name: those that are there, and those that this very batch makes.
async fn booked_showtimes(
    around: &Around,
    commands: &[&BookingCommand],
) -> Result<HashMap<BookingId, ShowtimeId>, StoreError> {
    let named = commands.iter().filter_map(|command| match command {
        BookingCommand::ChangeSeats(command) => Some(command.id),
        BookingCommand::Cancel(command) => Some(command.id),
        BookingCommand::CheckIn(command) => Some(command.id),
        _ => None,
    });
    let named: Vec<Claim> = named.map(claims::booking).collect();
    if named.is_empty() {
        return Ok(HashMap::new());
    }
    let made = commands.iter().filter_map(|command| match command {
        BookingCommand::Place(command) => command.id.map(|id| (id, command.showtime_id)),
        _ => None,
    });
    let mut booked: HashMap<BookingId, ShowtimeId> = made.collect();
    let connection = &mut *around.database.connection().await?;
    let held = runtime::claims::holders(connection, &named).await?;
    let read = |(claim, showtime): (Claim, Uuid)| Some((claim.value.parse().ok()?, ShowtimeId(showtime)));
    booked.extend(held.into_iter().filter_map(read));
    Ok(booked)
}

async fn showtimes_of(connection: &mut Connection, user: UserId) -> Result<Vec<ShowtimeId>, StoreError> {
    let prefix = claims::showtimes_of(user);
    let held = runtime::claims::holders_from(connection, claims::USER_SHOWTIME, &prefix).await?;
    Ok(held.into_iter().map(|(_, showtime): (String, Uuid)| showtime.into()).collect())
}

/// All seats that are wanted of each showtime.
fn by_showtime(questions: &[Question<'_>]) -> BTreeMap<ShowtimeId, BTreeSet<Seat>> {
    let mut together: BTreeMap<ShowtimeId, BTreeSet<Seat>> = BTreeMap::new();
    for question in questions {
        for id in &question.showtimes {
            together.entry(*id).or_default().extend(question.seats);
        }
    }
    together
}

fn answer(question: &Question<'_>, users: &Users, showtimes: &Showtimes) -> Result<Known, Problem> {
    let mut known = Known { booked_showtime: question.booked_showtime, ..Known::default() };
    if let Some(user) = question.user {
        known.user_may_book = users.as_ref().map_err(Problem::clone)?.contains(&user);
    }
    if !question.showtimes.is_empty() {
        let found = showtimes.as_ref().map_err(Problem::clone)?;
        let theirs = question.showtimes.iter().filter_map(|id| Some((*id, Arc::clone(found.get(id)?))));
        known.showtimes = theirs.collect();
    }
    Ok(known)
}
