//! Halls.

use axum::response::Response;
use contracts::halls::{AddHall, GetHall, HallDetails, HallName, ListHalls, UpdateHall};
use contracts::ids::HallId;
use diesel::prelude::*;
use diesel_async::{AsyncConnection, RunQueryDsl};
use gateway::input::{Filter, Id, Input};
use gateway::instead::Instead;
use gateway::listing;
use gateway::representation::unless_known;
use movies::domain::{Hall, State, check_staff, not_found};
use movies::queries;
use runtime::database::{Connection, Key};
use uuid::Uuid;

use super::done;
use super::programme::{self, Those};
use crate::request::Asking;
use crate::store::{Stop, now, retried};
use crate::words::{Value, Words};

/// Adds a hall.
pub(crate) async fn create(asking: Asking, Input(details): Input<HallDetails>) -> Result<Response, Instead> {
    check_staff(&asking.caller.actor)?;
    let id = HallId(Uuid::now_v7());
    let command = AddHall { id: Some(id), details };
    let added = retried(|| async {
        let mut connection = asking.here.database.connection().await?;
        connection
            .transaction(async |connection| {
                let holder = holder(connection, &command.details.name).await?;
                let (event, at) = (State::Empty.add_hall(id, &command, holder)?, now());
                programme::save(connection, event.clone(), at).await?;
                Ok::<_, Stop>(Hall::new(&event, at).view())
            })
            .await
    });
    Ok(done(added.await?).created(format!("/api/halls/{id}")))
}

/// Lists halls.
pub(crate) async fn list(asking: Asking, Filter(query): Filter<ListHalls>) -> Result<Response, Instead> {
    Ok(listing::page(&asking.uri, queries::halls(asking.here.database.clone(), query).await?))
}

/// Gets a hall.
pub(crate) async fn get(asking: Asking, Id(id): Id<HallId>) -> Result<Response, Instead> {
    let hall = queries::hall(asking.here.database.clone(), GetHall { id }).await?;
    Ok(unless_known(&asking.headers, &hall))
}

/// Replaces a hall's name and layout.
pub(crate) async fn update(
    asking: Asking,
    Id(id): Id<HallId>,
    Input(details): Input<HallDetails>,
) -> Result<Response, Instead> {
    check_staff(&asking.caller.actor)?;
    let command = UpdateHall { id, details };
    let changed = retried(|| async {
        let mut connection = asking.here.database.connection().await?;
        connection
            .transaction(async |connection| {
                let at = now();
                let mut hall = present(connection, id, at).await?;
                let holder = holder(connection, &command.details.name).await?;
                let event = hall.update(&command, asking.if_version(hall.version()), holder, at)?;
                hall.apply(&event.clone().into(), at);
                programme::save(connection, event, at).await?;
                Ok::<_, Stop>(hall.view())
            })
            .await
    });
    Ok(done(changed.await?).changed())
}

/// Removes a hall.
pub(crate) async fn delete(asking: Asking, Id(id): Id<HallId>) -> Result<Response, Instead> {
    check_staff(&asking.caller.actor)?;
    let removed = retried(|| async {
        let mut connection = asking.here.database.connection().await?;
        connection
            .transaction(async |connection| {
                let at = now();
                let hall = present(connection, id, at).await?;
                let event = hall.remove(asking.if_version(hall.version()), at)?;
                programme::save(connection, event, at).await
            })
            .await
    });
    Ok(done(removed.await?).gone())
}

async fn present(connection: &mut Connection, id: HallId, at: chrono::DateTime<chrono::Utc>) -> Result<Hall, Stop> {
    let hall = programme::hall(connection, id, Those::After(at), None).await?;
    Ok(hall.ok_or_else(|| not_found(format_args!("hall {id}")))?)
}

/// The hall that has this name.
async fn holder(connection: &mut Connection, name: &HallName) -> Result<Option<HallId>, Stop> {
    let key = name.as_str().to_lowercase();
    let text = "SELECT id FROM halls WHERE name_key = ?";
    let found = Words::<(diesel::sql_types::Binary,)>::new(text, vec![Value::Text(&key)]);
    let found: Option<(Key,)> = found.get_result(connection).await.optional()?;
    Ok(found.map(|(Key(id),)| id.into()))
}
