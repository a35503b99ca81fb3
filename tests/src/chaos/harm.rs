//! Doing harm, and undoing it.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use marquee::servers::{DATABASE, NATS};
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until};

use super::history::Harm;
use super::plan::{Harmful, Planned};
use super::proxy::State;
use super::record::Record;
use super::stage::Stage;

/// Does all the harm that is planned, and returns when it is over. What is planned for one target while it still
/// suffers comes later.
///
/// # Errors
/// When something can't be harmed, or doesn't come back.
pub async fn play(stage: &Arc<Stage>, record: &Arc<Record>, planned: Vec<Planned>) -> anyhow::Result<()> {
    let mut playing = JoinSet::new();
    for planned in planned {
        let (turn, stage, record) = (stage.turn(&planned.to), Arc::clone(stage), Arc::clone(record));
        playing.spawn(async move {
            sleep_until(record.begun() + planned.at).await;
            let _turn = turn.lock().await;
            let began = record.now();
            harm(&stage, &planned).await?;
            let kind = planned.harm.kind(&planned.to).to_owned();
            record.harm(Harm { began, ended: record.now(), kind, to: planned.to });
            anyhow::Ok(())
        });
    }
    while let Some(played) = playing.join_next().await {
        played??;
    }
    Ok(())
}

async fn harm(stage: &Stage, planned: &Planned) -> anyhow::Result<()> {
    begin(stage, planned).await?;
    // That it lasts so long is the harm; nothing is waited for.
    sleep(planned.lasts).await;
    end(stage, planned).await
}

async fn begin(stage: &Stage, Planned { harm, to, .. }: &Planned) -> anyhow::Result<()> {
    match harm {
        Harmful::Kill => stage.cinema.lock().await.process(to).kill().await,
        Harmful::Stop => stage.cinema.lock().await.process(to).freeze(),
        Harmful::Restart => stage.drain(to).await,
        Harmful::Cut => change(stage, to, State::Cut),
        Harmful::Delay(millis) => change(stage, to, State::Delayed(Duration::from_millis(*millis))),
        Harmful::HalfOpen => change(stage, to, State::HalfOpen),
        Harmful::WipeBroker => stage.cinema.lock().await.nats_server.wipe().await?,
        Harmful::TruncateBroker(bytes) => {
            stage.cinema.lock().await.process(to).kill().await;
            truncate(&stage.broker_store, *bytes)?;
        }
        Harmful::FillDisk => stage.disks.get(to.as_str()).map_or(Ok(()), |disk| disk.fill())?,
        Harmful::StepClock(seconds) => stage.clocks.step(to, *seconds)?,
    }
    Ok(())
}

fn change(stage: &Stage, name: &str, state: State) {
    stage.on_line(name, |line| line.set(state));
}

async fn end(stage: &Stage, Planned { harm, to, .. }: &Planned) -> anyhow::Result<()> {
    match harm {
        Harmful::Kill | Harmful::Restart | Harmful::WipeBroker | Harmful::TruncateBroker(_) => stage.start(to).await?,
        Harmful::Stop => stage.cinema.lock().await.process(to).thaw(),
        Harmful::Cut | Harmful::Delay(_) | Harmful::HalfOpen => change(stage, to, State::Whole),
        Harmful::FillDisk => {
            let Some(disk) = stage.disks.get(to.as_str()) else { return Ok(()) };
            disk.make_room()?;
            revive(stage, to).await?;
        }
        Harmful::StepClock(_) => stage.clocks.step(to, 0)?,
    }
    Ok(())
}

/// A server that has seen a full disk. nats-server turns JetStream off for good and wants to be started again; a database
/// server goes on, unless it gave up.
async fn revive(stage: &Stage, server: &str) -> anyhow::Result<()> {
    if server == DATABASE {
        let ended = stage.cinema.lock().await.process(server).has_ended();
        return if ended { stage.start(server).await } else { Ok(()) };
    }
    stage.cinema.lock().await.process(server).kill().await;
    stage.start(NATS).await
}

/// Cuts the last bytes off the newest file of each stream, as a power loss would.
fn truncate(store: &Path, bytes: u64) -> io::Result<()> {
    for folder in message_folders(store)? {
        let mut blocks: Vec<PathBuf> = fs::read_dir(folder)?.filter_map(|entry| Some(entry.ok()?.path())).collect();
        blocks.retain(|path| path.extension().is_some_and(|extension| extension == "blk"));
        let number = |path: &PathBuf| path.file_stem().and_then(|stem| stem.to_str()?.parse::<u64>().ok());
        let Some(newest) = blocks.into_iter().max_by_key(number) else { continue };
        let file = File::options().write(true).open(newest)?;
        file.set_len(file.metadata()?.len().saturating_sub(bytes))?;
    }
    Ok(())
}

/// `<store>/jetstream/<account>/streams/<stream>/msgs`, each.
fn message_folders(store: &Path) -> io::Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for account in within(&store.join("jetstream"))? {
        for stream in within(&account.join("streams"))? {
            folders.extend(Some(stream.join("msgs")).filter(|folder| folder.is_dir()));
        }
    }
    Ok(folders)
}

fn within(folder: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(folder) {
        Ok(entries) => Ok(entries.filter_map(|entry| Some(entry.ok()?.path())).collect()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}
