//! All that is left to chance or to a script: which call meets which fault, how long its way is,
//! and what Chat calls a group that came without an ID.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use super::{
    command::Command,
    fault::{Fault, FaultKind},
};

/// What the IDs that Chat assigns are made of.
const ID_LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

pub(super) struct Dice {
    rng: StdRng,
    scripts: HashMap<Command, VecDeque<FaultKind>>,
}

impl Dice {
    pub(super) fn new(seed: Option<u64>) -> Self {
        let rng = seed.map_or_else(rand::make_rng, StdRng::seed_from_u64);
        Self { rng, scripts: HashMap::new() }
    }

    pub(super) fn script(&mut self, command: Command, faults: impl IntoIterator<Item = FaultKind>) {
        self.scripts.entry(command).or_default().extend(faults);
    }

    /// Scripted faults that no call has met yet.
    pub(super) fn unplayed(&self, command: Command) -> usize {
        self.scripts.get(&command).map_or(0, VecDeque::len)
    }

    /// The next call's fate: the script's next line while there is one, else a throw.
    pub(super) fn fault(&mut self, command: Command, faults: &[Fault]) -> FaultKind {
        if let Some(scripted) = self.scripts.get_mut(&command).and_then(VecDeque::pop_front) {
            return scripted;
        }
        if faults.is_empty() {
            return FaultKind::None;
        }
        let mut thrown: f64 = self.rng.random();
        for fault in faults.iter().filter(|fault| fault.befalls(command)) {
            if thrown < fault.rate {
                return fault.kind;
            }
            thrown -= fault.rate;
        }
        FaultKind::None
    }

    /// The way there and the way back: together `latency` give or take `jitter`, drawn apart from
    /// each other, as on a real network.
    pub(super) fn ways(&mut self, latency: Duration, jitter: Duration) -> (Duration, Duration) {
        let mut half = || {
            let stray = jitter.mul_f64(self.rng.random::<f64>());
            // latency/2 - jitter/2 + stray, with `stray` even over 0..jitter.
            ((latency + stray * 2).saturating_sub(jitter)) / 2
        };
        (half(), half())
    }

    /// An ID in Chat's form, such as `@TGS#2J4SZEAEL`, or for a community such as
    /// `@TGS#_@TGS#c4YHCIIM62CX`. Whether it is free is the caller's to see.
    pub(super) fn group_id(&mut self, community: bool) -> String {
        let (head, letters) = if community { ("@TGS#_@TGS#c", 11) } else { ("@TGS#", 9) };
        let mut id = String::with_capacity(head.len() + letters);
        id.push_str(head);
        for _ in 0..letters {
            let at = self.rng.random_range(0..ID_LETTERS.len());
            id.extend(ID_LETTERS.get(at).map(|letter| char::from(*letter)));
        }
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMPORT: Command = Command::ImportGroup;

    #[test]
    fn a_script_goes_before_chance_and_is_of_one_command() {
        let mut dice = Dice::new(Some(1));
        let always = [Fault::new(FaultKind::Empty, 1.0)];
        dice.script(IMPORT, [FaultKind::None, FaultKind::Garbage]);
        assert_eq!(dice.fault(Command::GetGroupInfo, &always), FaultKind::Empty);
        assert_eq!(dice.unplayed(IMPORT), 2);
        assert_eq!(dice.fault(IMPORT, &always), FaultKind::None);
        assert_eq!(dice.fault(IMPORT, &always), FaultKind::Garbage);
        assert_eq!(dice.fault(IMPORT, &always), FaultKind::Empty);
    }

    #[test]
    fn faults_come_at_their_rates() {
        let mut dice = Dice::new(Some(2));
        let faults = [Fault::new(FaultKind::Empty, 0.1), Fault::new(FaultKind::NoCode, 0.3)];
        let thrown: Vec<_> = (0..10_000).map(|_| dice.fault(IMPORT, &faults)).collect();
        let share = |kind| thrown.iter().filter(|k| **k == kind).count();
        assert!((900..1_100).contains(&share(FaultKind::Empty)));
        assert!((2_850..3_150).contains(&share(FaultKind::NoCode)));
    }

    #[test]
    fn the_same_seed_throws_the_same() {
        let faults = [Fault::new(FaultKind::Empty, 0.5)];
        let run = |seed| {
            let mut dice = Dice::new(Some(seed));
            let fates: Vec<_> = (0..64).map(|_| dice.fault(IMPORT, &faults)).collect();
            (fates, dice.group_id(false))
        };
        assert_eq!(run(7), run(7));
        assert_ne!(run(7), run(8));
    }

    #[test]
    fn latency_strays_by_the_jitter_and_never_below_zero() {
        let mut dice = Dice::new(Some(3));
        let ms = Duration::from_millis;
        for _ in 0..1_000 {
            let (there, back) = dice.ways(ms(40), ms(20));
            assert!((ms(10)..=ms(30)).contains(&there) && (ms(10)..=ms(30)).contains(&back));
            let (there, _) = dice.ways(ms(1), ms(20));
            assert!(there <= ms(11));
        }
        assert_eq!(dice.ways(ms(40), Duration::ZERO), (ms(20), ms(20)));
    }

    #[test]
    fn ids_have_the_form_of_chats_own() {
        let mut dice = Dice::new(None);
        let (plain, community) = (dice.group_id(false), dice.group_id(true));
        assert!(plain.starts_with("@TGS#") && !plain.starts_with("@TGS#_"));
        assert_eq!(plain.len(), "@TGS#2J4SZEAEL".len());
        assert!(community.starts_with("@TGS#_@TGS#c"));
        assert_eq!(community.len(), "@TGS#_@TGS#c4YHCIIM62CX".len());
    }
}
