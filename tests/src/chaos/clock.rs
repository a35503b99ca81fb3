//! Clocks of programs that can be stepped, each on its own: a small library in C is preloaded into each, which adds to
//! the time of day what a file says.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

/// The library's source.
const SOURCE: &str = include_str!("clock.c");

/// The compiled library, and where the files are that it reads.
#[derive(Clone, Debug)]
pub struct Clocks {
    folder: PathBuf,
    library: PathBuf,
}

impl Clocks {
    /// Compiles the library into this folder.
    ///
    /// # Errors
    /// When there is no C compiler, or it makes nothing that can be preloaded here.
    pub fn prepare(folder: &Path) -> anyhow::Result<Self> {
        let (source, library) = (folder.join("clock.c"), folder.join("clock.so"));
        fs::write(&source, SOURCE)?;
        let mut command = Command::new("cc");
        command.args(["-shared", "-fPIC", "-O2", "-o"]).arg(&library).arg(&source).arg("-ldl");
        let output = command.output().context("cc compiles the library that steps clocks")?;
        if !output.status.success() {
            bail!("the library that steps clocks is not compiled: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(Self { folder: folder.to_owned(), library })
    }

    /// What a program's environment needs for a clock of its own, which is right until it is stepped.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn environment(&self, program: &str) -> anyhow::Result<[(&'static str, String); 2]> {
        self.step(program, 0)?;
        Ok([
            ("LD_PRELOAD", self.library.display().to_string()),
            ("CHAOS_CLOCK", self.file(program).display().to_string()),
        ])
    }

    /// From now on this program's clock is so many seconds ahead of ours, or behind.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn step(&self, program: &str, seconds: i64) -> anyhow::Result<()> {
        // In place: it is mapped into the program's memory.
        let mut file = OpenOptions::new().create(true).truncate(false).write(true).open(self.file(program))?;
        Ok(file.write_all(&seconds.to_ne_bytes())?)
    }

    /// Removes the library and the clocks; a program that still runs keeps what it has.
    pub(super) fn remove(&self) {
        // What can't be removed stays in the folder for temporary files.
        let _ = fs::remove_dir_all(&self.folder);
    }

    fn file(&self, program: &str) -> PathBuf {
        self.folder.join(program).with_extension("clock")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_sees_its_clock_stepped() {
        let folder = crate::cinema::new_folder();
        fs::create_dir_all(&folder).unwrap();
        let clocks = Clocks::prepare(&folder).unwrap();
        let environment = clocks.environment("date").unwrap();
        let year = || {
            let mut command = Command::new("date");
            let output = command.arg("+%Y").envs(environment.iter().map(|(name, value)| (name, value))).output();
            String::from_utf8(output.unwrap().stdout).unwrap().trim().parse::<i32>().unwrap()
        };
        let now = year();
        clocks.step("date", -3 * 366 * 24 * 60 * 60).unwrap();
        assert!((now - 4..now).contains(&year()));
        clocks.step("date", 0).unwrap();
        assert_eq!(year(), now);
        fs::remove_dir_all(folder).unwrap();
    }
}
