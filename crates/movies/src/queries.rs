//! Questions, answered from the read tables.

mod showtimes;

use contracts::Problem;
use contracts::halls::{GetHall, Hall, ListHalls};
use contracts::ids::{HallId, MovieId};
use contracts::movies::{GetMovie, ListMovies, Movie, Title};
use contracts::page::{Page, read_cursor};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use runtime::database::{Database, Key, StoreError};

use crate::domain::not_found;
use crate::rows::{HallRow, MovieRow};
use crate::schema::{halls, movies};

pub use showtimes::{showtime, showtimes};

/// How long the halls of one page may be together, in bytes of JSON: a message takes 8 MB, and one may nearly be a megabyte.
const HALLS: usize = 4 << 20;

/// One movie.
///
/// # Errors
/// `NotFound`, `Unavailable`.
pub async fn movie(database: Database, query: GetMovie) -> Result<Movie, Problem> {
    let connection = &mut *database.connection().await?;
    let found = movies::table.find(Key(query.id.0)).filter(movies::removed.eq(false)).select(MovieRow::as_select());
    let row = found.first(connection).await.optional().map_err(StoreError::from)?;
    Ok(row.ok_or_else(|| not_found(format_args!("movie {}", query.id)))?.read()?)
}

/// Movies, oldest entry first.
///
/// # Errors
/// `InvalidInput` for a cursor of nowhere, `Unavailable`.
pub async fn movies(database: Database, query: ListMovies) -> Result<Page<Movie>, Problem> {
    let found = movies::table.filter(movies::removed.eq(false)).select(MovieRow::as_select());
    let mut found = found.order(movies::id).limit(query.limit.rows()).into_boxed();
    if let Some(MovieId(after)) = read_cursor(query.cursor.as_deref())? {
        found = found.filter(movies::id.gt(Key(after)));
    }
    if let Some(title) = query.title {
        found = found.filter(movies::title.like(containing(&title)));
    }
    let rows: Vec<MovieRow> = found.load(&mut *database.connection().await?).await.map_err(StoreError::from)?;
    let movies = rows.into_iter().map(MovieRow::read).collect::<Result<_, StoreError>>()?;
    Ok(Page::new(movies, query.limit, |movie: &Movie| movie.id.to_string()))
}

/// One hall.
///
/// # Errors
/// `NotFound`, `Unavailable`.
pub async fn hall(database: Database, query: GetHall) -> Result<Hall, Problem> {
    let connection = &mut *database.connection().await?;
    let found = halls::table.find(Key(query.id.0)).filter(halls::removed.eq(false)).select(HallRow::as_select());
    let row = found.first(connection).await.optional().map_err(StoreError::from)?;
    Ok(row.ok_or_else(|| not_found(format_args!("hall {}", query.id)))?.read()?)
}

/// Halls, oldest entry first; fewer than wanted where they would not fit into a message.
///
/// # Errors
/// `InvalidInput` for a cursor of nowhere, `Unavailable`.
pub async fn halls(database: Database, query: ListHalls) -> Result<Page<Hall>, Problem> {
    let found = halls::table.filter(halls::removed.eq(false)).select(HallRow::as_select());
    let mut found = found.order(halls::id).limit(query.limit.rows()).into_boxed();
    if let Some(HallId(after)) = read_cursor(query.cursor.as_deref())? {
        found = found.filter(halls::id.gt(Key(after)));
    }
    let rows: Vec<HallRow> = found.load(&mut *database.connection().await?).await.map_err(StoreError::from)?;
    let mut bytes = 0;
    let fit = rows.iter().take_while(|row| {
        bytes += row.bytes();
        bytes <= HALLS
    });
    let limit = query.limit.at_most(fit.count());
    let halls = rows.into_iter().map(HallRow::read).collect::<Result<_, StoreError>>()?;
    Ok(Page::new(halls, limit, |hall: &Hall| hall.id.to_string()))
}

/// The LIKE pattern for titles with this text in them, whatever signs it has.
fn containing(text: &Title) -> String {
    let mut pattern = String::from("%");
    for sign in text.as_str().chars() {
        if matches!(sign, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(sign);
    }
    pattern + "%"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_are_searched_literally() {
        let title = |text: &str| Title::try_from(text.to_owned()).unwrap();
        assert_eq!(containing(&title("blade")), "%blade%");
        assert_eq!(containing(&title(r"100%_\")), r"%100\%\_\\%");
    }
}
