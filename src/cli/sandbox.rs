//! `sandbox`: the Chat stand-in alone.

use std::{net::SocketAddr, path::Path, process::ExitCode, time::Duration};

use clap::Args;

use super::{block_on, could_not_start, print, serve::stop_signal, start_logs};
use crate::{
    config::Log,
    sandbox::{self, App, Fault, Settings},
};

#[derive(Args)]
pub(super) struct Sandbox {
    /// Where it listens; port 0 is taken from the system
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8700")]
    listen: SocketAddr,

    /// An app that it knows: SDKAppID, a file with the secret key, and the admin's account. May be repeated
    #[arg(long = "app", value_name = "ID:KEYFILE:IDENTIFIER", value_parser = app)]
    apps: Vec<App>,

    /// How long an answer takes
    #[arg(long, value_name = "DURATION", default_value = "40ms", value_parser = humantime::parse_duration)]
    latency: Duration,

    /// By how much more or less, at random
    #[arg(long, value_name = "DURATION", default_value = "20ms", value_parser = humantime::parse_duration)]
    jitter: Duration,

    /// What goes wrong, and how often: close_after=0.01, say. May be repeated
    #[arg(long = "fault", value_name = "KIND=RATE")]
    faults: Vec<Fault>,

    /// Calls a second that it takes for each app and command
    #[arg(long, value_name = "N", default_value_t = 200)]
    calls_per_second: u32,
}

impl Sandbox {
    pub(super) fn run(self) -> ExitCode {
        start_logs(&Log::default());
        if self.apps.is_empty() {
            print::note("note: no --app given, so every call is refused as of an unknown SDKAppID (70020)");
        }
        let settings = Settings {
            listen: self.listen,
            apps: self.apps,
            latency: self.latency,
            jitter: self.jitter,
            faults: self.faults,
            calls_per_second: self.calls_per_second,
            keep_calls: 0, // it may run for days, and nobody can ask it for what it saw
            ..Settings::default()
        };
        block_on(async {
            let sandbox = match sandbox::Sandbox::start(settings).await {
                Ok(sandbox) => sandbox,
                Err(error) => return could_not_start(&error),
            };
            tracing::info!(url = sandbox.base_url(), "the Chat stand-in is listening");
            stop_signal().await;
            sandbox.stop().await;
            print::line(format_args!("calls of import_group       {:>8}", sandbox.call_count("import_group")));
            print::line(format_args!(
                "most of them in any second  {:>8}",
                sandbox.most_in_one_second("import_group", None)
            ));
            ExitCode::SUCCESS
        })
    }
}

/// `ID:KEYFILE:IDENTIFIER`. The file's name may hold colons, the others can't.
fn app(text: &str) -> Result<App, String> {
    let form = || "expected ID:KEYFILE:IDENTIFIER, such as 1400000000:key.txt:administrator".to_owned();
    let (id, rest) = text.split_once(':').ok_or_else(form)?;
    let (file, identifier) = rest.rsplit_once(':').ok_or_else(form)?;
    let id: u32 = id.parse().map_err(|_| format!("{id:?} is no SDKAppID"))?;
    if identifier.is_empty() {
        return Err(form());
    }
    let key = std::fs::read_to_string(Path::new(file)).map_err(|error| format!("can't read {file}: {error}"))?;
    Ok(App::new(id.into(), key.trim(), identifier))
}
