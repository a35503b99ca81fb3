//! The lines that the launcher shows: its own and those of the processes it runs, each behind a name.

use std::io::{IsTerminal, Write};
use std::sync::LazyLock;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{ChildStderr, ChildStdout};

use crate::services;

/// As wide as the longest name of a service.
const WIDTH: usize = 8;

static COLOURED: LazyLock<bool> = LazyLock::new(|| {
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
});

/// Says something in the launcher's own name.
pub(crate) fn say(line: &str) {
    show("marquee", line);
}

/// Shows what a process writes, until it ends.
pub(crate) fn forward(name: &str, stdout: Option<ChildStdout>, stderr: Option<ChildStderr>) {
    if let Some(stdout) = stdout {
        tokio::spawn(show_lines(name.to_owned(), stdout));
    }
    if let Some(stderr) = stderr {
        tokio::spawn(show_lines(name.to_owned(), stderr));
    }
}

async fn show_lines(name: String, output: impl AsyncRead + Unpin) {
    let mut output = BufReader::new(output);
    let mut line = Vec::new();
    while output.read_until(b'\n', &mut line).await.is_ok_and(|bytes| bytes > 0) {
        show(&name, String::from_utf8_lossy(&line).trim_end());
        line.clear();
    }
}

/// The ANSI style of a name: cyan, yellow, green, magenta, or bold.
fn style(name: &str) -> u8 {
    match name {
        services::GATEWAY => 36,
        "users" => 33,
        "movies" => 32,
        "bookings" => 35,
        _ => 1,
    }
}

/// One write for each line, so that lines of several processes do not mix. Nobody reading is no reason to stop.
fn show(name: &str, line: &str) {
    let text = if *COLOURED {
        format!("\x1b[{}m{name:WIDTH$} |\x1b[0m {line}\n", style(name))
    } else {
        format!("{name:WIDTH$} | {line}\n")
    };
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}
