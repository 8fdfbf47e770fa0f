//! What can be seen of a running stand-in.

use std::time::Instant;

use super::{Sandbox, command::Command, log::Seen, rate::ForeignCounts, store::Stored};

impl Sandbox {
    /// An app's groups, in the order in which they were made.
    pub fn groups(&self, sdk_app_id: u64) -> Vec<Stored> {
        let world = self.chat.world();
        world.apps.get(&sdk_app_id).map(|app| app.groups.all()).unwrap_or_default()
    }

    /// One of an app's groups.
    pub fn group(&self, sdk_app_id: u64, group_id: &str) -> Option<Stored> {
        self.chat.world().apps.get(&sdk_app_id)?.groups.stored(group_id)
    }

    /// How many groups an app has.
    pub fn group_count(&self, sdk_app_id: u64) -> usize {
        self.chat.world().apps.get(&sdk_app_id).map_or(0, |app| app.groups.len())
    }

    /// The newest calls, oldest first: every call that arrived whole, of all apps, whatever it was
    /// answered; [`Settings::keep_calls`](super::Settings::keep_calls) at most.
    pub fn calls(&self) -> Vec<Seen> {
        self.chat.world().log.seen()
    }

    /// All calls of a command so far, of all apps, whatever they were answered.
    pub fn call_count(&self, command: &str) -> usize {
        known(command).map_or(0, |command| self.chat.world().log.count(command))
    }

    /// The most calls of a command that arrived in any one second `[t, t + 1 s)`, those refused
    /// among them, a foreign user's not: of one app, or with `None` of all together.
    pub fn most_in_one_second(&self, command: &str, sdk_app_id: impl Into<Option<u64>>) -> usize {
        let app = sdk_app_id.into();
        known(command).map_or(0, |command| self.chat.world().log.most_in_one_second(command, app))
    }

    /// Connections accepted so far.
    pub fn connections(&self) -> usize {
        usize::try_from(self.chat.world().connections).unwrap_or(usize::MAX)
    }

    /// How often somebody followed a redirect, which nobody should.
    pub fn redirect_hits(&self) -> usize {
        self.chat.world().redirect_hits
    }

    /// Lines of a command's script that no call has met yet.
    pub fn unplayed(&self, command: &str) -> usize {
        known(command).map_or(0, |command| self.chat.world().dice.unplayed(command))
    }

    /// How many calls of foreign users were accepted, and how many refused; all apps together.
    pub fn foreign_counts(&self) -> (usize, usize) {
        let mut world = self.chat.world();
        let (now, allowance) = (Instant::now(), world.allowance());
        world.apps.values_mut().fold((0, 0), |(accepted, refused), app| {
            let ForeignCounts { accepted: a, refused: r } =
                app.rate(Command::ImportGroup).foreign_counts(now, allowance);
            (accepted + a, refused + r)
        })
    }
}

/// A misspelt command would otherwise make a test pass that sees nothing.
pub(super) fn known(command: &str) -> Option<Command> {
    let known = Command::named(command);
    if known.is_none() {
        tracing::warn!(command, "the sandbox has no such command");
    }
    known
}
