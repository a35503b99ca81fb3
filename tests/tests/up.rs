//! `marquee up`: starts, refuses, drains, finds its data again, and gets over the death of any process.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use contracts::Service;
use marquee::servers::NATS;
use marquee::services;
use rustix::process::{Signal, kill_process};
use serde_json::json;
use system_tests::launcher::{Launcher, free_address, gone};
use system_tests::{eventually, samples};
use tokio::process::Command;

/// Whoever does not drain in this time is killed.
const STAGE: Duration = Duration::from_secs(3);
/// What the launcher promises.
const DRAIN: Duration = Duration::from_secs(10);

/// A data folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        Self(env::temp_dir().join(format!("marquee-test-up-{}", uuid::Uuid::now_v7())))
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // After a failure, the launcher's guard still needs it.
        if let Ok(lock) = File::open(self.0.join("guard.lock")) {
            let _ = lock.lock();
        }
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn refuses_what_is_in_use_drains_and_finds_its_data_again() {
    let (folder, listen) = (Folder::new(), free_address());
    let launcher = Launcher::start(listen, folder.path()).await;
    launcher.api.get("/api/openapi.json").await.expect(200);
    for user in ["operator", "subscriber"] {
        let context = format!("cli/nats/context/marquee-{user}.json");
        assert!(folder.path().join(context).exists());
        assert!(launcher.said.contains(&format!("--context marquee-{user} ")), "{}", launcher.said);
    }
    assert!(launcher.said.contains(&format!("XDG_CONFIG_HOME={}", folder.path().join("cli").display())));
    let user = launcher.api.post("/api/users", &samples::user()).await.expect(201).id();

    let same_folder = Launcher::refused(free_address(), folder.path()).await;
    assert!(!same_folder.status.success());
    assert!(same_folder.message.contains("is in use by another marquee"), "{}", same_folder.message);
    let other = Folder::new();
    let same_port = Launcher::refused(listen, other.path()).await;
    assert!(!same_port.status.success());
    assert!(same_port.message.contains(&format!("cannot listen on {listen}")), "{}", same_port.message);

    let processes = launcher.processes();
    assert_eq!(processes.len(), 6, "two servers and four programs");
    // As README has it for whoever starts services alone, and the image for its own.
    let variables = ["MYSQL_ASYNC_BUFFER_POOL_CAP=4", "MIMALLOC_PURGE_DELAY=100"];
    let has = |program: &str, variable: &str| {
        let pid = launcher.process(program).expect("a process that runs").pid();
        let environment =
            fs::read_to_string(format!("/proc/{}/environ", pid.as_raw_nonzero())).expect("its environment");
        environment.split('\0').any(|one| one == variable)
    };
    for program in Service::ALL.map(Service::name).into_iter().chain([services::GATEWAY]) {
        assert!(variables.iter().all(|variable| has(program, variable)), "{program}");
    }
    let threads = available_parallelism().expect("a number of processors").get() + 1;
    let threads = env::var("GOMAXPROCS").unwrap_or(threads.to_string());
    assert!(has(NATS, &format!("GOMAXPROCS={threads}")), "the broker has a thread more than there are processors");
    for text in [include_str!("../../README.md"), include_str!("../../Dockerfile")] {
        assert!(variables.iter().all(|variable| text.contains(variable)));
    }
    let status = launcher.end(Signal::TERM, DRAIN).await;
    assert!(status.success(), "{status}");
    gone(&processes).await;

    let launcher = Launcher::start(listen, folder.path()).await;
    launcher.api.get(&format!("/api/users/{user}")).await.expect(200);
    launcher.end(Signal::INT, DRAIN).await;
}

