//! Reads `[[apps]]`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::table::Table;
use super::values::{Problem, Raw, choice, duration, integer, parsed, path, text, variable_name};
use crate::config::{App, AppName, Config, Expected, FieldLimits, KeySource, SdkAppId, Upstream};
use crate::config::{LoadOptions, keys};
use crate::regions::Region;

/// The apps, and what the callers' reader needs of them.
pub(super) struct AppsRead {
    pub(super) apps: Vec<App>,
    /// Names that callers may be granted, those of apps with faults included; `None` if unreadable.
    pub(super) names: Option<BTreeSet<String>>,
}

pub(super) fn read(rows: Option<Vec<Table<'_>>>, options: LoadOptions) -> AppsRead {
    let Some(rows) = rows else {
        return AppsRead { apps: Vec::new(), names: None };
    };
    let (mut names, mut ids) = (BTreeMap::new(), BTreeMap::new());
    if options.sandbox {
        names.insert(Config::SANDBOX.to_owned(), "the app of `--sandbox`".to_owned());
    }
    let mut apps = Vec::new();
    for mut row in rows {
        let name: Option<AppName> = row.name(parsed);
        let id = row.required("sdk_app_id", sdk_app_id);
        if let Some(name) = &name
            && let Some(other) = names.insert(name.to_string(), row.path().to_owned())
        {
            row.fault("name", format!("`{name}` is the name of {other} already"));
        }
        if let Some(id) = id
            && let Some(other) = ids.insert(id, row.path().to_owned())
        {
            // Chat counts the rate for each SDKAppID, and each app here would count for itself.
            let problem = format!("{id} is the SDKAppID of {other} already, with one rate at Chat");
            row.fault("sdk_app_id", problem);
        }
        apps.extend(app(row, name, id));
    }
    AppsRead { apps, names: Some(names.into_keys().collect()) }
}

fn app(mut row: Table<'_>, name: Option<AppName>, id: Option<SdkAppId>) -> Option<App> {
    let identifier = row.required("identifier", identifier);
    let secret_key = secret_key(&mut row);
    let upstream = upstream(&mut row);
    let usersig_ttl = row.value("usersig_ttl", App::USERSIG_TTL, usersig_ttl);
    let rate = calls_per_second(&mut row, upstream.as_ref());
    let attempt_timeout = row.value("attempt_timeout", App::ATTEMPT_TIMEOUT, attempt_timeout);
    let max_attempts = row.value("max_attempts", App::MAX_ATTEMPTS, integer(1..=10));
    let field_limits = field_limits(row.section("field_limits"));
    row.finish();
    Some(App {
        usersig_ttl,
        calls_per_second: rate,
        attempt_timeout,
        max_attempts,
        field_limits,
        ..App::new(name?, id?, identifier?, secret_key?, upstream?)
    })
}

fn sdk_app_id(raw: &Raw<'_>) -> Result<SdkAppId, Problem> {
    let number = integer(1..=SdkAppId::MAX)(raw)?;
    Ok(SdkAppId::new(number)?)
}

/// A line break would forge a line of what a UserSig signs.
fn identifier(raw: &Raw<'_>) -> Result<String, Problem> {
    match text(raw) {
        Ok(text) if text.chars().any(char::is_control) => {
            Err(Expected::new("an account without control characters").into())
        }
        read => read,
    }
}

fn secret_key(row: &mut Table<'_>) -> Option<KeySource> {
    let file = row.optional("secret_key_file", path);
    let variable = row.optional("secret_key_env", variable_name);
    row.either("secret_key_file", "secret_key_env");
    file.map(KeySource::File).or(variable.map(KeySource::Env))
}

fn upstream(row: &mut Table<'_>) -> Option<Upstream> {
    let region = row.optional("region", choice("region", &Region::ALL, Region::name));
    let base_url = row.optional("base_url", parsed);
    row.either("region", "base_url");
    region.map(Upstream::Region).or(base_url.map(Upstream::BaseUrl))
}

fn usersig_ttl(raw: &Raw<'_>) -> Result<Duration, Problem> {
    // Renewal begins well before the end, which leaves no room below; what is above can only be a
    // slip of the unit.
    const LEAST: Duration = Duration::from_secs(600);
    const MOST: Duration = Duration::from_secs(50 * 8_766 * 3_600); // 50 years as humantime counts
    match duration(LEAST..=MOST)(raw)? {
        ttl if ttl.subsec_nanos() > 0 => Err(Expected::new("a duration of whole seconds").into()),
        ttl => Ok(ttl),
    }
}

fn attempt_timeout(raw: &Raw<'_>) -> Result<Duration, Problem> {
    let timeout = duration(Duration::from_millis(1)..=Duration::from_secs(60))(raw)?;
    if timeout > App::CHAT_TIMEOUT {
        return Ok(timeout);
    }
    Err(Problem::Because(format!(
        "{} is not above Chat's own {}: answers would be lost that were on their way",
        keys::duration(timeout),
        keys::duration(App::CHAT_TIMEOUT),
    )))
}

/// Stand-ins may be driven as fast as tests like, Chat itself may not.
fn calls_per_second(row: &mut Table<'_>, upstream: Option<&Upstream>) -> u32 {
    let key = "calls_per_second";
    let rate = row.value(key, App::CALLS_PER_SECOND, integer(1..=1_000_000));
    if let Some(Upstream::Region(_)) = upstream
        && rate > App::CALLS_PER_SECOND
    {
        let most = App::CALLS_PER_SECOND;
        row.fault(key, format!("{rate} is more than Chat allows: {most}, which can't be raised"));
    }
    rate
}

fn field_limits(mut table: Table<'_>) -> FieldLimits {
    const BYTES: std::ops::RangeInclusive<usize> = 1..=65_536;
    const MEMBERS: std::ops::RangeInclusive<u32> = 1..=10_000_000;
    let d = FieldLimits::default();
    let mut bytes = |key, default| table.value(key, default, integer(BYTES));
    let limits = FieldLimits {
        owner_account: bytes("owner_account", d.owner_account),
        group_id: bytes("group_id", d.group_id),
        name: bytes("name", d.name),
        introduction: bytes("introduction", d.introduction),
        notification: bytes("notification", d.notification),
        face_url: bytes("face_url", d.face_url),
        app_defined_key: bytes("app_defined_key", d.app_defined_key),
        app_defined_value: bytes("app_defined_value", d.app_defined_value),
        ..d
    };
    let mut members = |key, default| table.value(key, default, integer(MEMBERS));
    let limits = FieldLimits {
        max_member_count: members("max_member_count", d.max_member_count),
        community_max_member_count: members("community_max_member_count", d.community_max_member_count),
        ..limits
    };
    table.finish();
    limits
}
