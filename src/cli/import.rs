//! `import`: a file of groups through a gateway.

use std::process::ExitCode;

use super::block_on;
use crate::import::{self, Options, Screen};

pub(super) fn run(options: Options) -> ExitCode {
    block_on(async { import::run(options, &mut std::io::stdout(), Screen::stderr()).await.into() })
}