#[tokio::test]
async fn lets_the_first_admin_in_and_makes_tokens_for_whoever_owns_the_folder() {
    let (folder, listen) = (Folder::new(), free_address());
    let launcher = Launcher::start(listen, folder.path()).await;
    let (email, password) = first_admin(&launcher.said).expect("an admin");
    let api = launcher.api.anonymous();
    let session = api.post("/api/sessions", &json!({ "email": email, "password": password })).await.expect(201).body;
    let admin = api.with_token(session["access_token"].as_str().expect("a token"));
    admin.get("/api/users").await.expect(200);

    // The limits are on unless somebody turns them off.
    let guess = json!({ "email": email, "password": "a guess" });
    let mut refused = 0;
    for _ in 0..11 {
        refused += u32::from(api.post("/api/sessions", &guess).await.status == 429);
    }
    assert!(refused > 0, "eleven guesses were let pass");

    // The password is kept nowhere, and told to nobody again.
    launcher.end(Signal::TERM, DRAIN).await;
    let kept = Command::new("grep").args(["-rlF", &password]).arg(folder.path()).output().await.expect("an answer");
    assert_eq!(String::from_utf8_lossy(&kept.stdout), "");
    let launcher = Launcher::start(listen, folder.path()).await;
    assert_eq!(first_admin(&launcher.said), None, "{}", launcher.said);

    for (arguments, lists_users) in
        [(["--role", "admin"].as_slice(), true), (["--role", "staff", "--hours", "1"].as_slice(), false), (&[], false)]
    {
        let program = services::programs().expect("programs").join("marquee");
        let command = Command::new(program).arg("token").args(arguments).arg("--data-dir").arg(folder.path()).output();
        let output = command.await.expect("an end");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let token = String::from_utf8(output.stdout).expect("a token");
        let api = api.with_token(token.trim());
        api.get("/api/bookings").await.expect(200);
        assert_eq!(api.get("/api/users").await.status == 200, lists_users, "{arguments:?}");
    }
    launcher.end(Signal::INT, DRAIN).await;
}

/// The address and the password that the launcher told.
fn first_admin(said: &str) -> Option<(String, String)> {
    let line = said.lines().find(|line| line.contains("First admin"))?;
    let (email, rest) = line.trim().strip_prefix("First admin")?.trim().split_once(", password ")?;
    Some((email.to_owned(), rest.split_whitespace().next()?.to_owned()))
}

#[tokio::test]
async fn starts_again_what_was_killed() {
    let (folder, listen) = (Folder::new(), free_address());
    let launcher = Launcher::start(listen, folder.path()).await;
    for name in ["users", "gateway", "nats-server", "database"] {
        let killed = launcher.process(name).expect("a process that runs");
        kill_process(killed.pid(), Signal::KILL).expect("a signal");
        eventually("another process", async || launcher.process(name).filter(|process| *process != killed)).await;
        eventually("a user who can be added", async || {
            let request = launcher.api.request(reqwest::Method::POST, "/api/users").json(&samples::user());
            launcher.api.try_send(request).await.ok().filter(|answer| answer.status == 201)
        })
        .await;
    }

    // The launcher itself: its guard ends what it leaves behind, and whoever comes next waits for that.
    let processes = launcher.processes();
    let killed = Instant::now();
    launcher.end(Signal::KILL, DRAIN).await;
    let ended = async {
        gone(&processes).await;
        killed.elapsed()
    };
    let (launcher, ended) = tokio::join!(Launcher::start(listen, folder.path()), ended);
    assert!(ended < STAGE, "they drain, though nobody reads their logs: {ended:?}");
    launcher.api.post("/api/users", &samples::user()).await.expect(201);
    launcher.end(Signal::TERM, DRAIN).await;
}

#[tokio::test]
async fn can_be_stopped_while_it_starts() {
    let folder = Folder::new();
    let launcher = Launcher::spawn(free_address(), folder.path());
    let processes =
        eventually("a process", async || Some(launcher.processes()).filter(|processes| !processes.is_empty())).await;
    let status = launcher.end(Signal::INT, DRAIN).await;
    assert!(status.success(), "{status}");
    gone(&processes).await;
}
