//! Recorded histories, and what tests do to them.

use std::fs::File;
use std::io::{BufReader, Write};
use std::path::PathBuf;

use contracts::Service;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::Value;
use system_tests::chaos::check::{Invariant, check};
use system_tests::chaos::history::{Call, History, Kept, Row, Told};
use uuid::Uuid;

/// Where a history is kept, packed by gzip: it says much the same again and again.
fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("histories").join(format!("{name}.json.gz"))
}

/// A history that is kept.
pub(crate) fn read(name: &str) -> History {
    let path = path(name);
    let file = File::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_reader(BufReader::new(GzDecoder::new(file))).expect("a history")
}

/// Keeps a history.
pub(crate) fn write(name: &str, history: &History) {
    let mut packed = GzEncoder::new(File::create(path(name)).expect("a file"), Compression::best());
    packed.write_all(&serde_json::to_vec(history).expect("JSON")).expect("written");
    packed.finish().expect("written");
}

/// Spoils the calm history: the checker must find that this is broken, and say so of what `spoil` says it is about.
pub(crate) fn finds(invariant: Invariant, spoil: impl FnOnce(&mut History) -> String) {
    let mut history = read("calm");
    let about = spoil(&mut history);
    let verdict = check(&history);
    let found = verdict.findings.iter().any(|found| found.invariant == invariant && found.to_string().contains(&about));
    assert!(found, "nothing broke {invariant:?} of {about}: {verdict}");
}

/// What a service keeps.
pub(crate) fn kept(history: &mut History, service: Service) -> &mut Kept {
    history.ending.services.get_mut(&service).expect("a service")
}

/// The first call by this name that fits.
pub(crate) fn call<'a>(history: &'a mut History, name: &str, fits: impl Fn(&Call) -> bool) -> &'a mut Call {
    let found = history.calls.iter_mut().find(|call| call.name.starts_with(name) && fits(call));
    found.unwrap_or_else(|| panic!("no such {name}"))
}

/// What came back, if it was done.
pub(crate) fn body(call: &Call) -> &Value {
    if let Told::Done { body, .. } = &call.told { body } else { &Value::Null }
}

/// The same, to be changed.
pub(crate) fn body_mut(call: &mut Call) -> &mut Value {
    match &mut call.told {
        Told::Done { body, .. } => body,
        other => panic!("{other:?}"),
    }
}

/// True for what was done, and told with a body.
pub(crate) fn is_shown(call: &Call) -> bool {
    body(call).is_object()
}

/// A command that was done: its id, and what it left.
pub(crate) fn done(history: &mut History, name: &str) -> (Uuid, Row) {
    let id = call(history, name, is_shown).command_id.expect("a command");
    let service = name.split('.').next().and_then(|service| service.parse().ok()).expect("a service");
    let row = kept(history, service).journal.iter().find(|row| row.command_id == id).expect("a row");
    (id, row.clone())
}

/// Changes an event in the journal and in the stream alike.
pub(crate) fn rewrite(kept: &mut Kept, position: u64, change: impl Fn(&mut Value)) {
    kept.journal.iter_mut().filter(|row| row.position == position).for_each(|row| change(&mut row.data));
    kept.stream.iter_mut().filter(|message| message.sequence == position).for_each(|message| change(&mut message.data));
}

/// Adds an event to the journal and to the stream, by a command that was accepted.
pub(crate) fn append(kept: &mut Kept, row: Row) -> Row {
    let position = kept.journal.last().map_or(0, |row| row.position) + 1;
    let versions = kept.journal.iter().filter(|other| other.stream_id == row.stream_id).map(|row| row.version);
    let row = Row { position, version: versions.max().unwrap_or_default() + 1, ..row };
    let (event_type, data) = (row.event_type.clone(), row.data.clone());
    kept.stream.push(system_tests::chaos::history::Message { sequence: position, event_type, data });
    kept.outcomes.insert(row.command_id, true);
    kept.journal.push(row.clone());
    row
}

/// Takes an event out of the journal and the stream, and lets those after it move up.
pub(crate) fn forget(kept: &mut Kept, row: &Row) {
    kept.journal.retain(|other| other.position != row.position);
    kept.stream.retain(|message| message.sequence != row.position);
    for other in &mut kept.journal {
        other.position -= u64::from(other.position > row.position);
        other.version -= u64::from(other.stream_id == row.stream_id && other.version > row.version);
    }
    kept.stream.iter_mut().for_each(|message| message.sequence -= u64::from(message.sequence > row.position));
}
