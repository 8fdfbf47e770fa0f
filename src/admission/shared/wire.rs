//! What goes to the ledger's script and what comes back: whole numbers, times as microseconds.

use std::time::Duration;

use super::timing::{self, HORIZON, LEARN, THAW, TTL};

/// What a replica wants of the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Is it there, and what time is it? Grants nothing.
    Hello,
    /// Reports, and asks for permits.
    Poll,
    /// Reports for the last time and gives up the seat.
    Leave,
}

impl Purpose {
    pub(super) fn name(self) -> &'static str {
        match self {
            Purpose::Hello => "hello",
            Purpose::Poll => "poll",
            Purpose::Leave => "leave",
        }
    }
}

/// What a replica is to the ledger, as far as it knows itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Claim {
    Ordinary = 1,
    /// It has lived on its share since the ledger last heard of it.
    LivedOnShare = 2,
}

/// A used or unused token, and how long it has yet to rest.
#[derive(Clone, Copy, Debug)]
pub(super) struct Report {
    pub(super) token: i64,
    pub(super) grant: i64,
    pub(super) rests: Duration,
}

/// One call of the script.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub(super) purpose: Purpose,
    pub(super) epoch: i64,
    pub(super) seq: i64,
    pub(super) good_until: i64,
    /// Which server it goes to; zero if it does not say.
    pub(super) server: i64,
    /// Calls a second as configured.
    pub(super) rate: u32,
    /// Calls a second allowed just now.
    pub(super) cap: u32,
    pub(super) replicas: u32,
    pub(super) suspect: Duration,
    pub(super) claim: Claim,
    pub(super) queued: usize,
    pub(super) held: usize,
    /// What this replica takes off an answer's time; zero if unknown.
    pub(super) floor: Duration,
    /// Calls that Chat took of this replica in the last second.
    pub(super) accepted: f64,
    /// The last time that Chat refused for rate: what it took then, in calls a second, and how long ago.
    pub(super) cut: Option<(f64, Duration)>,
    pub(super) residence: Duration,
    pub(super) reports: Vec<Report>,
}

impl Ask {
    /// In the order that the script reads them in, after the instance and the purpose.
    pub(super) fn args(&self) -> Vec<i64> {
        let (plateau, cut_age) = self.cut.map_or((0, -1), |(plateau, age)| (thousandths(plateau), timing::micros(age)));
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let mut args = vec![
            self.epoch,
            self.seq,
            self.good_until,
            i64::from(self.rate),
            i64::from(self.cap),
            i64::from(self.replicas),
            timing::micros(self.suspect),
            self.claim as i64,
            count(self.queued),
            count(self.held),
            timing::micros(self.floor),
            self.accepted as i64,
            plateau,
            cut_age,
            timing::micros(TTL),
            timing::micros(HORIZON),
            timing::micros(timing::hold(self.residence)),
            timing::micros(LEARN),
            timing::micros(THAW),
            self.server,
        ];
        args.extend(self.reports.iter().flat_map(|report| [report.token, report.grant, timing::micros(report.rests)]));
        args
    }
}

/// A permit as granted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Granted {
    pub(super) token: i64,
    pub(super) grant: i64,
    /// How long after the answer's coming it may not be used yet.
    pub(super) rests: Duration,
}

/// What a poll was granted, and how the ledger stands.
#[derive(Clone, Debug)]
pub(super) struct Share {
    pub(super) seat: bool,
    /// Replicas whose share nobody else may use.
    pub(super) reserved: u32,
    pub(super) live: u32,
    /// Calls a second that this replica could have.
    pub(super) level: f64,
    /// When to ask again because nothing was free; zero if it does not matter.
    pub(super) wait: Duration,
    /// The shortest floor of any replica; zero if none is known.
    pub(super) floor: Duration,
    /// Calls that Chat took of the other replicas in the last second.
    pub(super) others_accepted: f64,
    pub(super) cut: Option<(f64, Duration)>,
    pub(super) granted: Vec<Granted>,
}

/// The script's answer.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    /// It came too late to be acted upon.
    Late {
        clock: i64,
    },
    Done {
        clock: i64,
        epoch: i64,
        seq: i64,
        share: Option<Share>,
    },
}

impl Answer {
    /// `None` if the script says something that this version does not know.
    pub(super) fn read(numbers: &[i64]) -> Option<Answer> {
        match *numbers {
            [1, clock, ..] => Some(Answer::Late { clock }),
            [0, clock, epoch, seq] => Some(Answer::Done { clock, epoch, seq, share: None }),
            [0, clock, epoch, seq, ref rest @ ..] => {
                Some(Answer::Done { clock, epoch, seq, share: Some(Share::read(rest)?) })
            }
            _ => None,
        }
    }
}

impl Share {
    fn read(numbers: &[i64]) -> Option<Share> {
        let [seat, reserved, live, level, wait, floor, accepted, plateau, cut_age, ref tokens @ ..] = *numbers else {
            return None;
        };
        let granted = |token: &[i64]| match *token {
            [token, grant, rests] => Some(Granted { token, grant, rests: span(rests) }),
            _ => None,
        };
        Some(Share {
            seat: seat == 1,
            reserved: u32::try_from(reserved).ok()?,
            live: u32::try_from(live).ok()?,
            level: level as f64 / 1_000.0,
            wait: span(wait),
            floor: span(floor),
            others_accepted: accepted as f64,
            cut: (cut_age >= 0).then(|| (plateau as f64 / 1_000.0, span(cut_age))),
            granted: tokens.chunks(3).map(granted).collect::<Option<_>>()?,
        })
    }
}

fn thousandths(value: f64) -> i64 {
    (value * 1_000.0) as i64
}

fn span(micros: i64) -> Duration {
    Duration::from_micros(micros.unsigned_abs())
}
