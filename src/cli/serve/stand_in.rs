//! The embedded Chat stand-in, and the app that uses it.

use std::io;

use crate::{
    config::{App, AppName, BaseUrl, Config, Environment, KeySource, ProcessEnv, SdkAppId, Upstream},
    sandbox::{self, Sandbox},
};

/// No real one: the vendor's examples begin at 1400000000.
const SDK_APP_ID: u64 = 1_400_000_000;
const IDENTIFIER: &str = "administrator";
/// Where the app finds the stand-in's key, which is made anew at each start.
const KEY_VARIABLE: &str = "SANDBOX_KEY";

/// A running stand-in with one app.
pub(in crate::cli) struct StandIn {
    pub(in crate::cli) sandbox: Sandbox,
    app: App,
    key: String,
}

impl StandIn {
    /// Starts it on a free port.
    pub(in crate::cli) async fn start(settings: sandbox::Settings) -> io::Result<Self> {
        let key = random_key();
        let apps = vec![sandbox::App::new(SDK_APP_ID, key.clone(), IDENTIFIER)];
        let sandbox = Sandbox::start(sandbox::Settings { apps, ..settings }).await?;
        let app = app(&sandbox.base_url()).map_err(io::Error::other)?;
        Ok(Self { sandbox, app, key })
    }

    /// Starts it with its defaults, if it is wanted.
    pub(in crate::cli) async fn start_if(wanted: bool) -> io::Result<Option<Self>> {
        if !wanted {
            return Ok(None);
        }
        // It may run for days, and nobody asks it for what it saw.
        let settings = sandbox::Settings { keep_calls: 0, ..sandbox::Settings::default() };
        let stand_in = Self::start(settings).await?;
        tracing::info!(url = stand_in.sandbox.base_url(), "the Chat stand-in is listening");
        Ok(Some(stand_in))
    }

    /// The environment that a gateway with this stand-in, or without one, sees.
    pub(in crate::cli) fn environment_of(stand_in: Option<&Self>) -> Box<dyn Environment> {
        match stand_in {
            Some(stand_in) => Box::new(stand_in.environment()),
            None => Box::new(ProcessEnv),
        }
    }

    /// The app as a configuration would have it.
    pub(in crate::cli) fn app(&self) -> App {
        self.app.clone()
    }

    /// Chat's number of the app.
    pub(in crate::cli) fn sdk_app_id(&self) -> u64 {
        SDK_APP_ID
    }

    /// The process's environment, and in it the stand-in's key.
    pub(in crate::cli) fn environment(&self) -> impl Environment + use<> {
        WithKey(self.key.clone())
    }
}

fn app(base_url: &str) -> Result<App, crate::config::Expected> {
    let name: AppName = Config::SANDBOX.parse()?;
    let upstream = Upstream::BaseUrl(base_url.parse::<BaseUrl>()?);
    Ok(App::new(name, SdkAppId::new(SDK_APP_ID)?, IDENTIFIER, KeySource::Env(KEY_VARIABLE.into()), upstream))
}

fn random_key() -> String {
    (0..32).map(|_| format!("{:02x}", rand::random::<u8>())).collect()
}

struct WithKey(String);

impl Environment for WithKey {
    fn vars(&self) -> Vec<(String, String)> {
        ProcessEnv.vars()
    }

    fn get(&self, name: &str) -> Option<String> {
        if name == KEY_VARIABLE { Some(self.0.clone()) } else { ProcessEnv.get(name) }
    }
}
