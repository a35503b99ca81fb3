//! A run without harm: a few clients of every sort, on a cinema that nobody else uses.

use std::sync::Arc;

use system_tests::chaos::history::History;
use system_tests::chaos::workload::Persona;
use system_tests::chaos::world::World;
use system_tests::{Cinema, eventually};
use tokio::task::JoinSet;

use crate::setting::Setting;

/// An admin, a script, customers.
const CLIENTS: u32 = 5;

/// Lets the clients make so many calls, waits until all has settled, and looks at what there is.
pub(crate) async fn run(cinema: &Cinema, calls: usize) -> History {
    let (setting, world) = (Setting::new(cinema), Arc::new(World::default()));
    let mut personae = Vec::new();
    for number in 0..CLIENTS {
        let admin = (number < 2).then_some(setting.token.as_str());
        let client = setting.client(number).await;
        let mut persona = Persona::sign_up(client, Arc::clone(&world), admin).await.expect("a client");
        if number == 0 {
            persona.open_the_cinema().await.expect("something to book");
        }
        personae.push(persona.scripted(if number == 1 { 0.7 } else { 0.0 }));
    }
    let mut clients: JoinSet<()> = personae.into_iter().map(Persona::work).collect();
    eventually("enough calls", async || (setting.record.calls() >= calls).then_some(())).await;
    setting.end();
    while let Some(client) = clients.join_next().await {
        client.expect("a client that works");
    }
    setting.history().await
}
