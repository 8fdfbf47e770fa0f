//! Compares limiters over a simulated network: the largest number of calls that Chat counts in any one second, and how
//! much of its 200 calls a second they use under full demand.
//!
//! `cargo run --release --example limiters`
//!
//! Everything runs on Tokio's paused clock with seeded networks, so it takes seconds and prints the same each time.
#![expect(clippy::print_stdout, reason = "its table is what it is for")]

#[path = "../src/admission/tests/network.rs"]
mod network;

use std::future::poll_fn;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use governor::clock::{Clock, FakeRelativeClock};
use governor::{Quota, RateLimiter};
use group_import_gateway::admission::{Admission, Lane, Mode, Place, Settings, Turn};
use network::{Network, Way, most_in_a_second};
use tokio::time::{Instant, sleep_until};
use tower::Service;
use tower::limit::rate::Rate;

const CALLS_PER_SECOND: u32 = 200;
const RUNS: Duration = Duration::from_secs(60);
/// The beginning is not counted as use: a burst at the start would flatter.
const WARM: Duration = Duration::from_secs(10);
/// A timer of Tokio's fires up to this late; where its own clock is used, it is up to 1 ms late by rounding.
const LATE: Duration = Duration::from_micros(1_100);

const WAYS: [Way; 7] = [Way::Near2, Way::Lan5, Way::Wan30, Way::Stall, Way::Spike, Way::Far, Way::Shift];

#[derive(Clone, Copy)]
enum Limiter {
    Ours(Mode),
    Governor { burst: u32 },
    Tower,
}

impl Limiter {
    const ALL: [Limiter; 5] = [
        Limiter::Ours(Mode::Window),
        Limiter::Ours(Mode::Strict),
        Limiter::Governor { burst: CALLS_PER_SECOND },
        Limiter::Governor { burst: 1 },
        Limiter::Tower,
    ];

    fn name(self) -> String {
        match self {
            Limiter::Ours(Mode::Window) => "this admission, `window`".to_owned(),
            Limiter::Ours(Mode::Strict) => "this admission, `strict`".to_owned(),
            Limiter::Governor { burst } => format!("governor {CALLS_PER_SECOND}/s, burst {burst}"),
            Limiter::Tower => format!("tower `RateLimit` {CALLS_PER_SECOND} per 1 s"),
        }
    }
}

fn main() -> std::io::Result<()> {
    println!("Most calls in any one second / share of {CALLS_PER_SECOND} a second used, over {} s\n", RUNS.as_secs());
    println!("| limiter | {} |", WAYS.map(|way| format!("{way:?}")).join(" | "));
    println!("|---|{}", "---|".repeat(WAYS.len()));
    for limiter in Limiter::ALL {
        let mut cells = Vec::new();
        for way in WAYS {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
            let (most, used) = runtime.block_on(measure(limiter, way));
            cells.push(format!("{most} / {:.1} %", used * 100.0));
        }
        println!("| {} | {} |", limiter.name(), cells.join(" | "));
    }
    Ok(())
}

async fn measure(limiter: Limiter, way: Way) -> (usize, f64) {
    let chat = Chat::new(way);
    match limiter {
        Limiter::Ours(mode) => ours(mode, &chat).await,
        Limiter::Governor { burst } => governor(burst, &chat),
        Limiter::Tower => tower(&chat).await,
    }
    chat.measured()
}

/// Twenty calls wait at any time, as many as a busy caller's.
async fn ours(mode: Mode, chat: &Chat) {
    let settings =
        Settings { calls_per_second: CALLS_PER_SECOND, mode, quiet_start: Duration::ZERO, ..Settings::default() };
    let admission = Admission::new(settings);
    let callers = (0..20).map(|_| {
        let (admission, chat) = (admission.clone(), chat.clone());
        async move {
            let deadline = Instant::now() + RUNS * 2;
            let turn = Turn { caller: "bench".into(), weight: 1, lane: Lane::Unary, deadline };
            while let (true, Ok(mut permit)) = (chat.now() < RUNS, admission.admit(&turn, Place::Tail).await) {
                permit.sent();
                let answered = chat.send(chat.now());
                tokio::spawn(async move {
                    sleep_until(answered).await;
                    permit.answered();
                });
            }
        }
    });
    futures_util::future::join_all(callers).await;
}

/// `check`, sleep, check again: what `until_ready` does.
fn governor(burst: u32, chat: &Chat) {
    let clock = FakeRelativeClock::default();
    let nonzero = |value: u32| NonZeroU32::new(value).unwrap_or(NonZeroU32::MIN);
    let quota = Quota::per_second(nonzero(CALLS_PER_SECOND)).allow_burst(nonzero(burst));
    let limiter = RateLimiter::direct_with_clock(quota, clock.clone());
    let mut now = Duration::ZERO;
    while now < RUNS {
        match limiter.check() {
            Ok(()) => drop(chat.send(now)),
            Err(not_until) => {
                let pause = not_until.wait_time_from(clock.now()) + chat.lateness();
                clock.advance(pause);
                now += pause;
            }
        }
    }
}

#[allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "here to be compared with; the gateway does not use it"
)]
async fn tower(chat: &Chat) {
    let inner = tower::service_fn(|()| {
        chat.send(chat.now());
        std::future::ready(Ok::<_, std::convert::Infallible>(()))
    });
    let rate = Rate::new(u64::from(CALLS_PER_SECOND), Duration::from_secs(1));
    let mut limited = tower::limit::RateLimit::new(inner, rate);
    while chat.now() < RUNS {
        let Ok(()) = poll_fn(|context| limited.poll_ready(context)).await;
        let Ok(()) = limited.call(()).await;
    }
}

/// The network and the counter at its end.
#[derive(Clone)]
struct Chat {
    start: Instant,
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    network: Network,
    sent: Vec<Duration>,
    counted: Vec<Duration>,
}

impl Chat {
    fn new(way: Way) -> Self {
        let inner = Inner { network: Network::new(way, 7), sent: Vec::new(), counted: Vec::new() };
        Chat { start: Instant::now(), inner: Arc::new(Mutex::new(inner)) }
    }

    /// Since the start.
    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// A call is sent. When its answer is here.
    fn send(&self, sent: Duration) -> Instant {
        self.with(|inner| {
            let (counted, answered) = inner.network.call(sent);
            inner.sent.push(sent);
            inner.counted.push(counted);
            self.start + answered
        })
    }

    fn lateness(&self) -> Duration {
        self.with(|inner| inner.network.lateness(LATE))
    }

    fn measured(&self) -> (usize, f64) {
        self.with(|inner| {
            let used = inner.sent.iter().filter(|sent| (WARM..RUNS).contains(sent)).count() as f64;
            (most_in_a_second(&inner.counted), used / (RUNS - WARM).as_secs_f64() / f64::from(CALLS_PER_SECOND))
        })
    }

    fn with<R>(&self, act: impl FnOnce(&mut Inner) -> R) -> R {
        act(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
