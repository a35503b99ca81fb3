//! How often somebody may ask for what is dear: the generic cell rate algorithm (governor), and the header fields that
//! tell a client how it stands (draft-ietf-httpapi-ratelimit-headers).

use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::str::FromStr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::http::{HeaderMap, header};
use contracts::{Case, Problem};
use governor::clock::{Clock, MonotonicClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::headers::value;
use crate::instead::Instead;

/// After so many checks, callers are forgotten that are back at their full allowance.
const SWEEP: u32 = 1024;

/// How often things may be asked for; each is per caller.
#[derive(Clone, Debug, clap::Args)]
pub struct LimitArgs {
    /// Attempts to sign in, per client address and per account: such as 10/min, 5/s, 100/h; `off` for no limit
    #[arg(long, env = "MARQUEE_LIMIT_SIGN_IN", value_name = "RATE", default_value = "10/min")]
    pub limit_sign_in: Rate,
    /// New users, per client address and per e-mail address
    #[arg(long, env = "MARQUEE_LIMIT_SIGN_UP", value_name = "RATE", default_value = "10/min")]
    pub limit_sign_up: Rate,
    /// Bookings, per account
    #[arg(long, env = "MARQUEE_LIMIT_BOOKING", value_name = "RATE", default_value = "60/min")]
    pub limit_booking: Rate,
}

/// So many in so much time; all of them at once, if the caller likes. `None` is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate(Option<(NonZeroU32, Duration)>);

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let invalid = || format!("{text:?} is not a rate such as 10/min, 5/s or 100/h, nor `off`");
        if matches!(text, "off" | "0") {
            return Ok(Self(None));
        }
        let (most, unit) = text.split_once('/').ok_or_else(invalid)?;
        let window = match unit {
            "s" => 1,
            "min" => 60,
            "h" => 3600,
            _ => return Err(invalid()),
        };
        // More would be less than the nanosecond between two that the algorithm can tell apart.
        let most = most.parse().ok().filter(|most: &NonZeroU32| most.get() <= 1_000_000).ok_or_else(invalid)?;
        Ok(Self(Some((most, Duration::from_secs(window)))))
    }
}

/// What is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    /// Attempts to sign in.
    SignIn,
    /// New users.
    SignUp,
    /// New bookings.
    Booking,
}

/// Who is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caller<'a> {
    /// A client address. Of an IPv6 address the network (/64) counts, because who has one has all of its addresses.
    Address(IpAddr),
    /// An account, by whatever names it in one way only: its id, or its address in small letters.
    Account(&'a str),
}

/// Of accounts only a hash is kept: names are personal, and may be long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Key {
    Address(IpAddr),
    Account(u64),
}

type Limiter = RateLimiter<Key, HashMapStateStore<Key>, MonotonicClock, StateInformationMiddleware>;

/// All limits, with what each caller has used of them.
pub(crate) struct Limits {
    sign_in: Option<Counter>,
    sign_up: Option<Counter>,
    booking: Option<Counter>,
    hasher: RandomState,
}

impl Limits {
    /// As the arguments say; nobody has used anything yet.
    pub(crate) fn new(args: &LimitArgs) -> Self {
        Self {
            sign_in: Counter::new("sign-in", args.limit_sign_in),
            sign_up: Counter::new("sign-up", args.limit_sign_up),
            booking: Counter::new("booking", args.limit_booking),
            hasher: RandomState::new(),
        }
    }

    /// Counts one more, and tells in headers for the answer what is left: none where there is no limit.
    ///
    /// # Errors
    /// [`Case::TooManyRequests`] with `Retry-After`, when the caller has used up what they may.
    pub(crate) fn check(&self, limit: Limit, caller: Caller<'_>) -> Result<HeaderMap, Instead> {
        let counter = match limit {
            Limit::SignIn => &self.sign_in,
            Limit::SignUp => &self.sign_up,
            Limit::Booking => &self.booking,
        };
        let key = match caller {
            Caller::Address(address) => Key::Address(network(address)),
            Caller::Account(name) => Key::Account(self.hasher.hash_one(name)),
        };
        counter.as_ref().map_or_else(|| Ok(HeaderMap::new()), |counter| counter.check(key))
    }
}

/// One limit, with what each caller has used of it.
struct Counter {
    name: &'static str,
    most: u32,
    window: Duration,
    limiter: Limiter,
    checks: AtomicU32,
}

impl Counter {
    fn new(name: &'static str, Rate(rate): Rate) -> Option<Self> {
        let (most, window) = rate?;
        let quota = Quota::with_period(window / most.get())?.allow_burst(most);
        let limiter = RateLimiter::hashmap_with_clock(quota, MonotonicClock).with_middleware();
        Some(Self { name, most: most.get(), window, limiter, checks: AtomicU32::new(0) })
    }

