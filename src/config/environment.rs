//! The process's environment, behind a trait so that tests give a map instead.

use std::collections::BTreeMap;

/// Where environment variables are read.
pub trait Environment {
    /// Every variable whose name and value are valid UTF-8.
    fn vars(&self) -> Vec<(String, String)>;

    /// One variable; `None` where it is not set.
    fn get(&self, name: &str) -> Option<String> {
        self.vars().into_iter().find_map(|(n, value)| (n == name).then_some(value))
    }
}

/// The environment of this process. Nothing else in the crate reads it.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProcessEnv;

impl Environment for ProcessEnv {
    fn vars(&self) -> Vec<(String, String)> {
        // `vars_os`, since `vars` panics on a name or value that is not UTF-8, whoever's it is.
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect()
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    fn get(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }
}

impl Environment for BTreeMap<String, String> {
    fn vars(&self) -> Vec<(String, String)> {
        self.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    fn get(&self, name: &str) -> Option<String> {
        BTreeMap::get(self, name).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_and_a_map_answer_alike() {
        let map: BTreeMap<String, String> = ProcessEnv.vars().into_iter().collect();
        assert_eq!(ProcessEnv.get("PATH"), Environment::get(&map, "PATH"));
        assert_eq!(Environment::get(&map, "NO_SUCH_VARIABLE"), None);
    }
}
