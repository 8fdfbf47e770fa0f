//! The typed configuration, valid by construction: who holds a [`Config`] need not check it again.
//!
//! It is read from a TOML file with the environment laid over it. Every mistake is found in one go, and told with its
//! file, line and key, or its variable; the values of keys that hold secrets are never told.
//!
//! - the types: [`Server`], [`Http2`], [`Log`], [`App`], [`Caller`], [`RateLimit`], their defaults beside them
//! - `load`: text and environment → types and faults
//! - [`KEYS`]: every key with its default and meaning, from which the README's table is made

mod app;
mod caller;
mod environment;
mod fault;
mod http2;
mod keys;
mod load;
mod log;
mod names;
mod rate_limit;
mod redis_url;
mod server;
#[cfg(test)]
mod tests;
mod upstream;

use std::path::Path;

pub use app::{App, FieldLimits, KeySource};
pub use caller::{Caller, dns_name, uri_name};
pub use environment::{Environment, ProcessEnv};
pub use fault::{Expected, Fault, Faults, Place};
pub use http2::Http2;
pub use keys::{KEYS, Key, markdown_table};
pub use log::{Log, LogFormat};
pub use names::{AppName, CallerName, MAX_NAME_BYTES, SdkAppId};
pub use rate_limit::{Backend, Mode, Outage, RateLimit};
pub use redis_url::RedisUrl;
pub use server::{Listen, Server, Tls};
pub use upstream::{BaseUrl, Upstream};

/// The whole configuration. It holds no secret but what a [`RedisUrl`] hides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// `[server]`.
    pub server: Server,
    /// `[log]`.
    pub log: Log,
    /// `[[apps]]`, names and SDKAppIDs all different; empty only for the sandbox.
    pub apps: Vec<App>,
    /// `[[callers]]`, names, tokens and certificates all different; empty means whoever can reach the port.
    pub callers: Vec<Caller>,
    /// `[rate_limit]`.
    pub rate_limit: RateLimit,
}

/// What the command line says about the configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LoadOptions {
    /// An app named [`Config::SANDBOX`] is added later: there need be no file and no other app, callers may be granted
    /// it, and no other app may take its name.
    pub sandbox: bool,
}

impl Config {
    /// The name of the app that `serve --sandbox` adds.
    pub const SANDBOX: &'static str = "sandbox";

    /// Reads the file at `path`, else the one that `$GATEWAY_CONFIG` names, with the environment laid over it.
    ///
    /// # Errors
    /// Every mistake at once; also when there is no file, or none can be read.
    pub fn load(path: Option<&Path>, options: LoadOptions, env: &dyn Environment) -> Result<Self, Faults> {
        load::file(path, options, env)
    }

    /// Reads `text`, which faults will say is the file `file_name`, with the environment laid over it.
    ///
    /// # Errors
    /// Every mistake at once.
    pub fn parse(text: &str, file_name: &str, env: &dyn Environment) -> Result<Self, Faults> {
        load::text(text, file_name, LoadOptions::default(), env)
    }

    /// Every default and no app, for `serve --sandbox` and `demo` to add theirs.
    pub fn sandbox() -> Self {
        Self::default()
    }
}
