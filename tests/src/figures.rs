//! What programs count, as Prometheus would read it.

use crate::Cinema;

impl Cinema {
    /// The sum of a program's series of this name that have all of these labels; 0 for none.
    pub async fn figure(&self, program: &str, name: &str, labels: &[&str]) -> f64 {
        sum(&self.health(program, "metrics").await.1, name, labels)
    }
}

/// The same in a page of metrics.
pub fn sum(metrics: &str, name: &str, labels: &[&str]) -> f64 {
    let lines = metrics.lines().filter(|line| {
        let rest = line.strip_prefix(name);
        rest.is_some_and(|rest| rest.starts_with(['{', ' '])) && labels.iter().all(|label| line.contains(label))
    });
    lines.map(|line| line.rsplit(' ').next().expect("a value").parse::<f64>().expect("a number")).sum()
}
