//! `check`: reads the configuration, the keys and the certificates, and names
//! every mistake.

use std::process::ExitCode;

use clap::Args;

use super::{COULD_NOT_START, ConfigFile, FAILED, block_on, could_not_start, print};
use crate::{
    apps::{App, Shared},
    config::{Config, LoadOptions, ProcessEnv},
    credentials::{Signer, key},
    gateway,
    outbound::http::Clients,
};

#[derive(Args)]
pub(super) struct Check {
    #[command(flatten)]
    config: ConfigFile,

    /// Asks Chat for each app whether it takes the credential
    #[arg(long)]
    online: bool,
}

impl Check {
    pub(super) fn run(self) -> ExitCode {
        let config = match self.config.load(LoadOptions::default()) {
            Ok(config) => config,
            Err(faults) => return could_not_start(&faults),
        };
        let mut apps = Vec::new();
        let mut faults = 0;
        for app in &config.apps {
            match key::read(&app.secret_key, &ProcessEnv) {
                Ok(key) => apps.push((app.clone(), Signer::new(app, key))),
                Err(fault) => {
                    print::error(&fault);
                    faults += 1;
                }
            }
        }
        for fault in gateway::check_tls(&config).err().into_iter().flatten() {
            print::error(&fault);
            faults += 1;
        }
        if faults > 0 {
            return ExitCode::from(COULD_NOT_START);
        }
        if self.online {
            return block_on(ask(config, apps));
        }
        print::line(format_args!(
            "the configuration is good: {} apps, {} callers",
            config.apps.len(),
            config.callers.len()
        ));
        ExitCode::SUCCESS
    }
}

/// Asks Chat about each app, one after the other: a line each.
async fn ask(config: Config, apps: Vec<(crate::config::App, Signer)>) -> ExitCode {
    let clients = match Clients::new() {
        Ok(clients) => clients,
        Err(cause) => return could_not_start(cause.as_ref()),
    };
    let shared = Shared {
        clients,
        tasks: Default::default(),
        metrics: Default::default(),
        rate_limit: config.rate_limit,
        // One look an app is no load that would have to be shared.
        redis: None,
    };
    let mut refused = 0;
    for (config, signer) in apps {
        let app = App::new(config, signer, &shared);
        match app.probe().await {
            Ok(()) => print::line(format_args!("{}: Chat takes the credential", app.name())),
            Err(error) => {
                refused += 1;
                print::line(format_args!("{}: {error}", app.name()));
            }
        }
    }
    if refused == 0 { ExitCode::SUCCESS } else { ExitCode::from(FAILED) }
}
