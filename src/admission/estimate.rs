//! Which grant from now on a call would get: the number of calls that go before it, plus one.
//!
//! Who waits already is known, and so is the order of turns. What is still to come is taken from how fast each queue is
//! being refilled, so the answer depends on how long the wait is, and the wait on the answer. Every part is a
//! concave, piecewise straight function of the time, so Newton's method finds where they meet from above in a few
//! steps, without passing it.

/// No wait is looked at beyond this many seconds; no deadline is that far away.
const HORIZON: f64 = 600.0;
const ROUNDS: usize = 8;
/// The estimate may settle this far from where it would end, in seconds.
const CLOSE: f64 = 0.001;
/// At least this share of the rate goes to what waits now, however fast the refills seem to come.
const LEFT: f64 = 0.05;

/// A value and how fast it grows with time.
#[derive(Clone, Copy, Debug)]
struct Line {
    value: f64,
    slope: f64,
}

impl Line {
    fn flat(value: f64) -> Self {
        Line { value, slope: 0.0 }
    }

    fn plus(self, other: Line) -> Self {
        Line { value: self.value + other.value, slope: self.slope + other.slope }
    }

    fn times(self, factor: f64) -> Self {
        Line { value: self.value * factor, slope: self.slope * factor }
    }

    fn lower(self, other: Line) -> Self {
        if other.value < self.value { other } else { self }
    }
}

/// One other caller in the lane; it may have nothing waiting just now and still pass later.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    pub(super) queued: f64,
    /// Refills a second.
    pub(super) flow: f64,
    /// Calls that its turns before ours can serve.
    pub(super) most: f64,
}

/// The other callers of the lane.
#[derive(Debug)]
pub(super) struct Others {
    pub(super) samples: Vec<Sample>,
    /// How many callers each sample stands for.
    pub(super) each: f64,
}

impl Others {
    /// Callers looked at for one estimate.
    pub(super) const MOST: usize = 64;

    fn before(&self, time: f64) -> Line {
        let seen = self.samples.iter().fold(Line::flat(0.0), |sum, sample| {
            let grown = Line { value: sample.queued + sample.flow * time, slope: sample.flow };
            sum.plus(grown.lower(Line::flat(sample.most)))
        });
        seen.times(self.each)
    }
}

/// The lane beside ours.
#[derive(Clone, Copy, Debug)]
pub(super) struct OtherLane {
    pub(super) queued: f64,
    /// Refills a second.
    pub(super) flow: f64,
    /// Its calls for each of ours while both wait.
    pub(super) ratio: f64,
    /// Calls by which it is behind just now; negative if it is ahead.
    pub(super) lead: f64,
}

impl OtherLane {
    fn before(&self, time: f64, ours: Line) -> Line {
        let held = Line { value: self.queued + self.flow * time, slope: self.flow };
        let fair = ours.plus(Line::flat(-1.0)).times(self.ratio).plus(Line::flat(self.lead));
        let least = held.lower(fair);
        if least.value > 0.0 { least } else { Line::flat(0.0) }
    }
}

/// All that goes before a call.
#[derive(Debug)]
pub(super) struct Ahead {
    /// Calls of its own caller before it.
    pub(super) own: f64,
    pub(super) others: Others,
    pub(super) other_lane: OtherLane,
}

impl Ahead {
    /// The number of the grant that the call would get, at `rate` grants a second.
    pub(super) fn turn(&self, rate: f64) -> f64 {
        let mut time = HORIZON;
        for _ in 0..ROUNDS {
            let grants = self.grants(time);
            let slope = grants.slope.min(rate * (1.0 - LEFT));
            let met = ((grants.value - slope * time) / (rate - slope)).clamp(0.0, HORIZON);
            let done = (time - met).abs() < CLOSE;
            time = met;
            if done {
                break;
            }
        }
        self.grants(time).value
    }

    /// Grants up to and with this call's, if they take `time`.
    fn grants(&self, time: f64) -> Line {
        let ours = Line::flat(self.own + 1.0).plus(self.others.before(time));
        ours.plus(self.other_lane.before(time, ours))
    }
}
