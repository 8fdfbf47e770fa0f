//! What is being read, and the faults found so far.

use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;

use super::overlay::Overlay;
use crate::config::{Environment, Fault, Faults, Place};

/// The file's text, the variables laid over it, and the faults found so far.
pub(super) struct Source<'a> {
    file: Option<Arc<str>>,
    text: &'a str,
    /// Where its lines end: every value asks for its line, and a file of ten thousand apps has many.
    breaks: Vec<usize>,
    pub(super) overlay: Overlay,
    faults: RefCell<Vec<Fault>>,
}

impl<'a> Source<'a> {
    /// A file's text under its name, or nothing but the environment.
    pub(super) fn new(file: Option<&str>, text: &'a str, env: &dyn Environment) -> Self {
        let breaks = text.match_indices('\n').map(|(at, _)| at).collect();
        Self { file: file.map(Arc::from), text, breaks, overlay: Overlay::new(env), faults: RefCell::default() }
    }

    pub(super) fn text(&self) -> &'a str {
        self.text
    }

    /// The source as a whole.
    pub(super) fn place(&self) -> Place {
        self.file.clone().map_or(Place::Nowhere, Place::File)
    }

    /// The line where a span begins.
    pub(super) fn line(&self, span: Range<usize>) -> Place {
        let line = self.breaks.partition_point(|at| *at < span.start) + 1;
        self.file.clone().map_or(Place::Nowhere, |file| Place::Line(file, line, None))
    }

    pub(super) fn fault(&self, place: Place, key: &str, problem: impl Into<String>) {
        let fault = Fault { place, key: key.to_owned(), problem: problem.into() };
        self.faults.borrow_mut().push(fault);
    }

    /// Only the parser's message is told: its full text quotes the line, which may hold a secret.
    pub(super) fn syntax_fault(&self, error: &toml::de::Error) {
        let span = error.span().unwrap_or_default();
        let column = self.before(span.start).chars().rev().take_while(|c| *c != '\n').count() + 1;
        let place = match self.line(span) {
            Place::Line(file, line, _) => Place::Line(file, line, Some(column)),
            place => place,
        };
        let message = error.message().lines().collect::<Vec<_>>().join(", ");
        self.fault(place, "", message);
    }

    /// Notes the variables that nothing asked for.
    pub(super) fn finish(&self) {
        for (variable, problem) in self.overlay.left_over() {
            self.fault(Place::Variable(variable), "", problem);
        }
    }

    /// The faults so far, in the order of their places.
    pub(super) fn faults(&self) -> Faults {
        Faults::new(self.faults.take())
    }

    fn before(&self, offset: usize) -> &'a str {
        self.text.get(..offset).unwrap_or(self.text)
    }
}
