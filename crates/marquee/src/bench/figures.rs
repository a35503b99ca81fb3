//! What a system costs: processor time, memory and disk, as Linux tells (proc(5)).

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Ticks of the processor time in /proc: a constant of Linux's interface.
const TICKS: f64 = 100.0;
/// What a block of a file's metadata stands for, whatever the file system's own block is.
const BLOCK: u64 = 512;

/// Processor time of these processes, in seconds.
pub(super) fn processor(pids: &[u32]) -> f64 {
    pids.iter().filter_map(|pid| ticks(*pid)).sum::<f64>() / TICKS
}

fn ticks(pid: u32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // Behind the program's name in parentheses: the state comes first, the two times 12th and 13th.
    let (_, fields) = stat.rsplit_once(") ")?;
    let times = fields.split(' ').skip(11).take(2).map(|field| field.parse::<f64>().ok());
    times.sum()
}

/// Resident memory of a process, in bytes.
pub(super) fn memory(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or_default() * 1024
}

/// What a folder takes of the disk, in bytes; what vanishes meanwhile is not counted.
pub(super) fn disk(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(found) if found.is_dir() => disk(&entry.path()),
        Ok(found) => found.blocks() * BLOCK,
        Err(_) => 0,
    };
    entries.flatten().map(size).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_and_time() {
        let pid = std::process::id();
        assert!(memory(pid) > 100_000);
        let began = processor(&[pid]);
        while processor(&[pid]) <= began {}
        assert_eq!(processor(&[]), 0.0);
    }
}
