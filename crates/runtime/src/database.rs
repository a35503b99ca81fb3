//! A service's MySQL store: the pool, its sessions, and which failures are worth another try.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use contracts::{Case, Problem};
use deadpool::managed::{Metrics, QueueMode};
use diesel::IntoSql;
use diesel::connection::{Instrumentation, InstrumentationEvent};
use diesel::deserialize::{FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::mysql::{Mysql, MysqlValue};
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel::serialize::{IsNull, Output, ToSql};
use diesel::sql_types::{Binary, Integer};
use diesel_async::pooled_connection::deadpool::{Hook, HookError, Object, Pool};
use diesel_async::pooled_connection::{AsyncDieselConnectionManager, ManagerConfig, PoolError, RecyclingMethod};
use diesel_async::{AsyncConnection, AsyncMysqlConnection, RunQueryDsl, SimpleAsyncConnection};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

/// One connection.
pub type Connection = AsyncMysqlConnection;

/// How long a transaction is tried again after a deadlock, a lock wait or a lost connection.
const TRIES: u32 = 4;
/// After how long without use a connection is asked whether it is still good.
const IDLE: Duration = Duration::from_secs(1);
/// How long a transaction may take: longer than it may wait for a lock. A line that is cut without a word says nothing for
/// a quarter of an hour.
const LONGEST: Duration = Duration::from_secs(60);
/// How long to wait for a connection from the pool.
const CHECKOUT: Duration = Duration::from_secs(5);

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It can't be reached or is overloaded; the same may work later.
    #[error("the store is away: {0}")]
    Away(String),
    /// It refused; the same would be refused again.
    #[error("the store refused: {}", without_values(&.0.to_string()))]
    Refused(#[source] DieselError),
    /// What is stored is not what this program can read.
    #[error("the store holds what can't be read: {0}")]
    Unreadable(String),
}

impl From<DieselError> for StoreError {
    fn from(error: DieselError) -> Self {
        let text = error.to_string();
        let away = match &error {
            DieselError::BrokenTransactionManager | DieselError::RollbackErrorOnCommit { .. } => true,
            DieselError::DatabaseError(kind, _) => match kind {
                DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::SerializationFailure => true,
                DatabaseErrorKind::Unknown | DatabaseErrorKind::UnableToSendCommand => is_passing(&text),
                _ => false,
            },
            _ => false,
        };
        if away { Self::Away(text) } else { Self::Refused(error) }
    }
}

/// What whoever asked is told: nothing about the store's inside.
impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            // The check of the store has told it once, where this would tell it with every question.
            StoreError::Away(_) => {
                tracing::debug!(%error, "a question could not be answered");
                Problem::new(Case::Unavailable, "the store is away at the moment")
            }
            StoreError::Refused(_) | StoreError::Unreadable(_) => {
                tracing::warn!(%error, "a question could not be answered");
                Problem::new(Case::Internal, "the store did not do what was asked")
            }
        }
    }
}

/// What a store says, without the values that it quotes: this text is logged, and they may be somebody's name.
fn without_values(text: &str) -> String {
    let quoted =
        ["entry '", "value: '", "value '"].into_iter().filter_map(|sign| text.find(sign).map(|at| at + sign.len()));
    let Some((before, rest)) = quoted.min().and_then(|at| text.split_at_checked(at)) else { return text.to_owned() };
    // The value itself may have quotes in it: it ends at the last place where it can.
    match rest.rsplit_once("' for ") {
        Some((_, after)) => format!("{before}…' for {after}"),
        None => format!("{before}…"),
    }
}

/// diesel-async reports deadlocks, lock waits, full disks and lost connections by their text only.
pub(crate) fn is_passing(text: &str) -> bool {
    const PASSING: [&str; 15] = [
        "1213",
        "1205",
        "Deadlock",
        "Lock wait timeout",
        "onnection",
        "roken pipe",
        "I/O error",
        "Input/output",
        "isconnect",
        "timed out",
        "shutdown",
        "1053",
        "disk full",
        // 1114, "The table '…' is full": no room for it to grow.
        "is full",
        "No space left",
    ];
    PASSING.iter().any(|sign| text.contains(sign))
}

/// A service's store.
#[derive(Clone)]
pub struct Database {
    pool: Pool<Connection>,
}

