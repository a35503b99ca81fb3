//! What was measured, summed up.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Serialize, Serializer};

use super::extras::{Rebuilt, Told};
use super::workload::{Taken, Workload};

/// How a system is asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Load {
    /// By so many connections, each of which asks again when it has its answer.
    Connections(usize),
    /// So many times a second, whatever is answered.
    Rate(f64),
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connections(1) => f.write_str("1 connection"),
            Self::Connections(connections) => write!(f, "{connections} connections"),
            Self::Rate(rate) => write!(f, "{rate}/s"),
        }
    }
}

impl Serialize for Load {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// One round.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    rate: f64,
    p50: f64,
    p99: f64,
    processor: f64,
    errors: u64,
}

impl Sample {
    /// A measurement, in requests a second and microseconds.
    pub(super) fn of(workload: Workload, taken: &Taken) -> Self {
        let measured = &taken.measured;
        let expected = |status: &u16| match workload {
            Workload::Book => *status == 201,
            Workload::Scramble => matches!(status, 201 | 409),
            Workload::Mix => matches!(status, 200 | 201),
            Workload::Booking | Workload::SeatMap | Workload::Showtimes => *status == 200,
        };
        let all: u64 = measured.statuses.values().sum();
        let good: u64 = measured.statuses.iter().filter(|(status, _)| expected(status)).map(|(_, count)| count).sum();
        Self {
            rate: good as f64 / measured.seconds.max(f64::EPSILON),
            p50: measured.p50.into(),
            p99: measured.p99.into(),
            processor: taken.processor * 1e6 / all.max(1) as f64,
            errors: all - good,
        }
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rate, p50, p99, processor, errors } = self;
        write!(f, "{rate:.0}/s, p50 {p50} µs, p99 {p99} µs, {processor:.0} µs of processor, {errors} errors")
    }
}

/// The median of all rounds, and the least and the most.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Spread {
    pub(super) median: f64,
    pub(super) least: f64,
    pub(super) most: f64,
}

impl Spread {
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        let at = |place: usize| values.get(place).copied().unwrap_or_default();
        let count = values.len();
        let median = (at(count.saturating_sub(1) / 2) + at(count / 2)) / 2.0;
        Self { median, least: at(0), most: at(count.saturating_sub(1)) }
    }
}

/// What one system did under one load.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Row {
    pub(super) workload: Workload,
    pub(super) load: Load,
    pub(super) system: &'static str,
    pub(super) requests_per_second: Spread,
    pub(super) p50_us: Spread,
    pub(super) p99_us: Spread,
    pub(super) processor_us_per_request: Spread,
    pub(super) errors: u64,
}

impl Row {
    /// All rounds of it.
    pub(super) fn of(workload: Workload, load: Load, system: &'static str, samples: &[Sample]) -> Self {
        let spread = |value: fn(&Sample) -> f64| Spread::of(samples.iter().map(value));
        Self {
            workload,
            load,
            system,
            requests_per_second: spread(|sample| sample.rate),
            p50_us: spread(|sample| sample.p50),
            p99_us: spread(|sample| sample.p99),
            processor_us_per_request: spread(|sample| sample.processor),
            errors: samples.iter().map(|sample| sample.errors).sum(),
        }
    }
}

/// What a system takes.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Cost {
    /// Resident memory of each process after the run, in bytes.
    pub(super) memory: BTreeMap<String, u64>,
    /// What each booking added to its data folder, in bytes.
    pub(super) disk_per_booking: u64,
    /// How many bookings there were in the end.
    pub(super) bookings: usize,
    /// How long its programs took to start, in seconds: on empty stores, and with all that was in them in the end.
    pub(super) start_up_empty: f64,
    pub(super) start_up_full: f64,
}

/// Everything.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Results {
    pub(super) began: String,
    pub(super) cores: usize,
    pub(super) optimised: bool,
    pub(super) rounds: usize,
    pub(super) seconds: f64,
    pub(super) rows: Vec<Row>,
    /// The services with many bookings, and those without, in turns.
    pub(super) grown: Vec<Row>,
    pub(super) grown_by: usize,
    pub(super) told: Option<Told>,
    pub(super) rebuilt: Option<Rebuilt>,
    pub(super) cost: BTreeMap<&'static str, Cost>,
    /// What the check found that must not be.
    pub(super) wrong: Vec<String>,
}

impl Results {
    /// What this system did under this load.
    pub(super) fn row(&self, workload: Workload, load: Load, system: &str) -> Option<&Row> {
        self.rows.iter().find(|row| (row.workload, row.load, row.system) == (workload, load, system))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_lies_in_the_middle() {
        let spread = |values: &[f64]| {
            let Spread { median, least, most } = Spread::of(values.iter().copied());
            (median, least, most)
        };
        assert_eq!(spread(&[3.0, 1.0, 2.0]), (2.0, 1.0, 3.0));
        assert_eq!(spread(&[4.0, 1.0, 3.0, 2.0]), (2.5, 1.0, 4.0));
        assert_eq!(spread(&[7.0]), (7.0, 7.0, 7.0));
        assert_eq!(spread(&[]), (0.0, 0.0, 0.0));
    }
}
