//! Which harm is done when: it follows from the seed, and every kind has its turn.

use std::ops::Range;
use std::time::Duration;

use marquee::servers::{DATABASE, NATS};
use rand::rngs::SmallRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};

/// Harm, with what there is to say about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Harmful {
    /// A program is killed, as by a power cut, and started again.
    Kill,
    /// A program stands still for a while.
    Stop,
    /// A program is asked to drain, and started again.
    Restart,
    /// A line is cut.
    Cut,
    /// A line is slow, by so many milliseconds each way.
    Delay(u64),
    /// A line takes everything and carries nothing.
    HalfOpen,
    /// The broker loses its store.
    WipeBroker,
    /// The broker is killed and loses the last so many bytes of each file.
    TruncateBroker(u64),
    /// A server's disk is full.
    FillDisk,
    /// A program's clock is so many seconds off.
    StepClock(i64),
}

impl Harmful {
    /// The kinds in a history that every run must have.
    pub const KINDS: [&str; 11] = [
        "kill",
        "stop",
        "restart",
        "cut",
        "delay",
        "half-open",
        super::history::Harm::WIPE_BROKER,
        super::history::Harm::TRUNCATE_BROKER,
        "fill-database",
        "fill-broker",
        "step-clock",
    ];

    /// What a history calls it when it is done to `to`.
    pub fn kind(self, to: &str) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Stop => "stop",
            Self::Restart => "restart",
            Self::Cut => "cut",
            Self::Delay(_) => "delay",
            Self::HalfOpen => "half-open",
            Self::WipeBroker => super::history::Harm::WIPE_BROKER,
            Self::TruncateBroker(_) => super::history::Harm::TRUNCATE_BROKER,
            Self::FillDisk if to == DATABASE => "fill-database",
            Self::FillDisk => "fill-broker",
            Self::StepClock(_) => "step-clock",
        }
    }
}

/// Harm that will be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// How long after the beginning.
    pub at: Duration,
    /// For how long.
    pub lasts: Duration,
    /// What.
    pub harm: Harmful,
    /// To whom.
    pub to: String,
}

/// Whom harm can be done to.
#[derive(Clone, Debug)]
pub struct Targets {
    /// Replicas of services.
    pub services: Vec<String>,
    /// Gateways.
    pub gateways: Vec<String>,
    /// Lines.
    pub lines: Vec<String>,
    /// Whether the servers' disks can be filled.
    pub disks: bool,
}

/// What one round of harm consists of: often what is often, and everything at least once.
const DECK: [(Card, usize); 17] = [
    (Card::Service(Harmful::Kill), 3),
    (Card::Gateway(Harmful::Kill), 1),
    (Card::Server(NATS, Harmful::Kill), 1),
    (Card::Server(DATABASE, Harmful::Kill), 1),
    (Card::Service(Harmful::Stop), 2),
    (Card::Gateway(Harmful::Stop), 1),
    (Card::Server(NATS, Harmful::Stop), 1),
    (Card::Server(DATABASE, Harmful::Stop), 1),
    (Card::Service(Harmful::Restart), 2),
    (Card::Gateway(Harmful::Restart), 1),
    (Card::Line(Harmful::Cut), 3),
    (Card::Line(Harmful::Delay(0)), 3),
    (Card::Line(Harmful::HalfOpen), 2),
    (Card::Service(Harmful::StepClock(0)), 2),
    (Card::Server(NATS, Harmful::WipeBroker), 1),
    (Card::Server(NATS, Harmful::TruncateBroker(0)), 1),
    (Card::Disks, 1),
];

#[derive(Clone, Copy)]
enum Card {
    Service(Harmful),
    Gateway(Harmful),
    Server(&'static str, Harmful),
    Line(Harmful),
    /// Both, one after the other.
    Disks,
}

/// Harm for so long, one after the other about every `pause`.
pub fn plan(seed: u64, time: Duration, pause: Duration, targets: &Targets) -> Vec<Planned> {
    let mut rng = SmallRng::seed_from_u64(seed);
    let count = usize::try_from(time.as_millis() / pause.as_millis().max(1)).unwrap_or(usize::MAX);
    let mut planned: Vec<Planned> = Vec::new();
    while planned.len() < count {
        let mut round: Vec<Planned> = Vec::new();
        for (card, times) in DECK {
            for _ in 0..times {
                draw(card, targets, &mut rng, &mut round);
            }
        }
        round.shuffle(&mut rng);
        planned.append(&mut round);
    }
    planned.truncate(count);
    for (turn, planned) in (0..).zip(&mut planned) {
        planned.at = pause * turn + pause.mul_f64(rng.random_range(0.0..1.0));
    }
    planned
}

fn draw(card: Card, targets: &Targets, rng: &mut SmallRng, round: &mut Vec<Planned>) {
    let (harm, to) = match card {
        Card::Service(harm) => (harm, targets.services.choose(rng).cloned()),
        Card::Gateway(harm) => (harm, targets.gateways.choose(rng).cloned()),
        Card::Line(harm) => (harm, targets.lines.choose(rng).cloned()),
        Card::Server(name, harm) => (harm, Some(name.to_owned())),
        Card::Disks if targets.disks => {
            draw(Card::Server(DATABASE, Harmful::FillDisk), targets, rng, round);
            return draw(Card::Server(NATS, Harmful::FillDisk), targets, rng, round);
        }
        Card::Disks => return,
    };
    let (harm, lasts) = sized(harm, rng);
    round.extend(to.map(|to| Planned { at: Duration::ZERO, lasts, harm, to }));
}

/// How much of it, and for how long.
fn sized(harm: Harmful, rng: &mut SmallRng) -> (Harmful, Duration) {
    let mut millis = |range: Range<u64>| Duration::from_millis(rng.random_range(range));
    let lasts = match harm {
        Harmful::Kill | Harmful::Restart => millis(0..1500),
        Harmful::Stop | Harmful::Delay(_) | Harmful::StepClock(_) => millis(1000..5000),
        Harmful::Cut | Harmful::HalfOpen => millis(500..4000),
        Harmful::WipeBroker | Harmful::TruncateBroker(_) => millis(0..300),
        Harmful::FillDisk => millis(1000..3000),
    };
    let harm = match harm {
        Harmful::Delay(_) => Harmful::Delay(rng.random_range(10..250)),
        Harmful::TruncateBroker(_) => Harmful::TruncateBroker(rng.random_range(1..4000)),
        Harmful::StepClock(_) => {
            let seconds = rng.random_range(30..600);
            Harmful::StepClock(if rng.random() { seconds } else { -seconds })
        }
        harm => harm,
    };
    (harm, lasts)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_plan_follows_from_its_seed_and_has_every_kind() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let targets = Targets {
            services: names(&["users", "movies"]),
            gateways: names(&["gateway"]),
            lines: names(&["users - database"]),
            disks: true,
        };
        let planned = |seed| plan(seed, Duration::from_secs(80), Duration::from_millis(1200), &targets);
        assert_eq!(planned(7), planned(7));
        assert_ne!(planned(7), planned(8));
        assert_eq!(planned(7).len(), 66);
        assert!(planned(7).is_sorted_by_key(|planned| planned.at));
        let kinds: BTreeSet<&str> = planned(7).iter().map(|planned| planned.harm.kind(&planned.to)).collect();
        assert_eq!(kinds, Harmful::KINDS.into());
    }
}