impl Database {
    /// A pool of at most `connections` for this `mysql://user:password@host:port/database`. Connects when first used.
    ///
    /// # Errors
    /// For a pool that can't be made.
    pub fn new(url: &str, connections: usize) -> anyhow::Result<Self> {
        let trouble = Trouble::default();
        let mut config = ManagerConfig::default();
        config.recycling_method = RecyclingMethod::Fast;
        let noticed = trouble.clone();
        config.custom_setup = Box::new(move |url| {
            let noticed = noticed.clone();
            async move {
                let mut connection = Connection::establish(url).await?;
                connection.set_instrumentation(Watch { trouble: noticed, unanswered: false });
                // READ COMMITTED takes no gap locks; nothing here relies on REPEATABLE READ. A value that doesn't fit is
                // refused, however the server is set up. A replica that is frozen or cut off in the middle of a transaction
                // would keep its locks for hours, the head's among them; MariaDB takes them from it. MySQL, which can't,
                // takes this for a comment.
                connection
                    .batch_execute(
                        "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED; SET time_zone = '+00:00'; \
                         SET sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES') \
                         /*M! , idle_transaction_timeout = 5 */",
                    )
                    .await
                    .map_err(diesel::ConnectionError::CouldntSetupConfiguration)?;
                Ok(connection)
            }
            .boxed()
        });
        let manager = AsyncDieselConnectionManager::new_with_config(url, config);
        let pool = Pool::builder(manager)
            .max_size(connections)
            // Those that were used last know most statements: fewer have to be prepared, and kept by the server.
            .queue_mode(QueueMode::Lifo)
            .pre_recycle(Hook::async_fn(move |connection, metrics| {
                let trouble = trouble.clone();
                async move { trouble.verify(connection, metrics).await }.boxed()
            }));
        Ok(Self { pool: pool.build()? })
    }

    /// A connection.
    ///
    /// # Errors
    /// [`StoreError::Away`] when there's none within five seconds.
    pub async fn connection(&self) -> Result<Object<Connection>, StoreError> {
        match timeout(CHECKOUT, self.pool.get()).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(error)) => Err(StoreError::Away(error.to_string())),
            Err(_) => Err(StoreError::Away("no connection was free in time".into())),
        }
    }

    /// Runs `work` in one transaction; after a deadlock, a lock wait or a lost connection the whole of it again.
    ///
    /// # Errors
    /// What `work` or COMMIT failed with at last.
    pub async fn transaction<T, F>(&self, mut work: F) -> Result<T, StoreError>
    where
        T: Send,
        F: for<'c> FnMut(&'c mut Connection) -> BoxFuture<'c, Result<T, StoreError>> + Send,
    {
        let mut tried = 0;
        loop {
            tried += 1;
            let result = match self.connection().await {
                Ok(mut connection) => in_time(transact(&mut connection, &mut work)).await,
                Err(error) => Err(error),
            };
            match result {
                Err(StoreError::Away(reason)) if tried < TRIES => {
                    tracing::debug!(%reason, tried, "a transaction is tried again");
                    sleep(backoff(tried)).await;
                }
                done => return done,
            }
        }
    }

    /// How many connections are busy and idle, and how many wait for one.
    pub(crate) fn usage(&self) -> [usize; 3] {
        let status = self.pool.status();
        [status.size.saturating_sub(status.available), status.available, status.waiting]
    }
}

/// When a connection of a pool failed last. What a restart of the server has cut off would stay in the pool and fail for
/// ever, for diesel-async does not notice; asking each time whether a connection is good would cost a round trip for each
/// use: seven of the 37 that a booking needed when it was alone.
#[derive(Clone, Default)]
struct Trouble(Arc<Mutex<Option<Instant>>>);

impl Trouble {
    /// Asks whether a connection is good that has not been used for a while, or not since there was trouble.
    async fn verify(&self, connection: &mut Connection, metrics: &Metrics) -> Result<(), HookError> {
        // Whoever asked has gone, as after a timeout. The answer is still to come, and would be taken for the next one's.
        if connection.instrumentation().downcast_ref::<Watch>().is_some_and(|watch| watch.unanswered) {
            return Err(HookError::message("given up in the middle of a question"));
        }
        let used = metrics.recycled.unwrap_or(metrics.created);
        let trouble = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if used.elapsed() < IDLE && trouble.is_none_or(|trouble| trouble < used) {
            return Ok(());
        }
        let asked = diesel::select(1.into_sql::<Integer>()).get_result::<i32>(connection).await;
        asked.map(drop).map_err(|error| HookError::Backend(PoolError::QueryError(error)))
    }
}

