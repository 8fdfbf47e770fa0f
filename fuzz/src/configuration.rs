//! The configuration: a TOML text, with variables laid over it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use group_import_gateway::config::{App, Caller, Config, Fault, Faults, Place, Upstream};
use http::Uri;

use super::assert_tellable;

/// Between the variables, `NAME=value` a line, and the file.
const BETWEEN: &str = "\n---\n";

const LEAST: &str = r#"
[[apps]]
name = "prod"
sdk_app_id = 1400000000
identifier = "administrator"
region = "singapore"
"#;

/// What no message may hold.
const SECRET: &str = "Hush7fZq2";

/// The text is variables and a file, or a file alone.
pub fn configuration(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (variables, file) = text.split_once(BETWEEN).unwrap_or(("", text));
    let variables: BTreeMap<_, _> = variables
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let read = Config::parse(file, "gateway.toml", &variables);
    assert_eq!(read, Config::parse(file, "gateway.toml", &variables), "once so and once so");
    match read {
        Ok(config) => assert_sound(&config),
        Err(faults) => assert_helpful(&faults, file, &variables),
    }
    assert_discreet(text);
}

/// Every fault says where it is.
fn assert_helpful(faults: &Faults, file: &str, variables: &BTreeMap<String, String>) {
    assert!(faults.iter().next().is_some(), "refused without a fault");
    let lines = file.matches('\n').count() + 1;
    for Fault { place, key, problem } in faults.iter() {
        assert_tellable(problem);
        match place {
            Place::Line(_, line, _) => assert!((1..=lines).contains(line), "line {line} of {lines}"),
            Place::Variable(name) => assert!(variables.contains_key(name), "nobody set {name}"),
            Place::File(_) | Place::Nowhere => assert!(!key.is_empty(), "neither a line nor a key: {problem}"),
        }
    }
    // Whatever a key or a variable is called: one line for each fault, and one above them.
    let told = faults.to_string();
    assert_eq!(told.lines().count(), faults.iter().count() + 1, "{told:?}");
    told.lines().for_each(assert_tellable);
}

/// What is taken keeps the promises that a `Config` makes.
fn assert_sound(config: &Config) {
    assert!(!config.apps.is_empty(), "nothing to serve");
    let names: BTreeSet<_> = config.apps.iter().map(|app| app.name.as_str()).collect();
    let ids: BTreeSet<_> = config.apps.iter().map(|app| app.sdk_app_id).collect();
    assert!(names.len() == config.apps.len() && ids.len() == config.apps.len(), "two apps are one");
    config.apps.iter().for_each(assert_app);
    let tokens: Vec<_> = config.callers.iter().flat_map(|caller| &caller.token_sha256).collect();
    assert_eq!(tokens.iter().collect::<BTreeSet<_>>().len(), tokens.len(), "a token that tells nobody");
    for caller in &config.callers {
        assert_caller(caller, &names, config.server.tls.as_ref().is_some_and(|tls| tls.client_ca_file.is_some()));
    }
    if config.server.listen.is_network() {
        assert!(!config.callers.is_empty(), "open to the network");
        let clear = config.server.tls.is_none() && !config.server.plaintext;
        assert!(tokens.is_empty() || !clear, "tokens in the clear");
    }
}

fn assert_app(app: &App) {
    assert!(!app.identifier.is_empty() && !app.identifier.chars().any(char::is_control), "{:?}", app.identifier);
    assert!(app.attempt_timeout > Duration::from_secs(3) && app.attempt_timeout <= Duration::from_secs(60));
    assert!((1..=10).contains(&app.max_attempts) && app.calls_per_second > 0);
    assert!(app.usersig_ttl >= Duration::from_secs(600) && app.usersig_ttl.subsec_nanos() == 0);
    let base = app.upstream.base_url();
    let url: Uri = format!("{base}/v4/group_open_http_svc/import_group?a=b").parse().expect("no URL");
    assert_eq!((url.host(), url.path()), (Some(app.upstream.host()), "/v4/group_open_http_svc/import_group"));
    match &app.upstream {
        Upstream::Region(_) => assert!(app.calls_per_second <= 200),
        Upstream::BaseUrl(_) => assert!(base.starts_with("https://") || app.upstream.is_loopback(), "{base}"),
    }
    assert!(!base.contains('@'), "a password in {base}");
}

fn assert_caller(caller: &Caller, apps: &BTreeSet<&str>, certificates: bool) {
    assert!((1..=1_000).contains(&caller.weight) && caller.max_calls_per_second != Some(0));
    assert!(!caller.apps.is_empty() && caller.apps.iter().all(|app| apps.contains(app.as_str())));
    assert!(!caller.token_sha256.is_empty() || (caller.tls_name.is_some() && certificates), "nothing tells it");
}

/// A secret in the wrong place is told by no message, whatever stands behind it.
fn assert_discreet(rest: &str) {
    let app = |line: &str| format!("{LEAST}secret_key_file = \"/k\"\n{line}{rest}");
    let caller = |line: &str| {
        format!("{LEAST}secret_key_file = \"/k\"\n[[callers]]\nname = \"b\"\napps = [\"prod\"]\n{line}{rest}")
    };
    let mut texts = vec![
        app(&format!("secret_key = \"{SECRET}")),
        format!("{LEAST}secret_key_file = \"{SECRET}{rest}"),
        format!("{LEAST}secret_key_env = \"{SECRET} {rest}"),
        caller(&format!("token_sha256 = [\"{SECRET}")),
        caller(&format!("token = \"{SECRET}")),
        app(&format!("[rate_limit]\nbackend = \"redis\"\nredis_url = \"redis://u:{SECRET}")),
        app(&format!("[rate_limit]\nbackend = \"redis\"\nredis_url = \"rediss://h/?password={SECRET}")),
    ];
    if rest.split(['"', '\\', '\n']).next().is_some_and(|value| value.contains('@')) {
        texts.push(format!("{}base_url = \"https://u:{SECRET}{rest}", LEAST.replace("region = \"singapore\"\n", "")));
    }
    // One at a time, so that the rest keeps its pace.
    let text = texts.swap_remove(rest.len() % texts.len());
    let told = match Config::parse(&text, "gateway.toml", &BTreeMap::new()) {
        Ok(config) => format!("{config:?}"),
        Err(faults) => faults.to_string(),
    };
    // A path to a key file, and the name of a variable, are no secrets where they are right.
    let place = ["File", "Env"].iter().any(|kind| told.contains(&format!("secret_key: {kind}(\"{SECRET}")));
    assert!(place || !told.contains(SECRET), "{told}");
}
