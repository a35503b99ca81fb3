//! Finding server programs.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

/// Where distributions keep servers, which often is outside of a user's PATH.
const BEHIND_PATH: [&str; 2] = ["/usr/sbin", "/usr/local/sbin"];

/// The first program of this name.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(BEHIND_PATH.map(PathBuf::from));
    folders.map(|folder| folder.join(name)).find(|program| program.is_file())
}

/// The version that a program tells of itself, major and minor.
///
/// # Errors
/// When it can't be started or tells none.
pub(super) fn version(program: &Path) -> anyhow::Result<(u32, u32)> {
    let output = Command::new(program).arg("--version").output();
    let output = output.with_context(|| format!("cannot start {}", program.display()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    parse(&text).with_context(|| format!("{} tells no version: {text}", program.display()))
}

/// The first number.number behind a `v` or behind `Ver `.
fn parse(text: &str) -> Option<(u32, u32)> {
    text.split_whitespace().find_map(|word| {
        let mut numbers = word.trim_start_matches('v').split('.');
        Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_servers_tell() {
        assert_eq!(parse("nats-server: v2.15.1"), Some((2, 15)));
        assert_eq!(parse("mariadbd  Ver 10.11.19-MariaDB-0+deb12u1 for debian-linux-gnu on x86_64"), Some((10, 11)));
        assert_eq!(parse("/usr/sbin/mysqld  Ver 8.4.6 for Linux on x86_64 (MySQL Community Server)"), Some((8, 4)));
        assert_eq!(parse("mysqld  Ver 9.7.0"), Some((9, 7)));
        assert_eq!(parse("no version at all"), None);
    }
}
