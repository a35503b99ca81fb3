//! Small batches, decided ahead: without the lock of the journal's head, and written in one round trip, if nothing that
//! they rest on has changed meanwhile. Where a booking is alone, its latency is a chain of round trips, and of eight that
//! the store took this leaves one; what has to be read is read while other services are asked.
//!
//! What a decision rests on are states, which are events, and claims. Whoever changes either moves the head or counts on
//! in it, under its lock. So what was read when the head was this, and is written where the head still is this, could as
//! well have been read under the lock. When it isn't any more, or a command is a repeat or creates what there is, nothing is
//! written, and the batch is decided again under the lock.

use std::sync::Arc;

use diesel_async::SimpleAsyncConnection;
use tokio::sync::Mutex;

use crate::cache::Cache;
use crate::claims::Claims;
use crate::database::{Connection, Database, StoreError, in_time};
use crate::decide::{self, Decided, Settling, Waiting};
use crate::domain::{Domain, Needs};
use crate::journal::{self, Head};
use crate::outcomes;
use crate::script::Script;

/// Commands that are decided ahead, at most: beyond, what the server has to read costs more than the round trips.
const FEW: usize = 16;

/// What was found when it was looked.
pub(crate) struct Ahead {
    head: Head,
    needs: Vec<Needs>,
    claims: Claims,
}

/// What commands need that are few enough to be decided ahead; nothing for more of them.
pub(crate) fn needs<D: Domain>(batch: &[Waiting<D>]) -> Vec<Needs> {
    if batch.len() > FEW { Vec::new() } else { decide::needs(batch) }
}

/// Looks at what commands need; `None` where that is of no use.
pub(crate) async fn look<D: Domain>(
    database: &Database,
    cache: &Arc<Mutex<Cache<D>>>,
    needs: Vec<Needs>,
) -> Option<Ahead> {
    if needs.is_empty() {
        return None;
    }
    let mut connection = database.connection().await.ok()?;
    // Before the claims: what changes after this is noticed.
    let head = Head::read(&mut connection).await.ok()?;
    if head.position != cache.lock().await.position() {
        return None;
    }
    let claims = Claims::load(&mut connection, &needs).await.ok()?;
    Some(Ahead { head, needs, claims })
}

/// What was found before, unless something was decided here since then; else looks.
pub(crate) async fn look_again<D: Domain>(
    before: Option<Ahead>,
    database: &Database,
    cache: &Arc<Mutex<Cache<D>>>,
    needs: Vec<Needs>,
) -> Option<Ahead> {
    let position = cache.lock().await.position();
    match before.filter(|before| before.head.position == position) {
        Some(before) => Some(before),
        None => look(database, cache, needs).await,
    }
}

/// Decides and writes a batch that was looked at.
///
/// # Errors
/// When something has changed, and whenever the store does not do it; then nothing was written.
pub(crate) async fn decide<D: Domain>(
    database: &Database,
    cache: &Arc<Mutex<Cache<D>>>,
    batch: &[Waiting<D>],
    Ahead { head, needs, claims }: Ahead,
) -> Result<Decided, StoreError> {
    let mut connection = database.connection().await?;
    let mut cache = cache.lock().await;
    let mut settling = Settling::load(&mut connection, &mut cache, head.position, &needs, claims).await?;
    let outcomes = settling.all(batch)?;
    in_time(async {
        let written = write(&mut connection, head, &settling).await;
        if written.is_err() {
            // Where there is nothing to roll back, this does nothing; where it can't be said, the server does it.
            let _ = connection.batch_execute("ROLLBACK").await;
        }
        written
    })
    .await?;
    cache.put_back(settling.streams, settling.position);
    Ok(Decided { outcomes, rows: settling.rows })
}

async fn write<D: Domain>(connection: &mut Connection, head: Head, settling: &Settling<D>) -> Result<(), StoreError> {
    if settling.fresh.is_empty() {
        return Ok(());
    }
    let mut script = Script::default();
    script.add(format_args!("BEGIN"));
    head.move_on(settling.position, &mut script);
    journal::append_in(&mut script, &settling.rows);
    outcomes::save_in(&mut script, &settling.fresh);
    settling.claims.save_in(&mut script);
    if !settling.private.is_empty() {
        script.run(connection).await?;
        D::write_private(connection, &settling.private).await?;
        script = Script::default();
    }
    script.add(format_args!("COMMIT"));
    script.run(connection).await
}
