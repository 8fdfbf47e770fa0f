//! Arguments → library → exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    group_import_gateway::run()
}
