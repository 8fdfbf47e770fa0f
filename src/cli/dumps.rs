//! Keeps the process's memory to itself: it holds keys, UserSigs and tokens,
//! and a core is a file of all of them.

use std::io;

use rustix::process::{Resource, Rlimit, setrlimit};

/// Turns core dumps off for this process, and lets no other of the same user
/// attach to it or read its memory and environment under `/proc`.
///
/// # Errors
/// Where the system does not let it: a filter of system calls, say.
pub(super) fn turn_off() -> io::Result<()> {
    let limited = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    not_dumpable(limited.map_err(io::Error::from))
}

/// The limit alone would not do: where `core_pattern` is a program, such as
/// systemd-coredump, the kernel hands it a core whatever the limit (core(5)).
/// This alone does, so that a filter may forbid setting limits.
#[cfg(target_os = "linux")]
fn not_dumpable(_limited: io::Result<()>) -> io::Result<()> {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};
    Ok(set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}

#[cfg(not(target_os = "linux"))]
fn not_dumpable(limited: io::Result<()>) -> io::Result<()> {
    limited
}
