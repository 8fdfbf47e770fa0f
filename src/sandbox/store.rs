//! The groups of one app. Small: a rehearsal may make a million.

use std::{collections::HashMap, time::Instant};

use axum::body::Bytes;
use serde_json::{Map, Value};

use super::fields::{GroupType, JoinOption, Wanted};

/// A group as it stands, for tests and summaries.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Its ID, chosen or assigned.
    pub group_id: String,
    /// The request's fields as received; empty without [`Settings::keep_bodies`].
    ///
    /// [`Settings::keep_bodies`]: super::Settings::keep_bodies
    pub fields: Map<String, Value>,
    /// When it was made.
    pub created_at: Instant,
    /// `Owner_Account`, if it has one.
    pub owner: Option<String>,
    /// `Type` by its old name: Work is Private here, Meeting is ChatRoom.
    pub group_type: &'static str,
    /// `Name`.
    pub name: String,
    /// `CreateTime`, Unix seconds; the time of import where the request had none.
    pub create_time: i64,
}

/// What is kept of a group.
pub(super) struct Group {
    serial: u64,
    made: Instant,
    pub(super) kind: GroupType,
    pub(super) name: Box<str>,
    pub(super) owner: Option<Box<str>>,
    pub(super) create_time: i64,
    /// Most imports have none of these.
    rest: Option<Box<Rest>>,
    body: Option<Bytes>,
}

/// The optional fields.
#[derive(Default, Clone, PartialEq)]
pub(super) struct Rest {
    pub(super) introduction: Option<Box<str>>,
    pub(super) notification: Option<Box<str>>,
    pub(super) face_url: Option<Box<str>>,
    pub(super) max_member_count: Option<i64>,
    pub(super) join_option: Option<JoinOption>,
    pub(super) support_topic: Option<bool>,
    pub(super) app_defined: Box<[(Box<str>, Box<str>)]>,
}

impl Group {
    pub(super) fn rest(&self) -> Rest {
        self.rest.as_deref().cloned().unwrap_or_default()
    }

    fn new(wanted: &Wanted<'_>, made: Instant, now: i64, body: Option<Bytes>) -> Self {
        let pair = |(key, value): &(&str, &str)| (Box::from(*key), Box::from(*value));
        let rest = Rest {
            introduction: wanted.introduction.map(Box::from),
            notification: wanted.notification.map(Box::from),
            face_url: wanted.face_url.map(Box::from),
            max_member_count: wanted.max_member_count,
            join_option: wanted.join_option,
            support_topic: wanted.support_topic,
            app_defined: wanted.app_defined.iter().map(pair).collect(),
        };
        Self {
            serial: 0,
            made,
            kind: wanted.kind,
            name: Box::from(wanted.name),
            owner: wanted.owner.map(Box::from),
            create_time: wanted.create_time.unwrap_or(now),
            rest: (rest != Rest::default()).then(|| Box::new(rest)),
            body,
        }
    }

    fn stored(&self, group_id: &str) -> Stored {
        let body = self.body.as_deref();
        Stored {
            group_id: group_id.to_owned(),
            fields: body.and_then(|b| serde_json::from_slice(b).ok()).unwrap_or_default(),
            created_at: self.made,
            owner: self.owner.as_deref().map(str::to_owned),
            group_type: self.kind.as_str(),
            name: self.name.to_string(),
            create_time: self.create_time,
        }
    }
}

/// Every group of an app, by ID.
#[derive(Default)]
pub(super) struct Groups {
    by_id: HashMap<Box<str>, Group>,
    /// The day (of UTC, since 1970) of the newest group, and how many it has seen made.
    day: (i64, usize),
}

impl Groups {
    pub(super) fn get(&self, group_id: &str) -> Option<&Group> {
        self.by_id.get(group_id)
    }

    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Groups made on that day so far.
    pub(super) fn made_on(&self, day: i64) -> usize {
        if self.day.0 == day { self.day.1 } else { 0 }
    }

    /// Adds a group whose ID must be free. `now` is in Unix seconds.
    pub(super) fn add(&mut self, group_id: &str, wanted: &Wanted<'_>, made: Instant, now: i64, body: Option<Bytes>) {
        let day = now.div_euclid(super::clock::DAY);
        self.day = (day, self.made_on(day) + 1);
        let serial = self.by_id.len() as u64;
        let group = Group { serial, ..Group::new(wanted, made, now, body) };
        self.by_id.insert(group_id.into(), group);
    }

    pub(super) fn stored(&self, group_id: &str) -> Option<Stored> {
        self.get(group_id).map(|group| group.stored(group_id))
    }

    /// All of them, in the order in which they were made.
    pub(super) fn all(&self) -> Vec<Stored> {
        let mut all: Vec<_> = self.by_id.iter().collect();
        all.sort_unstable_by_key(|(_, group)| group.serial);
        all.into_iter().map(|(group_id, group)| group.stored(group_id)).collect()
    }
}
