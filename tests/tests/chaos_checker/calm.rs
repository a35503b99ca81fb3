//! A run without harm: a few clients of every sort, on a cinema that nobody else uses.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use contracts::Role;
use system_tests::chaos::client::{Client, Gate};
use system_tests::chaos::ending;
use system_tests::chaos::history::History;
use system_tests::chaos::record::Record;
use system_tests::chaos::scripting::Scripting;
use system_tests::chaos::workload::Persona;
use system_tests::chaos::world::World;
use system_tests::{Cinema, eventually};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What the clients' choices follow from.
const SEED: u64 = 7;
/// An admin, a script, customers.
const CLIENTS: u32 = 5;
/// Longer than the run.
const TOKEN: Duration = Duration::from_secs(600);

/// Lets the clients make so many calls, waits until all has settled, and looks at what there is.
pub(crate) async fn run(cinema: &Cinema, calls: usize) -> History {
    let record = Arc::new(Record::new());
    let gates: Arc<[Gate]> = [Gate { api: cinema.api.anonymous(), births: AtomicU32::new(0) }].into();
    let (end, over) = watch::channel(false);
    let (world, token) = (Arc::new(World::default()), cinema.token_for(Role::Admin, TOKEN));
    let mut personae = Vec::new();
    for number in 0..CLIENTS {
        let scripting = Scripting::new(cinema.broker().await.client);
        let client = Client::new(number, SEED, Arc::clone(&gates), Arc::clone(&record), scripting, over.clone());
        let admin = (number < 2).then_some(token.as_str());
        let mut persona = Persona::sign_up(client, Arc::clone(&world), admin).await.expect("a client");
        if number == 0 {
            persona.open_the_cinema().await.expect("something to book");
        }
        personae.push(persona.scripted(if number == 1 { 0.7 } else { 0.0 }));
    }
    let mut clients: JoinSet<()> = personae.into_iter().map(Persona::work).collect();
    eventually("enough calls", async || (record.calls() >= calls).then_some(())).await;
    end.send_replace(true);
    while let Some(client) = clients.join_next().await {
        client.expect("a client that works");
    }
    eventually("nothing lags", async || (cinema.verify(&[]).await.0 == Some(0)).then_some(())).await;
    record.finish(ending::collect(cinema, Some(0)).await)
}
