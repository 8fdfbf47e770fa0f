//! Arguments → library → exit code.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// A call takes some hundred allocations, which cost it less than the system's does; `examples/bench/run` compares.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    group_import_gateway::run()
}
