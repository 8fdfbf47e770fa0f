//! Reads `[[callers]]`.

use std::collections::{BTreeMap, BTreeSet};

use super::nearest;
use super::table::{Item, Table};
use super::values::{boolean, integer, parsed, parsed_by};
use crate::config::{AppName, Caller, CallerName, Expected, Place, dns_name, uri_name};

/// The callers, and what the checks across sections need of them.
pub(super) struct CallersRead {
    pub(super) callers: Vec<Caller>,
    /// Whether there are none, not even wrong ones.
    pub(super) is_empty: bool,
    /// The first place where a token is configured, and its key.
    pub(super) token: Option<(Place, String)>,
}

/// What two callers may not share, each with the table that has it.
#[derive(Default)]
struct Taken {
    names: BTreeMap<CallerName, String>,
    tokens: BTreeMap<[u8; 32], String>,
    certificates: BTreeMap<String, String>,
}

pub(super) fn read(
    rows: Option<Vec<Table<'_>>>,
    apps: Option<&BTreeSet<String>>,
    takes_certificates: bool,
) -> CallersRead {
    let mut taken = Taken::default();
    let is_empty = rows.as_ref().is_some_and(Vec::is_empty);
    let mut read = CallersRead { callers: Vec::new(), is_empty, token: None };
    for row in rows.into_iter().flatten() {
        if row.has("token_sha256") && read.token.is_none() {
            read.token = Some((row.place("token_sha256"), row.key("token_sha256")));
        }
        read.callers.extend(caller(row, &mut taken, apps, takes_certificates));
    }
    read
}

fn caller(
    mut row: Table<'_>,
    taken: &mut Taken,
    apps: Option<&BTreeSet<String>>,
    takes_certificates: bool,
) -> Option<Caller> {
    let name: Option<CallerName> = row.name(parsed);
    if let Some(name) = &name
        && let Some(other) = taken.names.insert(name.clone(), row.path().to_owned())
    {
        row.fault("name", format!("`{name}` is the name of {other} already"));
    }
    let token_sha256 = tokens(&mut row, taken);
    let tls_name = certificate(&mut row, taken, takes_certificates);
    if !row.has("token_sha256") && !row.has("tls_name") {
        row.fault("token_sha256", "missing: give it, or `tls_name`, or nothing tells the caller");
    }
    let apps = grants(&mut row, apps);
    let weight = row.value("weight", Caller::DEFAULT_WEIGHT, integer(1..=Caller::MAX_WEIGHT));
    let max_calls_per_second = row.optional("max_calls_per_second", integer(1..=1_000_000));
    let require_key = row.value("require_key", false, boolean);
    row.finish();
    let name = name?;
    Some(Caller { name, token_sha256, tls_name, apps, weight, max_calls_per_second, require_key })
}

fn tokens(row: &mut Table<'_>, taken: &mut Taken) -> Vec<[u8; 32]> {
    let items = row.list("token_sha256", parsed_by(sha256));
    for Item { value, key, place } in &items {
        if let Some(other) = taken.tokens.insert(*value, row.path().to_owned()) {
            let problem = format!("{other} has this token already, so it would not tell who calls");
            row.fault_at(place.clone(), key, problem);
        }
    }
    items.into_iter().map(|item| item.value).collect()
}

fn sha256(text: &str) -> Result<[u8; 32], Expected> {
    let wrong = || Expected::new("the 64 hexadecimal digits of a token's SHA-256");
    // Checked first, since slicing below needs one byte a character and `from_str_radix` takes `+`.
    if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(wrong());
    }
    let mut hash = [0; 32];
    for (i, byte) in hash.iter_mut().enumerate() {
        let digits = text.get(2 * i..2 * i + 2).ok_or_else(wrong)?;
        *byte = u8::from_str_radix(digits, 16).map_err(|_| wrong())?;
    }
    Ok(hash)
}

fn certificate(row: &mut Table<'_>, taken: &mut Taken, takes_certificates: bool) -> Option<String> {
    let name = row.optional("tls_name", parsed_by(san));
    if row.has("tls_name") && !takes_certificates {
        row.fault(
            "tls_name",
            "needs `server.tls.client_ca_file`, or `server.forwarded_client_cert` behind a mesh's sidecar: \
             no certificate is looked at",
        );
    }
    let other = taken.certificates.insert(name.clone()?, row.path().to_owned());
    if let Some(other) = other {
        row.fault("tls_name", format!("{other} has this certificate already"));
    }
    name
}

/// As names of certificates are compared with it.
fn san(text: &str) -> Result<String, Expected> {
    let is_name = text.bytes().all(|b| b.is_ascii_graphic());
    let name = uri_name(text).or_else(|| dns_name(text)).filter(|_| is_name);
    name.ok_or_else(|| Expected::new("a URI or DNS name, such as \"spiffe://example.org/billing\""))
}

fn grants(row: &mut Table<'_>, apps: Option<&BTreeSet<String>>) -> Vec<AppName> {
    let items: Vec<Item<AppName>> = row.list("apps", parsed);
    if !row.has("apps") {
        row.fault("apps", "missing: name the apps that the caller may use");
    }
    for Item { value, key, place } in &items {
        if let Some(apps) = apps
            && !apps.contains(value.as_str())
        {
            let near = nearest::name(value.as_str(), apps.iter().map(String::as_str))
                .map_or(String::new(), |near| format!("; did you mean `{near}`?"));
            row.fault_at(place.clone(), key, format!("no app is called `{value}`{near}"));
        }
    }
    items.into_iter().map(|item| item.value).collect()
}
