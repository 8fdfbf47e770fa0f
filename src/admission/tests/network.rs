//! Simulated ways to Chat and back, seeded. Also used by the example that compares limiters.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// One way there, in words: what the round trip adds is Chat's own work, about 8 ms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Way {
    /// The same region: 1.5 ms and a little.
    Near2,
    /// 5 ms and about 1 ms of jitter.
    Lan5,
    /// 30 ms with 20 ms of jitter; calls overtake each other.
    Wan30,
    /// As `Lan5`, but about every two seconds all is held up for 100 ms and comes in order: a lost TCP segment.
    Stall,
    /// As `Lan5`, but one call in a hundred takes 100 ms more.
    Spike,
    /// 100 ms with 10 ms of jitter.
    Far,
    /// The route changes between 5 ms and 30 ms every ten seconds.
    Shift,
}

/// Draws the times of each call.
pub(crate) struct Network {
    way: Way,
    rng: StdRng,
    stalls: (f64, f64),
}

impl Network {
    pub(crate) fn new(way: Way, seed: u64) -> Self {
        Network { way, rng: StdRng::seed_from_u64(seed), stalls: (1.0, 1.1) }
    }

    /// When a call sent at `sent` is counted by Chat, and when its answer is here.
    pub(crate) fn call(&mut self, sent: Duration) -> (Duration, Duration) {
        let sent = sent.as_secs_f64();
        let detour = if self.way == Way::Shift && ((sent / 10.0) as u64).is_multiple_of(2) { 0.025 } else { 0.0 };
        let counted = self.after_stall(sent) + detour + self.one_way();
        let work = 0.008 * (0.5 * self.normal()).exp();
        let answered = counted + work + detour + self.one_way();
        (Duration::from_secs_f64(counted), Duration::from_secs_f64(answered))
    }

    /// Up to `most` late: how Tokio's timer wakes us.
    pub(crate) fn lateness(&mut self, most: Duration) -> Duration {
        most.mul_f64(self.rng.random())
    }

    fn one_way(&mut self) -> f64 {
        match self.way {
            Way::Near2 => 0.0015 + 0.0003 * (0.8 * self.normal()).exp(),
            Way::Lan5 | Way::Stall | Way::Shift => self.lan(),
            Way::Spike => self.lan() + if self.rng.random_bool(0.01) { 0.1 } else { 0.0 },
            Way::Far => (0.1 + 0.01 * self.normal()).max(0.07),
            Way::Wan30 => loop {
                let drawn = 0.03 + 0.02 * self.normal();
                if drawn >= 0.003 {
                    break drawn;
                }
            },
        }
    }

    fn lan(&mut self) -> f64 {
        0.005 + 0.001 * (0.8 * self.normal()).exp()
    }

    fn after_stall(&mut self, sent: f64) -> f64 {
        if self.way != Way::Stall {
            return sent;
        }
        while sent >= self.stalls.1 {
            let calm = -2.0 * self.open_unit().ln();
            self.stalls = (self.stalls.1 + calm, self.stalls.1 + calm + 0.1);
        }
        if sent >= self.stalls.0 { self.stalls.1 } else { sent }
    }

    /// Box and Muller's way to a normal number.
    fn normal(&mut self) -> f64 {
        let turn: f64 = self.rng.random();
        (-2.0 * self.open_unit().ln()).sqrt() * (std::f64::consts::TAU * turn).cos()
    }

    fn open_unit(&mut self) -> f64 {
        1.0 - self.rng.random::<f64>()
    }
}

/// The largest number of calls counted in any one second, wherever it begins.
pub(crate) fn most_in_a_second(counted: &[Duration]) -> usize {
    let mut counted = counted.to_vec();
    counted.sort();
    let mut first = 0;
    let mut most = 0;
    for (last, at) in counted.iter().enumerate() {
        while *at - counted[first] >= Duration::from_secs(1) {
            first += 1;
        }
        most = most.max(last + 1 - first);
    }
    most
}
