//! A table of the configuration, read key by key; what nobody read is a fault in the end.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::nearest;
use super::overlay::{PREFIX, segment};
use super::source::Source;
use super::values::{Problem, Raw};
use crate::config::Place;

/// One table, in the file or in the environment alone or in both.
pub(super) struct Table<'a> {
    source: &'a Source<'a>,
    /// Such as `apps[0]`; empty at the root.
    path: String,
    /// The same with the row left out, as the table of keys has it: `apps[]`.
    shape: String,
    /// What its variables begin with; `None` for a row whose name is missing or no string.
    prefix: Option<String>,
    place: Place,
    entries: Option<&'a DeTable<'a>>,
    known: Vec<&'static str>,
}

/// One element of a list.
pub(super) struct Item<T> {
    pub(super) value: T,
    pub(super) key: String,
    pub(super) place: Place,
}

impl<'a> Table<'a> {
    /// The whole file.
    pub(super) fn root(source: &'a Source<'a>, entries: &'a DeTable<'a>) -> Self {
        Self {
            source,
            path: String::new(),
            shape: String::new(),
            prefix: Some(PREFIX.to_owned()),
            place: source.place(),
            entries: Some(entries),
            known: Vec::new(),
        }
    }

    /// A table within this one.
    pub(super) fn section(&mut self, key: &'static str) -> Table<'a> {
        self.known.push(key);
        let prefix = self.prefix.as_ref().map(|prefix| format!("{prefix}{}__", segment(key)));
        let variable = prefix.as_ref().and_then(|prefix| self.source.overlay.first(prefix));
        let mut place = variable.map_or_else(|| self.place.clone(), |variable| Place::Variable(variable.name.clone()));
        let mut entries = None;
        if let Some((value, span)) = self.entry(key) {
            place = self.source.line(span);
            entries = value.as_table();
            if entries.is_none() {
                self.fault(key, format!("expected a table, found {}", Raw::File(value).shown(key)));
            }
        }
        let (path, shape) = (self.key(key), joined(&self.shape, key));
        Table { source: self.source, path, shape, prefix, place, entries, known: Vec::new() }
    }

    /// The tables of a list, such as `[[apps]]`; variables find each by its `name`. `None` if what
    /// is there is no list of tables, which is noted.
    pub(super) fn rows(&mut self, key: &'static str) -> Option<Vec<Table<'a>>> {
        self.known.push(key);
        let Some((value, _)) = self.entry(key) else {
            return Some(Vec::new());
        };
        let rows = value.as_array().filter(|rows| rows.iter().all(|row| row.get_ref().is_table()));
        if rows.is_none() {
            self.fault(key, format!("expected an array of tables: write [[{key}]]"));
        }
        let row = |(index, row): (usize, &'a toml::Spanned<DeValue<'a>>)| {
            let entries = row.get_ref().as_table();
            let name = entries.and_then(|table| table.get("name")?.get_ref().as_str());
            Table {
                source: self.source,
                path: format!("{key}[{index}]"),
                shape: format!("{key}[]"),
                prefix: name.map(|name| format!("{PREFIX}{}__{}__", segment(key), segment(name))),
                place: self.source.line(row.span()),
                entries,
                known: Vec::new(),
            }
        };
        Some(rows?.iter().enumerate().map(row).collect())
    }

    /// A key that need not be there. `None` if it is not, or if it is wrong, which is noted.
    pub(super) fn optional<T>(
        &mut self,
        key: &'static str,
        read: impl Fn(&Raw<'a>) -> Result<T, Problem>,
    ) -> Option<T> {
        self.known.push(key);
        if let Some(name) = self.variable(key) {
            let variable = self.source.overlay.get(&name);
            let fresh = self.source.overlay.know(name);
            if let Some(variable) = variable {
                if !fresh {
                    self.fault(key, "this variable means several tables: their names are alike in capitals");
                }
                return self.noted(key, read, Raw::Variable(&variable.value));
            }
        }
        let (value, _) = self.entry(key)?;
        self.noted(key, read, Raw::File(value))
    }

    /// A key with a default, which also stands in for a wrong value once that is noted.
    pub(super) fn value<T>(
        &mut self,
        key: &'static str,
        default: T,
        read: impl Fn(&Raw<'a>) -> Result<T, Problem>,
    ) -> T {
        self.optional(key, read).unwrap_or(default)
    }

    /// A key that must be there.
    pub(super) fn required<T>(
        &mut self,
        key: &'static str,
        read: impl Fn(&Raw<'a>) -> Result<T, Problem>,
    ) -> Option<T> {
        let value = self.optional(key, read);
        if !self.has(key) {
            self.fault(key, "missing");
        }
        value
    }

    /// The key that names a row, out of reach of variables: they find the row by it.
    pub(super) fn name<T>(&mut self, read: impl Fn(&Raw<'a>) -> Result<T, Problem>) -> Option<T> {
        let prefix = self.prefix.take();
        let name = self.required("name", read);
        self.prefix = prefix;
        name
    }

    /// A list's elements, those that are right; a list must not be empty. Variables don't reach it.
    pub(super) fn list<T>(&mut self, key: &'static str, read: impl Fn(&Raw<'a>) -> Result<T, Problem>) -> Vec<Item<T>> {
        self.known.push(key);
        if let Some(name) = self.variable(key) {
            if self.source.overlay.get(&name).is_some() {
                self.fault(key, "a list can be set in the file only");
            }
            self.source.overlay.know(name);
        }
        let mut items = Vec::new();
        let Some((value, _)) = self.entry(key) else {
            return items;
        };
        let elements = match value.as_array() {
            Some(elements) if !elements.is_empty() => elements,
            _ => {
                let found = if value.is_array() { "an empty one" } else { &Raw::File(value).shown(key) };
                self.fault(key, format!("expected an array, found {found}"));
                return items;
            }
        };
        for (index, element) in elements.iter().enumerate() {
            let name = format!("{}[{index}]", self.key(key));
            let (raw, place) = (Raw::File(element.get_ref()), self.source.line(element.span()));
            match read(&raw) {
                Ok(value) => items.push(Item { value, key: name, place }),
                Err(problem) => self.source.fault(place, &name, told(problem, raw, key)),
            }
        }
        items
    }

    /// Of two keys that stand for each other exactly one must be there.
    pub(super) fn either(&self, one: &str, other: &str) {
        match (self.has(one), self.has(other)) {
            (true, true) => self.fault(other, format!("stands beside `{one}`: only one of them may")),
            (false, false) => self.fault(one, format!("missing: give it, or `{other}`")),
            _ => {}
        }
    }

    /// Whether the table is there at all.
    pub(super) fn is_present(&self) -> bool {
        let prefix = self.prefix.as_ref();
        self.entries.is_some() || prefix.is_some_and(|p| self.source.overlay.first(p).is_some())
    }

    /// Whether a key is there, right or wrong.
    pub(super) fn has(&self, key: &str) -> bool {
        self.set_by(key).is_some() || self.entry(key).is_some()
    }

    /// Where a key stands, or else its table.
    pub(super) fn place(&self, key: &str) -> Place {
        match (self.set_by(key), self.entry(key)) {
            (Some(name), _) => Place::Variable(name.to_owned()),
            (None, Some((_, span))) => self.source.line(span),
            (None, None) => self.place.clone(),
        }
    }

    /// A key's full name, such as `apps[0].region`.
    pub(super) fn key(&self, key: &str) -> String {
        joined(&self.path, key)
    }

    /// The table's full name, such as `apps[0]`.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Notes what is wrong about a key.
    pub(super) fn fault(&self, key: &str, problem: impl Into<String>) {
        self.source.fault(self.place(key), &self.key(key), problem);
    }

    /// Notes what is wrong at a place within the table.
    pub(super) fn fault_at(&self, place: Place, key: &str, problem: impl Into<String>) {
        self.source.fault(place, key, problem);
    }

    /// Notes the keys that nobody read.
    pub(super) fn finish(self) {
        for (key, _) in self.entries.into_iter().flatten() {
            let name: &str = key.get_ref();
            if !self.known.contains(&name) {
                let problem = nearest::unknown_key(&self.shape, name, &self.known);
                let name = name.escape_debug().to_string(); // TOML lets a key hold line breaks
                self.source.fault(self.source.line(key.span()), &self.key(&name), problem);
            }
        }
    }

    fn noted<T>(&self, key: &str, read: impl Fn(&Raw<'a>) -> Result<T, Problem>, raw: Raw<'a>) -> Option<T> {
        match read(&raw) {
            Ok(value) => Some(value),
            Err(problem) => {
                self.fault(key, told(problem, raw, key));
                None
            }
        }
    }

    fn variable(&self, key: &str) -> Option<String> {
        self.prefix.as_ref().map(|prefix| format!("{prefix}{}", segment(key)))
    }

    fn set_by(&self, key: &str) -> Option<&str> {
        let variable = self.source.overlay.get(&self.variable(key)?)?;
        Some(&variable.name)
    }

    /// A key's value, and where the key begins: an array's value may begin lines below it.
    fn entry(&self, key: &str) -> Option<(&'a DeValue<'a>, Range<usize>)> {
        let (key, value) = self.entries?.get_key_value(key)?;
        Some((value.get_ref(), key.span()))
    }
}

fn told(problem: Problem, raw: Raw<'_>, key: &str) -> String {
    match problem {
        Problem::Not(expected) => format!("expected {expected}, found {}", raw.shown(key)),
        Problem::Because(text) => text,
    }
}

fn joined(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}
