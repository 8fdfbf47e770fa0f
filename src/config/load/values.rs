//! Readers of single values: each takes what the file or a variable holds and says what it expected.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use toml::de::DeValue;

use super::nearest;
use crate::config::{Expected, keys};

/// A value as it was found.
#[derive(Clone, Copy)]
pub(super) enum Raw<'a> {
    File(&'a DeValue<'a>),
    /// A variable's text, which may stand for any scalar.
    Variable(&'a str),
}

/// Why a value was refused.
pub(super) enum Problem {
    /// It is not what it should be; what was found is told beside it, if it may be.
    Not(Expected),
    /// It is told whole.
    Because(String),
}

impl From<Expected> for Problem {
    fn from(expected: Expected) -> Self {
        Problem::Not(expected)
    }
}

fn not<T>(what: impl Into<std::borrow::Cow<'static, str>>) -> Result<T, Problem> {
    Err(Problem::Not(Expected::new(what)))
}

impl Raw<'_> {
    fn as_str(&self) -> Option<&str> {
        match self {
            Raw::File(value) => value.as_str(),
            Raw::Variable(text) => Some(text),
        }
    }

    fn as_integer(&self) -> Option<i128> {
        match self {
            Raw::File(value) => {
                value.as_integer().and_then(|number| i128::from_str_radix(number.as_str(), number.radix()).ok())
            }
            Raw::Variable(text) => text.trim().parse().ok(),
        }
    }

    /// What was found, as far as the log may know: of a secret only what kind of value it is.
    pub(super) fn shown(&self, key: &str) -> String {
        let Some(text) = self.as_str() else {
            return match self {
                Raw::File(DeValue::Integer(number)) if !is_secret(key) => format!("integer {number}"),
                Raw::File(DeValue::Float(number)) if !is_secret(key) => format!("float {number}"),
                Raw::File(DeValue::Boolean(value)) => format!("boolean {value}"),
                Raw::File(value) => format!("{} {}", article(value.type_str()), value.type_str()),
                Raw::Variable(_) => "a string".to_owned(),
            };
        };
        let length = text.chars().count();
        if is_secret(key) || (key.contains("url") && text.contains('@')) || is_key_like(text) {
            format!("a string of {length} characters")
        } else if length > LONGEST_SHOWN {
            format!("{:?}…", text.chars().take(LONGEST_SHOWN).collect::<String>())
        } else {
            format!("{text:?}")
        }
    }
}

/// Longest value that a fault shows whole, in characters.
const LONGEST_SHOWN: usize = 80;

fn article(noun: &str) -> &'static str {
    if noun.starts_with(['a', 'i']) { "an" } else { "a" }
}

/// Keys whose values no message may hold, a wrong value being as likely as not the secret itself.
fn is_secret(key: &str) -> bool {
    ["key", "secret", "token", "password", "redis_url"].iter().any(|word| key.contains(word))
}

/// Chat's secret keys are 64 hexadecimal digits, and so are the hashes of tokens.
fn is_key_like(text: &str) -> bool {
    text.len() >= 64 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Any text but an empty one.
pub(super) fn text(raw: &Raw<'_>) -> Result<String, Problem> {
    match raw.as_str() {
        Some(text) if !text.is_empty() => Ok(text.to_owned()),
        _ => not("a string that is not empty"),
    }
}

/// A file's path.
pub(super) fn path(raw: &Raw<'_>) -> Result<PathBuf, Problem> {
    match raw.as_str() {
        Some(text) if is_key_like(text) => not("a file's path, and this looks like a key itself"),
        Some(text) if !text.is_empty() => Ok(PathBuf::from(text)),
        _ => not("a file's path"),
    }
}

/// The name of a variable that holds a secret key.
pub(super) fn variable_name(raw: &Raw<'_>) -> Result<String, Problem> {
    let fits = |text: &str| {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        text.bytes().all(plain) && !text.starts_with(|c: char| c.is_ascii_digit())
    };
    match raw.as_str() {
        Some(text) if is_key_like(text) => {
            not("the name of an environment variable, and this looks like the key itself")
        }
        Some(text) if !text.is_empty() && fits(text) => Ok(text.to_owned()),
        _ => not("the name of an environment variable"),
    }
}

/// A text that says itself whether it fits.
pub(super) fn parsed<T: FromStr<Err: Display>>(raw: &Raw<'_>) -> Result<T, Problem> {
    let parse = |text: &str| text.parse().map_err(|error: T::Err| Expected::new(error.to_string()));
    parsed_by(parse)(raw)
}

/// A text that `parse` takes.
pub(super) fn parsed_by<T>(parse: impl Fn(&str) -> Result<T, Expected>) -> impl Fn(&Raw<'_>) -> Result<T, Problem> {
    move |raw| match (raw.as_str(), parse(raw.as_str().unwrap_or_default())) {
        (Some(_), Ok(value)) => Ok(value),
        (_, Err(expected)) => Err(expected.into()),
        (None, Ok(_)) => not("a string"),
    }
}

/// One of a few names.
pub(super) fn choice<T: Copy>(
    what: &'static str,
    all: &[T],
    name: fn(T) -> &'static str,
) -> impl Fn(&Raw<'_>) -> Result<T, Problem> {
    move |raw| {
        let names = || all.iter().map(|value| name(*value));
        let list = names().collect::<Vec<_>>().join(", ");
        let Some(given) = raw.as_str() else {
            return not(format!("one of {list}"));
        };
        let found = all.iter().find(|value| name(**value) == given);
        found.copied().ok_or_else(|| {
            let near = nearest::name(given, names()).map_or(String::new(), |near| format!("; did you mean `{near}`?"));
            Problem::Because(format!("unknown {what} {}; one of {list}{near}", raw.shown(what)))
        })
    }
}

/// `true` or `false`.
pub(super) fn boolean(raw: &Raw<'_>) -> Result<bool, Problem> {
    match raw {
        Raw::File(DeValue::Boolean(value)) => Ok(*value),
        Raw::Variable("true") => Ok(true),
        Raw::Variable("false") => Ok(false),
        _ => not("true or false"),
    }
}

/// A whole number within a range.
pub(super) fn integer<T: TryFrom<i128> + PartialOrd + Display>(
    range: RangeInclusive<T>,
) -> impl Fn(&Raw<'_>) -> Result<T, Problem> {
    move |raw| match raw.as_integer().and_then(|number| T::try_from(number).ok()) {
        Some(number) if range.contains(&number) => Ok(number),
        _ => not(format!("a whole number from {} to {}", range.start(), range.end())),
    }
}

/// A duration within a range.
pub(super) fn duration(range: RangeInclusive<Duration>) -> impl Fn(&Raw<'_>) -> Result<Duration, Problem> {
    move |raw| match raw.as_str().and_then(|text| humantime::parse_duration(text).ok()) {
        Some(duration) if range.contains(&duration) => Ok(duration),
        Some(_) => {
            let (least, most) = (keys::duration(*range.start()), keys::duration(*range.end()));
            not(format!("a duration from {least} to {most}"))
        }
        None => not("a duration such as \"5s\""),
    }
}
