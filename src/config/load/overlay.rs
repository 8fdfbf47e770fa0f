//! The environment variables that set keys: `GATEWAY_SERVER__LISTEN`, `GATEWAY_APPS__PROD__REGION`.
//!
//! Only names with a double underscore count. Kubernetes gives every pod variables such as
//! `GATEWAY_PORT` for a service called `gateway`, and those hold none.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use super::nearest;
use crate::config::Environment;

/// What every variable of ours begins with.
pub(super) const PREFIX: &str = "GATEWAY_";

/// The variables that set keys, and which names are known so far.
pub(super) struct Overlay {
    /// By their names in capitals with `_` for `-`.
    variables: BTreeMap<String, Variable>,
    known: RefCell<BTreeSet<String>>,
}

/// A variable that sets a key.
pub(super) struct Variable {
    /// Its name as it is set.
    pub(super) name: String,
    pub(super) value: String,
}

impl Overlay {
    pub(super) fn new(env: &dyn Environment) -> Self {
        let variables = env
            .vars()
            .into_iter()
            .filter(|(name, _)| name.starts_with(PREFIX) && name.contains("__"))
            .map(|(name, value)| (segment(&name), Variable { name, value }))
            .collect();
        Self { variables, known: RefCell::default() }
    }

    /// The variable of that name, if it is set.
    pub(super) fn get(&self, name: &str) -> Option<&Variable> {
        self.variables.get(name)
    }

    /// The first variable whose name begins so.
    pub(super) fn first(&self, prefix: &str) -> Option<&Variable> {
        let (name, variable) = self.variables.range(prefix.to_owned()..).next()?;
        name.starts_with(prefix).then_some(variable)
    }

    /// Makes a name known; `false` if it was known already, so that a variable of it means two keys.
    pub(super) fn know(&self, name: String) -> bool {
        self.known.borrow_mut().insert(name)
    }

    /// Each variable that sets no known key, with what is wrong about it.
    pub(super) fn left_over(&self) -> Vec<(String, String)> {
        let known = self.known.borrow();
        let unknown = self.variables.iter().filter(|(name, _)| !known.contains(*name));
        unknown.map(|(name, variable)| (variable.name.clone(), problem(name, &known))).collect()
    }
}

/// A part of a variable's name: an app called `eu-1` is `EU_1` there.
pub(super) fn segment(name: &str) -> String {
    name.to_ascii_uppercase().replace('-', "_")
}

fn problem(name: &str, known: &BTreeSet<String>) -> String {
    if let Some(secret) = nearest::pasted_secret(name.rsplit("__").next().unwrap_or_default()) {
        return secret.to_owned();
    }
    let mut parts = name[PREFIX.len()..].split("__");
    if let (Some(table @ ("APPS" | "CALLERS")), Some(row), Some(_)) = (parts.next(), parts.next(), parts.next()) {
        let prefix = format!("{PREFIX}{table}__{row}__");
        if !known.iter().any(|name| name.starts_with(&prefix)) {
            let (table, row) = (table.to_ascii_lowercase(), row.to_ascii_lowercase());
            let row = row.escape_debug();
            return format!("no [[{table}]] of the file is called `{row}`: a variable changes one, it adds none");
        }
    }
    match nearest::variable(name, known) {
        Some(near) => format!("sets no known key; did you mean `{}`?", near.escape_debug()),
        None => "sets no known key (variables are named like `GATEWAY_SERVER__LISTEN`)".to_owned(),
    }
}
