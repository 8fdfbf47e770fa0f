//! `usersig`: prints one UserSig, for people who try a call by hand.

use std::{process::ExitCode, time::Duration};

use clap::Args;
use secrecy::ExposeSecret as _;

use super::{COULD_NOT_START, ConfigFile, could_not_start, print};
use crate::{
    config::{App, Config, LoadOptions, ProcessEnv},
    credentials::{Signer, key},
};

#[derive(Args)]
pub(super) struct Usersig {
    #[command(flatten)]
    config: ConfigFile,

    /// The app; needed where several are configured
    #[arg(long, value_name = "NAME")]
    app: Option<String>,

    /// How long it is to hold, such as 1h
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = humantime::parse_duration)]
    expire: Duration,
}

impl Usersig {
    pub(super) fn run(self) -> ExitCode {
        let config = match self.config.load(LoadOptions::default()) {
            Ok(config) => config,
            Err(faults) => return could_not_start(&faults),
        };
        let Some(app) = find(&config, self.app.as_deref()) else {
            let names: Vec<_> = config.apps.iter().map(|app| app.name.as_str()).collect();
            print::note(format_args!("error: name one of the apps with --app: {}", names.join(", ")));
            return ExitCode::from(COULD_NOT_START);
        };
        if self.expire.as_secs() == 0 {
            print::note("error: a UserSig must hold for a second at least");
            return ExitCode::from(COULD_NOT_START);
        }
        match key::read(&app.secret_key, &ProcessEnv) {
            Ok(key) => {
                print::line(Signer::new(app, key).usersig(self.expire).expose_secret());
                ExitCode::SUCCESS
            }
            Err(fault) => could_not_start(&fault),
        }
    }
}

fn find<'a>(config: &'a Config, name: Option<&str>) -> Option<&'a App> {
    match name {
        Some(name) => config.apps.iter().find(|app| app.name.as_str() == name),
        None => config.apps.first().filter(|_| config.apps.len() == 1),
    }
}
