//! A whole run, from the first client's first request to the verdict.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::interval;

use super::client::Client;
use super::history::History;
use super::plan::plan;
use super::record::Record;
use super::scripting::Scripting;
use super::settle::settle;
use super::stage::Stage;
use super::summary::Summary;
use super::workload::Persona;
use super::world::World;
use super::{ending, harm};
use crate::Cinema;

/// So many clients of each sort, beside the customers.
const ADMINS: u32 = 2;
const SCRIPTS: u32 = 2;
/// How long clients are on their own before the first harm.
const CALM: Duration = Duration::from_secs(3);
/// How long it is from one harm to the next, on average.
const BETWEEN: Duration = Duration::from_millis(1250);
/// How often to look whether a program has ended by itself.
const LOOK: Duration = Duration::from_millis(500);
/// The file with the history.
const HISTORY: &str = "history.json";
/// The file with the summary, for programs.
const SUMMARY: &str = "summary.json";

/// What to run.
#[derive(Clone, Debug)]
pub struct Run {
    /// For how long clients are busy.
    pub lasts: Duration,
    /// What the harm and the clients' choices follow from.
    pub seed: u64,
    /// How many replicas of each service there are.
    pub replicas: usize,
    /// How many customers there are, beside two admins and two scripts.
    pub customers: u32,
    /// Where history and logs stay.
    pub keep: PathBuf,
}

impl Run {
    /// Does it all, and writes history, logs and summary.
    ///
    /// # Errors
    /// When it can't be carried through.
    pub async fn go(&self) -> anyhow::Result<Summary> {
        fs::create_dir_all(&self.keep).with_context(|| format!("cannot write to {}", self.keep.display()))?;
        let stage = Arc::new(Stage::set(self.replicas).await?);
        let played = self.play(&stage).await;
        let cinema = stage.cinema.lock().await;
        keep_logs(&cinema, &self.keep)?;
        let (history, trouble) = played?;
        fs::write(self.keep.join(HISTORY), serde_json::to_vec(&history)?)?;
        let summary = Summary::of(self.seed, &history, stage.disks.len() == 2, trouble);
        fs::write(self.keep.join(SUMMARY), serde_json::to_vec_pretty(&summary)?)?;
        Ok(summary)
    }

    async fn play(&self, stage: &Arc<Stage>) -> anyhow::Result<(History, Vec<String>)> {
        let record = Arc::new(Record::new());
        let (end, over) = watch::channel(false);
        let mut planned = plan(self.seed, self.lasts.saturating_sub(CALM), BETWEEN, &stage.targets().await);
        let personae = self.sign_up(stage, &record, &over).await?;
        let shift = record.begun().elapsed() + CALM;
        planned.iter_mut().for_each(|planned| planned.at += shift);

        let mut clients: JoinSet<()> = personae.into_iter().map(Persona::work).collect();
        let watching = tokio::spawn(revive(Arc::clone(stage), over));
        harm::play(stage, &record, planned).await?;
        // Clients bring to an end what they are at; nothing may lag for long all the same.
        end.send_replace(true);
        let settled = settle(stage).await;
        while let Some(client) = clients.join_next().await {
            client?;
        }
        let mut trouble = watching.await??;
        let settled_ms = match settled {
            Ok(time) => u64::try_from(time.as_millis()).ok(),
            Err(lagging) => {
                trouble.push(format!("still lagging: {lagging}"));
                None
            }
        };
        let ending = ending::collect(&*stage.cinema.lock().await, settled_ms).await;
        Ok((record.finish(ending), trouble))
    }

    /// All clients, with accounts, and what there is to book.
    async fn sign_up(
        &self,
        stage: &Stage,
        record: &Arc<Record>,
        over: &watch::Receiver<bool>,
    ) -> anyhow::Result<Vec<Persona>> {
        let (world, token) = (Arc::new(World::default()), stage.admin().await);
        let mut personae = Vec::new();
        for number in 0..ADMINS + SCRIPTS + self.customers {
            let scripting = Scripting::new(stage.cinema.lock().await.broker().await.client);
            let client =
                Client::new(number, self.seed, Arc::clone(&stage.gates), Arc::clone(record), scripting, over.clone());
            let admin = (number < ADMINS + SCRIPTS).then_some(token.as_str());
            let mut persona = Persona::sign_up(client, Arc::clone(&world), admin).await?;
            if number == 0 {
                persona.open_the_cinema().await?;
            }
            personae.push(if number < ADMINS { persona } else { persona.scripted(admin.map_or(0.0, |_| 0.7)) });
        }
        Ok(personae)
    }
}

/// Looks after programs until it is over: those that ended though nobody harmed them.
async fn revive(stage: Arc<Stage>, mut over: watch::Receiver<bool>) -> anyhow::Result<Vec<String>> {
    let (mut looks, mut ended) = (interval(LOOK), Vec::new());
    loop {
        ended.extend(stage.revive().await?.into_iter().map(|name| format!("{name} ended by itself")));
        tokio::select! {
            _ = looks.tick() => {}
            _ = over.wait_for(|over| *over) => return Ok(ended),
        }
    }
}

fn keep_logs(cinema: &Cinema, keep: &Path) -> anyhow::Result<()> {
    for entry in fs::read_dir(cinema.folder().join("logs"))? {
        let entry = entry?;
        fs::copy(entry.path(), keep.join(entry.file_name()))?;
    }
    Ok(())
}
