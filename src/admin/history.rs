//! The last minutes of every app, a sample a second: kept here, so that a page
//! opened in the middle of an incident shows how it began.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde::Serialize;

/// Five minutes.
pub const SAMPLES: usize = 300;

/// One second of one app. Small: of ten thousand apps three million are kept.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Sample {
    /// Which sample it is, counted since the start; the same for all apps.
    pub number: u32,
    /// Calls let go in that second.
    pub used: f32,
    /// Calls a second allowed then.
    pub allowed: f32,
    /// Calls that waited, in both lanes.
    pub queued: u32,
}

/// The samples of every app.
#[derive(Default)]
pub struct History(Mutex<Rings>);

#[derive(Default)]
struct Rings {
    taken: u32,
    apps: HashMap<String, VecDeque<Sample>>,
}

impl History {
    /// Takes one sample of each app; their `number` is given here. Apps that
    /// are gone are forgotten.
    pub fn take(&self, samples: impl IntoIterator<Item = (String, Sample)>) {
        let mut rings = self.lock();
        rings.taken = rings.taken.wrapping_add(1); // in 136 years
        let number = rings.taken;
        let mut before = std::mem::take(&mut rings.apps);
        for (app, sample) in samples {
            let mut ring = before.remove(&app).unwrap_or_default();
            if ring.len() == SAMPLES {
                ring.pop_front();
            }
            ring.push_back(Sample { number, ..sample });
            rings.apps.insert(app, ring);
        }
    }

    /// An app's samples after the one of this number; 0 for all.
    pub fn since(&self, app: &str, number: u32) -> Vec<Sample> {
        let rings = self.lock();
        let newer = |sample: &&Sample| sample.number > number;
        rings.apps.get(app).map_or_else(Vec::new, |ring| ring.iter().filter(newer).copied().collect())
    }

    fn lock(&self) -> MutexGuard<'_, Rings> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(used: f32) -> Sample {
        Sample { number: 0, used, allowed: 200.0, queued: 0 }
    }

    #[test]
    fn keeps_five_minutes_and_tells_what_is_new() {
        let history = History::default();
        for second in 0..1_000 {
            history.take([("prod".to_owned(), sample(second as f32))]);
        }
        let all = history.since("prod", 0);
        assert_eq!((all.len(), all[0].number, all[0].used), (SAMPLES, 701, 700.0));
        let numbers: Vec<_> = history.since("prod", 998).iter().map(|sample| sample.number).collect();
        assert_eq!(numbers, [999, 1_000]);
    }

    #[test]
    fn forgets_an_app_that_is_gone_and_begins_anew_with_one_that_came() {
        let history = History::default();
        history.take([("old".to_owned(), sample(1.0))]);
        history.take([("new".to_owned(), sample(2.0))]);
        assert!(history.since("old", 0).is_empty());
        assert_eq!(history.since("new", 0)[0].number, 2);
    }
}