    fn check(&self, key: Key) -> Result<HeaderMap, Instead> {
        // Bounded by what can be asked for in the time that it takes to get back what was used.
        if self.checks.fetch_add(1, Ordering::Relaxed) % SWEEP == SWEEP - 1 {
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
        }
        match self.limiter.check_key(&key) {
            Ok(state) => Ok(self.headers(state.remaining_burst_capacity())),
            Err(until) => {
                let seconds = whole_seconds(until.wait_time_from(MonotonicClock.now())).max(1);
                let problem = Problem::new(Case::TooManyRequests, format!("try again in {seconds} s"));
                let retry_after = [(header::RETRY_AFTER, value(seconds.to_string()))];
                Err(Instead::from(problem).with(self.headers(0)).with(retry_after))
            }
        }
    }

    /// How the caller stands: so many are left (`r`), and in so many seconds (`t`) all will be back.
    fn headers(&self, left: u32) -> HeaderMap {
        let (name, used) = (self.name, self.most.saturating_sub(left));
        let full = whole_seconds(self.window.mul_f64(f64::from(used) / f64::from(self.most)));
        let policy = format!("\"{name}\";q={};w={}", self.most, self.window.as_secs());
        let mut headers = HeaderMap::new();
        headers.insert("ratelimit-policy", value(policy));
        headers.insert("ratelimit", value(format!("\"{name}\";r={left};t={full}")));
        headers
    }
}

/// Rounded up, so that nobody comes too early.
fn whole_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

/// Of an IPv6 address the network.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use axum::response::{IntoResponse, Response};

    use super::*;

    fn limits(sign_in: &str) -> Limits {
        let [sign_in, sign_up, booking] = [sign_in, "off", "0"].map(|text| text.parse().unwrap());
        Limits::new(&LimitArgs { limit_sign_in: sign_in, limit_sign_up: sign_up, limit_booking: booking })
    }

    fn address(text: &str) -> Caller<'static> {
        Caller::Address(text.parse().unwrap())
    }

    fn refused(limits: &Limits, caller: Caller<'_>) -> Option<Response> {
        limits.check(Limit::SignIn, caller).err().map(IntoResponse::into_response)
    }

    #[test]
    fn who_has_used_up_what_they_may_is_told_when_to_come_again() {
        let limits = limits("2/min");
        let caller = Caller::Account("ada@example.com");
        for left in ["\"sign-in\";r=1;t=30", "\"sign-in\";r=0;t=60"] {
            let headers = limits.check(Limit::SignIn, caller).unwrap();
            assert_eq!(headers["ratelimit"], left);
            assert_eq!(headers["ratelimit-policy"], "\"sign-in\";q=2;w=60");
        }
        let refused = refused(&limits, caller).unwrap();
        assert_eq!(refused.status(), 429);
        assert_eq!(refused.headers()["ratelimit"], "\"sign-in\";r=0;t=60");
        let retry_after: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((29..=30).contains(&retry_after), "{retry_after}");
    }

    #[test]
    fn everybody_is_counted_alone_and_a_network_as_one() {
        let limits = limits("1/h");
        for (caller, passes) in [
            (address("192.0.2.1"), true),
            (address("::ffff:192.0.2.1"), false),
            (address("192.0.2.2"), true),
            (address("2001:db8::1"), true),
            (address("2001:db8::ffff:1"), false),
            (address("2001:db8:0:1::1"), true),
            (Caller::Account("192.0.2.1"), true),
            (Caller::Account("192.0.2.1"), false),
        ] {
            assert_eq!(refused(&limits, caller).is_none(), passes, "{caller:?}");
        }
    }

    #[test]
    fn no_limit_says_nothing_and_refuses_nobody() {
        let limits = limits("1/h");
        for _ in 0..1000 {
            for limit in [Limit::SignUp, Limit::Booking] {
                assert!(limits.check(limit, address("192.0.2.1")).unwrap().is_empty());
            }
        }
    }

    #[test]
    fn who_is_back_at_the_full_allowance_is_forgotten() {
        let limits = limits("1000000/s");
        for number in 0..10 * SWEEP {
            limits.check(Limit::SignIn, Caller::Account(&number.to_string())).unwrap();
        }
        assert!(limits.sign_in.unwrap().limiter.len() <= 2 * SWEEP as usize);
    }

    #[test]
    fn a_rate_is_a_number_and_a_time() {
        for good in ["10/min", "5/s", "100/h", "off", "0", "1000000/s"] {
            good.parse::<Rate>().unwrap();
        }
        for bad in ["", "10", "0/min", "-1/min", "10/day", "10/", "/s", "1000001/s", "10 / min"] {
            bad.parse::<Rate>().unwrap_err();
        }
    }
}
