//! What an unknown name was meant to be.

use std::collections::BTreeSet;

use crate::config::KEYS;

/// What is wrong about a key of the table at `path` that knows only `known`.
pub(super) fn unknown_key(path: &str, key: &str, known: &[&'static str]) -> String {
    if let Some(secret) = pasted_secret(key) {
        return secret.to_owned();
    }
    if let Some(near) = name(key, known.iter().copied()) {
        return format!("unknown key; did you mean `{near}`?");
    }
    let home = KEYS.iter().find_map(|row| {
        let (table, last) = row.path.rsplit_once('.')?;
        (last == key && table != path).then_some(table)
    });
    match home {
        Some(home) => format!("unknown key here; it belongs in {}", header(home)),
        None => format!("unknown key; known here: {}", known.join(", ")),
    }
}

/// What to say to someone who set the secret itself where only the way to it belongs.
pub(super) fn pasted_secret(key: &str) -> Option<&'static str> {
    match key.to_ascii_lowercase().replace(['_', '-'], "").as_str() {
        "secretkey" | "secret" | "key" | "sdksecretkey" | "privatekey" => Some(
            "the secret key itself is never configured: \
             name its place with secret_key_file or secret_key_env",
        ),
        "token" | "tokens" | "bearertoken" => {
            Some("the token itself is never configured: give its hash with token_sha256")
        }
        _ => None,
    }
}

/// The nearest of some names, if it is near at all. Case and underscores don't count: `SdkAppId`
/// is one mistake, not three.
pub(super) fn name<'a>(given: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    /// Below it, pairs that have nothing to do with each other begin to turn up.
    const NEAR: f64 = 0.85;
    let plain = |text: &str| text.to_ascii_lowercase().replace(['_', '-'], "");
    best(known, NEAR, |name| strsim::jaro_winkler(&plain(given), &plain(name)))
}

/// The nearest variable. Their common beginnings would make all of them near by the measure that
/// serves for keys, so this one counts edits.
pub(super) fn variable<'a>(given: &str, known: &'a BTreeSet<String>) -> Option<&'a str> {
    const NEAR: f64 = 0.8;
    let known = known.iter().map(String::as_str);
    best(known, NEAR, |name| strsim::normalized_damerau_levenshtein(given, name))
}

fn best<'a>(names: impl Iterator<Item = &'a str>, near: f64, score: impl Fn(&str) -> f64) -> Option<&'a str> {
    let scored = names.map(|name| (score(name), name)).filter(|(score, _)| *score >= near);
    scored.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, name)| name)
}

/// A table's path as its header is written.
fn header(table: &str) -> String {
    if table.ends_with("[]") {
        format!("[[{}]]", table.trim_end_matches("[]"))
    } else {
        format!("[{}]", table.replace("[]", ""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_case_and_underscores_are_seen_through() {
        let known = ["max_member_count", "sdk_app_id", "listen", "calls_per_second"];
        let near = |given| name(given, known.into_iter());
        assert_eq!(near("MaxMemberNum"), Some("max_member_count"));
        assert_eq!(near("SdkAppId"), Some("sdk_app_id"));
        assert_eq!(near("lsiten"), Some("listen"));
        assert_eq!(near("colour"), None);
    }

    #[test]
    fn a_key_of_another_table_is_sent_home() {
        let known = ["name", "weight"];
        let text = unknown_key("callers[]", "usersig_ttl", &known);
        assert_eq!(text, "unknown key here; it belongs in [[apps]]");
        let text = unknown_key("callers[]", "introduction", &known);
        assert_eq!(text, "unknown key here; it belongs in [apps.field_limits]");
        let text = unknown_key("callers[]", "colour", &known);
        assert_eq!(text, "unknown key; known here: name, weight");
    }
}
