//! What the kernel says of a process.

use std::{fs, io};

/// Clock ticks a second, as `/proc` counts them on every Linux that there is.
const TICKS: f64 = 100.0;

/// How much a process uses.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// User's and system's processor time since the start, in seconds.
    pub(crate) processor: f64,
    /// Resident memory, in MiB.
    pub(crate) memory: f64,
    #[allow(dead_code, reason = "of the two examples one looks at it")]
    pub(crate) threads: f64,
    #[allow(dead_code, reason = "of the two examples one looks at it")]
    pub(crate) descriptors: f64,
}

impl Usage {
    /// Of a process now.
    pub(crate) fn of(pid: u32) -> io::Result<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        // The name before it, in brackets, may hold anything.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |index: usize| fields.get(index).and_then(|ticks| ticks.parse::<f64>().ok()).unwrap_or_default();
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let value = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok()).unwrap_or_default()
        };
        Ok(Self {
            processor: (ticks(11) + ticks(12)) / TICKS,
            memory: value("VmRSS") / 1024.0,
            threads: value("Threads"),
            descriptors: fs::read_dir(format!("/proc/{pid}/fd"))?.count() as f64,
        })
    }
}