/// What is seen of one connection.
struct Watch {
    trouble: Trouble,
    /// Whether it was asked something and has not answered.
    unanswered: bool,
}

impl Instrumentation for Watch {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        match event {
            InstrumentationEvent::StartQuery { .. } => self.unanswered = true,
            InstrumentationEvent::FinishQuery { error, .. } => {
                self.unanswered = false;
                if error.is_some() {
                    *self.trouble.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
                }
            }
            _ => {}
        }
    }
}

/// Gives up on the store when it takes too long. The connection is not used again.
///
/// # Errors
/// Those of `work`, and [`StoreError::Away`].
pub(crate) async fn in_time<T>(work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    timeout(LONGEST, work).await.unwrap_or_else(|_| Err(StoreError::Away("it does not answer".into())))
}

async fn transact<T, F>(connection: &mut Connection, work: &mut F) -> Result<T, StoreError>
where
    T: Send,
    F: for<'c> FnMut(&'c mut Connection) -> BoxFuture<'c, Result<T, StoreError>> + Send,
{
    use diesel_async::{AnsiTransactionManager, TransactionManager};
    AnsiTransactionManager::begin_transaction(connection).await?;
    match work(connection).await {
        Ok(value) => {
            AnsiTransactionManager::commit_transaction(connection).await?;
            Ok(value)
        }
        Err(error) => {
            // A connection that can't roll back is broken, and the pool drops it.
            let _ = AnsiTransactionManager::rollback_transaction(connection).await;
            Err(error)
        }
    }
}

/// Grows with each try, from some 10 ms up to a second, with jitter so that replicas do not move in step. Not longer,
/// because what comes back should be noticed at once.
pub fn backoff(tried: u32) -> Duration {
    let base = 10u64 << tried.min(6);
    let random = Uuid::now_v7().as_bytes().last().copied().unwrap_or_default();
    Duration::from_millis(base + base * u64::from(random) / 256)
}

/// A UUID as `BINARY(16)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, AsExpression, FromSqlRow)]
#[diesel(sql_type = Binary)]
pub struct Key(pub Uuid);

impl ToSql<Binary, Mysql> for Key {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Mysql>) -> diesel::serialize::Result {
        std::io::Write::write_all(out, self.0.as_bytes())?;
        Ok(IsNull::No)
    }
}

impl FromSql<Binary, Mysql> for Key {
    fn from_sql(value: MysqlValue<'_>) -> diesel::deserialize::Result<Self> {
        let bytes = <Vec<u8> as FromSql<Binary, Mysql>>::from_sql(value)?;
        Ok(Self(Uuid::from_slice(&bytes)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_an_end_and_are_not_the_same_twice() {
        for tried in 0..100 {
            let pauses: std::collections::BTreeSet<Duration> = (0..100).map(|_| backoff(tried)).collect();
            let least = Duration::from_millis(10 << tried.min(6));
            assert!(pauses.iter().all(|pause| (least..2 * least).contains(pause)), "{tried}: {pauses:?}");
            assert!(pauses.len() > 1, "{tried}: {pauses:?}");
        }
    }

    #[test]
    fn what_the_store_quotes_is_not_told() {
        for (text, told) in [
            ("Duplicate entry 'email-ada@example.com' for key 'PRIMARY'", "Duplicate entry '…' for key 'PRIMARY'"),
            ("Duplicate entry 'O' for 'x' for key 'claims.PRIMARY'", "Duplicate entry '…' for key 'claims.PRIMARY'"),
            (
                "Incorrect string value: '\\xF0' for column `a`.`b`.`c` at row 1",
                "Incorrect string value: '…' for column `a`.`b`.`c` at row 1",
            ),
            ("Truncated incorrect DOUBLE value: 'Ada'", "Truncated incorrect DOUBLE value: '…"),
            ("Data too long for column 'email' at row 1", "Data too long for column 'email' at row 1"),
            ("Table 'a.b' doesn't exist", "Table 'a.b' doesn't exist"),
        ] {
            assert_eq!(without_values(text), told);
        }
    }
}
