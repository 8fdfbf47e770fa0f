//! What is special to each of Chat's commands, one file each.

use std::sync::Arc;

use bytes::Bytes;

use self::rules::Violations;
use crate::{
    config::{FieldLimits, SdkAppId},
    outbound::{
        call::{Answer, Command},
        settle::Goal,
    },
};

pub mod import_group;
pub mod rules;

/// All that is special to one command.
pub trait Operation {
    /// What the caller sends.
    type Request: Send;
    /// What it gets.
    type Reply: Send;

    /// The command at Chat.
    fn command() -> &'static Command;
    /// The app that the request names, if it names one.
    fn app(request: &Self::Request) -> &str;
    /// Whether nothing is to be sent.
    fn validate_only(request: &Self::Request) -> bool;
    /// Whether the request says itself that it can be repeated safely.
    fn is_keyed(request: &Self::Request) -> bool;
    /// Its key, where that is of a kind that serves to repeat and nothing else,
    /// so that what it finds standing is its own; else nothing.
    fn request_id(request: &Self::Request) -> &str;
    /// Every rule that the request breaks; `now` in Unix seconds.
    fn check(request: &Self::Request, limits: &FieldLimits, now: i64, violations: &mut Violations);
    /// What is to be sent, for a request that passed.
    fn plan(request: Self::Request, sdk_app_id: SdkAppId) -> Plan;
    /// The reply to `validate_only`.
    fn preview(plan: &Plan) -> Self::Reply;
    /// The reply that an answer makes. None if it lacks what it must have.
    fn reply(answer: &Answer) -> Option<Self::Reply>;
}

/// What is to be sent.
#[derive(Clone)]
pub struct Plan {
    /// The JSON.
    pub body: Bytes,
    /// The group's ID, where it is known beforehand.
    pub group_id: String,
    /// The request's key, if it has one.
    pub request_id: String,
    /// What a look is compared with, where the ID is known.
    pub goal: Option<Arc<dyn Goal>>,
}
