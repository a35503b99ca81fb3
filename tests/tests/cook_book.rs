//! docs/nats-cli.md: a person with the real `nats` command pastes its recipes into a shell, one after the other, and each
//! prints what the page says. Beyond the recipes, every command and every query can be given like that.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use contracts::Service;
use contracts::catalogue::{Catalogue, common_queries};
use marquee::servers::cli_folder;
use rustix::process::{Pid, Signal, kill_process_group};
use system_tests::Cinema;
use tokio::process::Command;
use tokio::time::timeout;

const PAGE: &str = include_str!("../../docs/nats-cli.md");
/// Longer than all recipes together take.
const PATIENCE: Duration = Duration::from_secs(180);
/// Where in the shell's output the next recipe's begins; the shell writes it as `\036`.
const NEXT: char = '\u{1e}';
/// What the page shows for whatever differs from time to time: alone for any number of lines.
const ANY: &str = "…";

/// What a person does between two recipes: take a moment, until all that was done can be read. A command that is refused
/// tells how far its service has come.
const PAUSE: &str = r#"
pause() {
    local service command query position nobody='{"id":"00000000-0000-7000-8000-000000000000"}'
    while read -r service command query; do
        position=$(nats request --raw "cinema.ask.$service.$command" "$nobody" | sed -n 's/.*"position":\([0-9]*\).*/\1/p')
        until nats request --raw "cinema.qry.$service.$query" '{"limit":1}' -H "Marquee-Min-Position:$service=$position" |
            grep -q '"items":'; do :; done
    done <<<$'users delete users\nmovies remove movies\nbookings cancel bookings'
}
"#;

/// One block of the page that is to be pasted.
struct Recipe {
    /// The heading above it.
    job: String,
    script: String,
    /// What the page says that it prints.
    printed: Option<String>,
}

