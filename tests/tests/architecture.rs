//! Holds the shape of the house: which way arrows run, what `domain/` may use, how long a file may be.

use std::fs;
use std::path::{Path, PathBuf};

/// Each crate of ours and those of ours that it may use, tests included.
const ARROWS: [(&str, &[&str]); 9] = [
    ("contracts", &[]),
    ("runtime", &["contracts"]),
    ("users", &["contracts", "runtime"]),
    ("movies", &["contracts", "runtime"]),
    ("bookings", &["contracts", "runtime"]),
    ("gateway", &["contracts", "runtime"]),
    ("monolith", &["contracts", "runtime", "users", "movies", "bookings", "gateway"]),
    ("marquee", &["contracts", "runtime", "users", "movies", "bookings", "gateway"]),
    ("tests", &["contracts", "runtime", "users", "movies", "bookings", "gateway", "marquee"]),
];

/// What a rule may use: it reads no clock, no random source and no socket.
const PURE: [&str; 7] = ["std", "chrono", "contracts", "uuid", "super", "self", "crate"];

const LINES: usize = 400;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut found = Vec::new();
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.to_string_lossy().ends_with(ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn is_test(path: &Path) -> bool {
    let name = path.file_name().unwrap().to_string_lossy();
    matches!(&*name, "tests.rs" | "laws.rs" | "fixtures.rs")
}

#[test]
fn crates_depend_in_one_direction() {
    for (name, allowed) in ARROWS {
        let folder = if name == "tests" { root().join("tests") } else { root().join("crates").join(name) };
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        for (other, _) in ARROWS {
            let used = manifest.lines().any(|line| {
                line.strip_prefix(other).is_some_and(|rest| rest.starts_with('.') || rest.trim_start().starts_with('='))
            });
            assert!(!used || allowed.contains(&other), "{name} must not depend on {other}");
        }
    }
}

#[test]
fn every_crate_has_its_place() {
    let crates = fs::read_dir(root().join("crates")).unwrap();
    for path in crates.map(|entry| entry.unwrap().path()) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        assert!(ARROWS.iter().any(|(known, _)| *known == name), "say in ARROWS what {name} may depend on");
    }
}

#[test]
fn rules_do_no_io() {
    for service in ["users", "movies", "bookings"] {
        let rules = files(&root().join("crates").join(service).join("src/domain"), ".rs");
        assert!(!rules.is_empty());
        for path in rules.iter().filter(|path| !is_test(path)) {
            let text = fs::read_to_string(path).unwrap();
            let rules = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
            for line in rules.lines().map(str::trim_start) {
                let line = line.strip_prefix("pub ").unwrap_or(line);
                if let Some(used) = line.strip_prefix("use ") {
                    let first = used.split([':', ';', ' ']).next().unwrap();
                    let own = fs::metadata(path.with_file_name(format!("{first}.rs"))).is_ok();
                    assert!(own || PURE.contains(&first), "{}: a rule must not use {first}", path.display());
                }
                for word in [
                    "async ",
                    ".await",
                    "std::fs",
                    "std::net",
                    "std::env",
                    "Utc::now",
                    "now_v7",
                    "new_v4",
                    "SystemTime",
                    "Instant::now",
                ] {
                    assert!(!line.contains(word), "{}: a rule must not do I/O or read a clock: {line}", path.display());
                }
                assert!(!line.contains("crate::") || line.contains("crate::domain"), "{}: {line}", path.display());
            }
        }
    }
}

#[test]
fn no_file_is_too_long_to_read() {
    let root = root();
    for (folder, ending) in
        [("crates", ".rs"), ("tests", ".rs"), ("migrations", ".sql"), ("script", ""), ("deploy", "")]
    {
        for path in files(&root.join(folder), ending) {
            let lines = fs::read_to_string(&path).unwrap().lines().count();
            assert!(lines <= LINES, "{} has {lines} lines: it has two subjects, find them", path.display());
        }
    }
}
