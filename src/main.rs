//! Arguments → library → exit code.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// A call takes some hundred allocations; see docs/performance.md for what this one saves, and why it is this one.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    group_import_gateway::run()
}