#[tokio::test]
async fn every_recipe_does_what_the_page_says() {
    let recipes = recipes();
    let [preparation, jobs @ ..] = &recipes[..] else { panic!("the page has no recipes") };
    assert!(preparation.printed.is_none());
    assert!(jobs.len() >= 15, "the page has {} recipes", jobs.len());
    for recipe in jobs {
        assert!(recipe.printed.is_some(), "{:?} doesn't say what is printed", recipe.job);
    }
    if !has_nats_command().await {
        return;
    }

    let cinema = Cinema::start().await;
    let (status, output) = run(&cinema, &recipes).await;
    // What comes before the first recipe is the shell's own.
    let outputs: Vec<&str> = output.split(NEXT).skip(1).collect();
    let begun = &recipes[outputs.len() - 1];
    let ended = status.is_some_and(|status| status.success());
    let how = status.map_or("doesn't end".to_owned(), |status| format!("ends with {status}"));
    assert!(ended, "{:?} {how}:\n{}", begun.job, outputs.last().unwrap());
    assert_eq!(outputs.len(), recipes.len());
    let mut wrong = String::new();
    for (recipe, output) in recipes.iter().zip(outputs) {
        let expected = recipe.printed.as_deref().unwrap_or_default();
        if !fits(&lines(expected), &lines(output)) {
            wrong += &format!("## {}\n{output}\nisn't what the page says:\n{expected}\n\n", recipe.job);
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    everything_can_be_given(&cinema).await;
}

#[test]
fn the_page_is_compared_line_by_line() {
    let fits = |expected: &str, printed: &str| fits(&lines(expected), &lines(printed));
    assert!(fits("a\nb", "a \n\nb"));
    assert!(fits("a … c", "a b c"));
    assert!(fits("…\nc\n…", "a\nb\nc"));
    assert!(fits(r#"{"id":"…","version":1,…"#, r#"{"id":"x","version":1,"a":2}"#));
    for (expected, printed) in
        [("a", "b"), ("a", "a\nb"), ("a … c", "a\nc"), ("a…", "ba"), ("…a", "ab"), ("…\nc", "c\nd")]
    {
        assert!(!fits(expected, printed), "{expected:?} is not {printed:?}");
    }
}

/// All blocks of the page in order.
fn recipes() -> Vec<Recipe> {
    let (mut recipes, mut job) = (Vec::<Recipe>::new(), "");
    let mut page = PAGE.lines();
    while let Some(line) = page.next() {
        let mut block = || page.by_ref().take_while(|line| *line != "```").collect::<Vec<_>>().join("\n");
        match line {
            "```sh" => recipes.push(Recipe { job: job.to_owned(), script: block(), printed: None }),
            "```text" => {
                let recipe = recipes.last_mut().filter(|recipe| recipe.job == job && recipe.printed.is_none());
                recipe.expect("a recipe of which it is the output").printed = Some(block());
            }
            _ => job = line.strip_prefix("## ").unwrap_or(job),
        }
        assert!(!line.starts_with("```") || matches!(line, "```sh" | "```text"), "{line}");
    }
    recipes
}

/// Runs them in one shell, in a folder where the cinema's is `.marquee`. How it ended, unless it didn't, and all that it
/// printed.
async fn run(cinema: &Cinema, recipes: &[Recipe]) -> (Option<ExitStatus>, String) {
    let folder = cinema.folder().join("cook-book");
    fs::create_dir(&folder).unwrap();
    symlink(cinema.folder(), folder.join(".marquee")).unwrap();
    let log = folder.join("printed.log");
    let printed = File::create(&log).unwrap();
    let blocks = recipes.iter().map(|recipe| format!("printf '\\036'\n{}\npause\n", recipe.script));
    let script = PAUSE.to_owned() + &blocks.collect::<String>();
    let mut shell = Command::new("bash");
    shell.args(["-euo", "pipefail", "-c", &script]).current_dir(&folder);
    shell.env_remove("NATS_URL").stdin(Stdio::null()).stdout(printed.try_clone().unwrap()).stderr(printed);
    let mut shell = shell.process_group(0).spawn().expect("bash");
    let group = Pid::from_raw(shell.id().unwrap().try_into().unwrap()).unwrap();
    let status = timeout(PATIENCE, shell.wait()).await.ok().map(Result::unwrap);
    // What a recipe has left in the background.
    let _ = kill_process_group(group, Signal::KILL);
    (status, fs::read_to_string(log).unwrap())
}

/// Those that are not empty, without blanks around them.
fn lines(text: &str) -> Vec<&str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect()
}

fn fits(expected: &[&str], printed: &[&str]) -> bool {
    match expected.split_first() {
        None => printed.is_empty(),
        Some((&ANY, rest)) => (0..=printed.len()).any(|skipped| fits(rest, &printed[skipped..])),
        Some((line, rest)) => {
            printed.split_first().is_some_and(|(first, others)| line_fits(line, first) && fits(rest, others))
        }
    }
}

fn line_fits(expected: &str, mut printed: &str) -> bool {
    let Some((start, rest)) = expected.split_once(ANY) else { return expected == printed };
    let (middle, end) = rest.rsplit_once(ANY).map_or((None, rest), |(middle, end)| (Some(middle), end));
    let pieces = [start].into_iter().chain(middle.into_iter().flat_map(|middle| middle.split(ANY)));
    for (index, piece) in pieces.enumerate() {
        let Some(at) = printed.find(piece).filter(|at| index > 0 || *at == 0) else { return false };
        printed = &printed[at + piece.len()..];
    }
    printed.ends_with(end)
}

/// Whether there is one. Where all tests must have run, there must be one.
async fn has_nats_command() -> bool {
    let found = Command::new("nats").arg("--version").output().await.is_ok();
    if !found {
        let message = "the recipes of docs/nats-cli.md were not run: there is no nats command on PATH; \
                       script/bootstrap --with-nats-cli gets it";
        assert!(std::env::var_os("CI").is_none(), "{message}");
        eprintln!("{message}");
    }
    found
}

/// Every command is answered and can be left for later, and every query is answered: here, that nothing isn't enough.
async fn everything_can_be_given(cinema: &Cinema) {
    for service in Service::ALL {
        let Catalogue { commands, queries, .. } = Catalogue::of(service);
        let common = common_queries();
        let questions = queries.iter().chain(&common).map(|query| service.query(query.name));
        for subject in commands.iter().map(|command| service.ask(command.name)).chain(questions) {
            let answer = nats(cinema, &["request", &subject, "{}"]).await;
            let is_problem = answer.contains("Nats-Service-Error-Code: 422") && answer.contains("urn:marquee:problem:");
            assert!(is_problem || answer.contains(r#"{"items":["#), "{subject}: {answer}");
        }
        for subject in commands.iter().map(|command| service.command(command.name)) {
            let stored = nats(cinema, &["pub", "--jetstream", &subject, "{}"]).await;
            assert!(
                stored.contains(&format!("Stored in Stream: {}", service.commands_stream())),
                "{subject}: {stored}"
            );
        }
    }
}

/// What the command prints for the operator.
async fn nats(cinema: &Cinema, arguments: &[&str]) -> String {
    let mut command = Command::new("nats");
    command.env("XDG_CONFIG_HOME", cli_folder(cinema.folder())).args(["--context", "marquee-operator"]).args(arguments);
    let output = timeout(PATIENCE, command.stdin(Stdio::null()).output()).await.expect("an end").unwrap();
    let printed = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{arguments:?}: {printed}");
    printed
}
