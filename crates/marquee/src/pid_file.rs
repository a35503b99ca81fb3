//! Files that remember a process, for whoever has to end it when its parent could not.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::time::{Instant, sleep};

/// How long to wait between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// A process that leads a process group, as all that we start do, by its id and when it began: an id alone may have
/// gone to somebody else's process since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pid: Pid,
    began: String,
}

impl Identity {
    /// Its process id.
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// The running process with this id; `None` when there is none.
    pub fn of(pid: u32) -> Option<Self> {
        let pid = Pid::from_raw(i32::try_from(pid).ok()?)?;
        Some(Self { pid, began: began(pid)? })
    }

    /// What a pid file remembers, if that very process still runs.
    pub fn read(file: &Path) -> Option<Self> {
        let text = fs::read_to_string(file).ok()?;
        let (pid, began) = text.split_once('\n')?;
        let now = Self::of(pid.parse().ok()?)?;
        (now.began == began).then_some(now)
    }

    /// Remembers it.
    pub(crate) fn write(&self, file: &Path) -> anyhow::Result<()> {
        let text = format!("{}\n{}", self.pid.as_raw_nonzero(), self.began);
        fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
    }

    /// Whether it still runs.
    pub fn runs(&self) -> bool {
        began(self.pid).as_ref() == Some(&self.began)
    }

    /// Signals it and what it may have started itself. That it has ended meanwhile is no error.
    fn signal(&self, signal: Signal) {
        let _ = kill_process_group(self.pid, signal);
    }
}

/// When a process began, in words that no other process of this machine with the same id has; `None` when it has ended.
fn began(pid: Pid) -> Option<String> {
    let pid = pid.as_raw_nonzero();
    match fs::read_to_string("/proc/sys/kernel/random/boot_id") {
        // Linux, see proc(5): behind the program's name in parentheses, the state comes first and the start time 20th.
        Ok(boot) => {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            let (_, fields) = stat.rsplit_once(") ")?;
            let mut fields = fields.split(' ');
            let state = fields.next()?;
            let ticks = fields.nth(18)?;
            (!matches!(state, "Z" | "X")).then(|| format!("{ticks} ticks after boot {}", boot.trim()))
        }
        Err(_) => {
            let ps = Command::new("ps").args(["-o", "stat=,lstart=", "-p", &pid.to_string()]).output().ok()?;
            let line = String::from_utf8(ps.stdout).ok()?;
            let (state, time) = line.trim().split_once(char::is_whitespace)?;
            (!state.starts_with('Z')).then(|| time.trim().to_owned())
        }
    }
}

/// Ends the processes that the pid files in `folder` remember, stage by stage: those whose names `stage` gives the lowest
/// number first. Who does not go within `patience` is killed. The files are gone afterwards, and those that belong to them;
/// what else is there is not ours.
pub(crate) async fn end_all(folder: &Path, stage: fn(&str) -> u8, patience: Duration) -> anyhow::Result<()> {
    let mut files: Vec<(u8, PathBuf)> = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        if !path.extension().is_some_and(|kind| kind == "pid" || kind == "health") {
            continue;
        }
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        files.push((stage(&name), path));
    }
    files.sort();
    for stage in files.chunk_by(|(a, _), (b, _)| a == b) {
        let still: Vec<Identity> = stage.iter().filter_map(|(_, file)| Identity::read(file)).collect();
        end(&still, patience).await;
        for (_, file) in stage {
            match fs::remove_file(file) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
    }
    Ok(())
}

async fn end(processes: &[Identity], patience: Duration) {
    for signal in [Signal::TERM, Signal::KILL] {
        processes.iter().filter(|process| process.runs()).for_each(|process| process.signal(signal));
        let deadline = Instant::now() + patience;
        while processes.iter().any(Identity::runs) && Instant::now() < deadline {
            sleep(PAUSE).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt;

    use super::*;

    #[tokio::test]
    async fn ends_what_a_file_remembers_and_nobody_else() {
        let folder = std::env::temp_dir().join(format!("marquee-pid-files-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let mut ours = Command::new("sleep").arg("600").process_group(0).spawn().unwrap();
        let mut other = Command::new("sleep").arg("600").process_group(0).spawn().unwrap();
        Identity::of(ours.id()).unwrap().write(&folder.join("ours.pid")).unwrap();
        let stranger = Identity { began: "long ago".into(), ..Identity::of(other.id()).unwrap() };
        stranger.write(&folder.join("other.pid")).unwrap();
        fs::write(folder.join("start.sh"), "").unwrap();

        end_all(&folder, |_| 0, Duration::from_secs(5)).await.unwrap();

        assert!(!ours.wait().unwrap().success());
        assert!(other.try_wait().unwrap().is_none(), "a process that only has the same id was ended");
        let left: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["start.sh"], "what was not ours is gone, or what was ours is not");
        other.kill().unwrap();
        other.wait().unwrap();
        fs::remove_dir_all(&folder).unwrap();
    }
}
