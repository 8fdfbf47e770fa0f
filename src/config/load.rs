//! From a TOML text and the environment to the typed configuration, or to every fault at once.
//!
//! A [`table::Table`] hands out keys one by one, notes what is wrong and goes on, so one wrong key
//! hides no other. Each section has its reader beside this file; what concerns several sections
//! stands in `whole`.

mod apps;
mod callers;
mod http2;
mod nearest;
mod overlay;
mod rate_limit;
mod server;
mod source;
mod table;
mod values;
mod whole;

use std::fs;
use std::path::{Path, PathBuf};

use toml::de::DeTable;

use self::source::Source;
use self::table::Table;
use self::values::{choice, parsed_by};
use super::{Config, Environment, Fault, Faults, LoadOptions, Log, LogFormat, Place, log};

/// Names the file where the command line does not.
const CONFIG_VARIABLE: &str = "GATEWAY_CONFIG";

/// See [`Config::load`].
pub(super) fn file(path: Option<&Path>, options: LoadOptions, env: &dyn Environment) -> Result<Config, Faults> {
    let named = || env.get(CONFIG_VARIABLE).filter(|name| !name.is_empty()).map(PathBuf::from);
    let Some(path) = path.map(Path::to_path_buf).or_else(named) else {
        return match options.sandbox {
            true => read(&Source::new(None, "", env), options, env),
            false => Err(alone(Place::Nowhere, NO_FILE.to_owned())),
        };
    };
    let name = path.display().to_string();
    match fs::read_to_string(&path) {
        Ok(content) => text(&content, &name, options, env),
        Err(error) => Err(alone(Place::File(name.into()), format!("cannot be read: {error}"))),
    }
}

/// See [`Config::parse`].
pub(super) fn text(text: &str, file_name: &str, options: LoadOptions, env: &dyn Environment) -> Result<Config, Faults> {
    read(&Source::new(Some(file_name), text, env), options, env)
}

const NO_FILE: &str = "no configuration: name a file with --config or $GATEWAY_CONFIG, \
                       or try `serve --sandbox`, which needs none";

fn alone(place: Place, problem: String) -> Faults {
    Faults::new(vec![Fault { place, key: String::new(), problem }])
}

fn read(source: &Source<'_>, options: LoadOptions, env: &dyn Environment) -> Result<Config, Faults> {
    let (document, errors) = DeTable::parse_recoverable(source.text());
    if !errors.is_empty() {
        // What the parser made of the rest is a guess, so nothing more is said about that.
        errors.iter().for_each(|error| source.syntax_fault(error));
        return Err(source.faults());
    }

    let mut root = Table::root(source, document.get_ref());
    let server = server::read(root.section("server"));
    let log = read_log(root.section("log"), source, env);
    let rows = root.rows("apps");
    if rows.as_ref().is_some_and(Vec::is_empty) && !options.sandbox {
        root.fault("apps", "missing: add an [[apps]] table, or try `serve --sandbox`");
    }
    let apps = apps::read(rows, options);
    let callers = callers::read(root.rows("callers"), apps.names.as_ref(), server.takes_certificates);
    let rate_limit = rate_limit::read(root.section("rate_limit"));
    root.finish();
    whole::check(source, &server, &callers);
    source.finish();

    let faults = source.faults();
    if faults.is_empty() {
        let (server, apps, callers) = (server.server, apps.apps, callers.callers);
        Ok(Config { server, log, apps, callers, rate_limit })
    } else {
        Err(faults)
    }
}

/// `[log]`, with `$RUST_LOG` before the level.
fn read_log(mut table: Table<'_>, source: &Source<'_>, env: &dyn Environment) -> Log {
    let default = Log::default();
    let mut level = table.value("level", default.level, parsed_by(log::directives));
    let format = choice("format", &LogFormat::ALL, LogFormat::name);
    let format = table.value("format", default.format, format);
    table.finish();
    if let Some(filter) = env.get("RUST_LOG").filter(|filter| !filter.is_empty()) {
        match log::filter(filter) {
            Ok(filter) => level = filter,
            Err(expected) => {
                let place = Place::Variable("RUST_LOG".to_owned());
                source.fault(place, "log.level", format!("expected {expected}"));
            }
        }
    }
    Log { level, format }
}
