//! What is said of a span once it ends.

use std::borrow::Cow;

use opentelemetry::{KeyValue, Value, trace::Status};

use super::parts::attribute;

/// Attributes and status of a span that ends.
#[derive(Default)]
pub struct Notes {
    attributes: Vec<KeyValue>,
    status: Option<Status>,
}

impl Notes {
    /// Sets an attribute; `key` is one of [`attribute`]'s.
    pub fn put(&mut self, key: &'static str, value: impl Into<Value>) {
        self.attributes.push(KeyValue::new(key, value));
    }

    /// Sets an attribute that counts something.
    pub fn count(&mut self, key: &'static str, value: impl TryInto<i64>) {
        self.put(key, value.try_into().unwrap_or(i64::MAX));
    }

    /// Marks the span as failed: `kind` in a word, `why` for people. Neither
    /// holds what a caller or Chat wrote.
    pub fn fail(&mut self, kind: impl Into<Cow<'static, str>>, why: impl Into<Cow<'static, str>>) {
        self.put(attribute::ERROR_TYPE, kind.into());
        self.status = Some(Status::error(why));
    }

    pub(super) fn into_parts(self) -> (Vec<KeyValue>, Option<Status>) {
        (self.attributes, self.status)
    }
}
