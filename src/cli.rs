//! The command line: one room a command.

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};
use tokio::runtime::Builder;

use crate::{
    config::{Config, Environment as _, Faults, LoadOptions, Log, ProcessEnv},
    telemetry::logs,
};

mod check;
mod demo;
mod dumps;
mod import;
mod print;
mod sandbox;
mod serve;
mod usersig;

/// It ran, and something in the work failed.
const FAILED: u8 = 1;
/// It could not start.
const COULD_NOT_START: u8 = 2;

/// Imports groups into Tencent Cloud Chat for all who may: one credential, one
/// rate, no group made twice.
#[derive(Parser)]
#[command(version, about, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the gateway
    Serve(serve::Serve),
    /// Runs gateway and Chat stand-in in one process and imports generated groups through them
    Demo(demo::Demo),
    /// Imports a file of groups through a gateway
    Import(crate::import::Options),
    /// Runs the Chat stand-in alone
    Sandbox(sandbox::Sandbox),
    /// Names every mistake in the configuration at once
    Check(check::Check),
    /// Prints one UserSig
    Usersig(usersig::Usersig),
}

/// Where the configuration is.
#[derive(Args)]
struct ConfigFile {
    /// The configuration; without it, the file that $GATEWAY_CONFIG names
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl ConfigFile {
    fn load(&self, options: LoadOptions) -> Result<Config, Faults> {
        Config::load(self.config.as_deref(), options, &ProcessEnv)
    }
}

/// Runs the command that the process was started with.
pub fn run() -> ExitCode {
    // First of all, and for every command: `import` and the stand-in hold secrets too.
    if let Err(error) = dumps::turn_off() {
        print::note(format_args!("warning: a crash may leave a core that holds secrets: {error}"));
    }
    let _last_words = logs::LastWords;
    // One TLS provider for the whole process. It fails only where one is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match Cli::parse().command {
        Command::Serve(serve) => serve.run(),
        Command::Demo(demo) => demo.run(),
        Command::Import(options) => import::run(options),
        Command::Sandbox(sandbox) => sandbox.run(),
        Command::Check(check) => check.run(),
        Command::Usersig(usersig) => usersig.run(),
    }
}

/// Logs from here on; $RUST_LOG goes before the configured level.
fn start_logs(log: &Log) {
    logs::start(log, ProcessEnv.get("RUST_LOG").as_deref());
}

/// A runtime, and on it the command to its end.
fn block_on(command: impl Future<Output = ExitCode>) -> ExitCode {
    block_on_with(&mut Builder::new_multi_thread(), command)
}

/// The same, as the builder has it.
fn block_on_with(builder: &mut Builder, command: impl Future<Output = ExitCode>) -> ExitCode {
    match builder.enable_all().build() {
        Ok(runtime) => {
            let code = runtime.block_on(command);
            runtime.shutdown_timeout(std::time::Duration::from_secs(1));
            code
        }
        Err(error) => could_not_start(&error),
    }
}

/// Says why, with all causes, and gives the exit code for it.
fn could_not_start(error: &dyn std::error::Error) -> ExitCode {
    print::error(error);
    ExitCode::from(COULD_NOT_START)
}
