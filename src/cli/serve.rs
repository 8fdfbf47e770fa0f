//! `serve`: runs the gateway until it is told to stop.

use std::{num::NonZeroUsize, process::ExitCode};

use clap::Args;
use tokio::{
    runtime::Builder,
    signal::unix::{SignalKind, signal},
};

use super::{COULD_NOT_START, ConfigFile, block_on_with, could_not_start, start_logs};
use crate::{
    config::{Config, Environment, LoadOptions, ProcessEnv},
    gateway::Gateway,
    telemetry::traces::{Tracer, export::Export},
};

mod stand_in;

pub(super) use stand_in::StandIn;

/// tokio's own variable for the number of its workers.
const WORKERS: &str = "TOKIO_WORKER_THREADS";

#[derive(Args)]
pub(super) struct Serve {
    #[command(flatten)]
    config: ConfigFile,

    /// Starts a Chat stand-in as well, and an app named `sandbox` that uses it
    #[arg(long)]
    sandbox: bool,
}

impl Serve {
    pub(super) fn run(self) -> ExitCode {
        let config = match self.config.load(LoadOptions { sandbox: self.sandbox }) {
            Ok(config) => config,
            Err(faults) => return could_not_start(&faults),
        };
        start_logs(&config.log);
        let mut builder = Builder::new_multi_thread();
        if ProcessEnv.get(WORKERS).is_none() {
            builder.worker_threads(workers());
        }
        block_on_with(&mut builder, serve(config, self))
    }
}

/// One worker for two processors. It takes 29,000 calls a second, more than a hundred apps at their full rate; each
/// more makes every call dearer by a tenth, for what the workers hand to each other.
fn workers() -> usize {
    let processors = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    (processors / 2).max(1)
}

async fn serve(mut config: Config, command: Serve) -> ExitCode {
    let stand_in = match StandIn::start_if(command.sandbox).await {
        Ok(stand_in) => stand_in,
        Err(error) => return could_not_start(&error),
    };
    let env = StandIn::environment_of(stand_in.as_ref());
    config.apps.extend(stand_in.as_ref().map(StandIn::app));
    let export = Export::start(&ProcessEnv);
    let tracer = export.as_ref().map_or_else(Tracer::off, Export::tracer);
    let mut gateway = match Gateway::start_traced(config, &*env, tracer).await {
        Ok(gateway) => gateway,
        Err(error) => return could_not_start(&error),
    };
    let Ok(mut hangup) = signal(SignalKind::hangup()) else { return ExitCode::from(COULD_NOT_START) };
    let signal = loop {
        tokio::select! {
            signal = stop_signal() => break signal,
            _ = hangup.recv() => reload(&mut gateway, &command, stand_in.as_ref(), &*env),
        }
    };
    tracing::info!(signal, "stopping");
    let stop = async {
        gateway.stop().await;
        if let Some(export) = export {
            export.flush().await;
        }
    };
    tokio::select! {
        () = stop => tracing::info!("stopped"),
        signal = stop_signal() => tracing::warn!(signal, "stopped at once: a second signal came"),
    }
    if let Some(stand_in) = stand_in {
        stand_in.sandbox.stop().await;
    }
    ExitCode::SUCCESS
}

/// Reads the configuration again. A bad one changes nothing.
fn reload(gateway: &mut Gateway, command: &Serve, stand_in: Option<&StandIn>, env: &dyn Environment) {
    let mut config = match command.config.load(LoadOptions { sandbox: command.sandbox }) {
        Ok(config) => config,
        Err(faults) => return tracing::error!("the configuration is not taken, the old one stays: {faults}"),
    };
    config.apps.extend(stand_in.map(StandIn::app));
    match gateway.reload(config, env) {
        Ok(()) => tracing::info!("the configuration was read again"),
        Err(error) => tracing::error!("the configuration is not taken, the old one stays: {error}"),
    }
}

/// Waits for SIGTERM or SIGINT, and names it.
pub(super) async fn stop_signal() -> &'static str {
    let (term, interrupt) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    let (Ok(mut term), Ok(mut interrupt)) = (term, interrupt) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = term.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    }
}
