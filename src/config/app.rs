//! `[[apps]]`: one SDKAppID each, with its admin, key, region and rate.

use std::path::PathBuf;
use std::time::Duration;

use super::{AppName, SdkAppId, Upstream};

/// One of `[[apps]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App {
    /// The name by which callers ask for it.
    pub name: AppName,
    /// Chat's number of it; no two apps share one, since they would share Chat's rate.
    pub sdk_app_id: SdkAppId,
    /// The admin account that calls are made as, often `administrator`.
    pub identifier: String,
    /// Where the secret key is found.
    pub secret_key: KeySource,
    /// Where Chat is found.
    pub upstream: Upstream,
    /// How long a UserSig serves, whole seconds.
    pub usersig_ttl: Duration,
    /// Calls a second for each command.
    pub calls_per_second: u32,
    /// How long one HTTP request to Chat may take; more than Chat's own 3 s.
    pub attempt_timeout: Duration,
    /// Attempts at one call, the first included; refusals for rate are not counted.
    pub max_attempts: u32,
    /// How long fields may be.
    pub field_limits: FieldLimits,
}

impl App {
    /// Default of `usersig_ttl`; the vendor advises no less.
    pub const USERSIG_TTL: Duration = Duration::from_secs(24 * 3_600);
    /// Default of `attempt_timeout`.
    pub const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);
    /// Default of `calls_per_second`, and the most that Chat allows for `import_group`: it can't be raised there.
    pub const CALLS_PER_SECOND: u32 = 200;
    /// Default of `max_attempts`.
    pub const MAX_ATTEMPTS: u32 = 4;
    /// Chat gives up after this long (REST API FAQ): who waits no longer turns successes into lost answers.
    pub const CHAT_TIMEOUT: Duration = Duration::from_secs(3);

    /// An app with everything else at its default.
    pub fn new(
        name: AppName,
        sdk_app_id: SdkAppId,
        identifier: impl Into<String>,
        secret_key: KeySource,
        upstream: Upstream,
    ) -> Self {
        Self {
            name,
            sdk_app_id,
            identifier: identifier.into(),
            secret_key,
            upstream,
            usersig_ttl: Self::USERSIG_TTL,
            calls_per_second: Self::CALLS_PER_SECOND,
            attempt_timeout: Self::ATTEMPT_TIMEOUT,
            max_attempts: Self::MAX_ATTEMPTS,
            field_limits: FieldLimits::default(),
        }
    }
}

/// Where an app's secret key is found; the key itself is never in the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// A file that holds it, watched for changes.
    File(PathBuf),
    /// The name of an environment variable that holds it.
    Env(String),
}

/// `[apps.field_limits]`: how long fields may be, in bytes of UTF-8, and how many members a group may have.
///
/// The defaults are those of the REST pages; newer SDK pages allow more for some.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldLimits {
    /// `owner_account`, in bytes.
    pub owner_account: usize,
    /// `group_id`, in bytes.
    pub group_id: usize,
    /// `name`, in bytes (100 on newer SDK pages).
    pub name: usize,
    /// `introduction`, in bytes (400 on newer SDK pages).
    pub introduction: usize,
    /// `notification`, in bytes (400 on newer SDK pages).
    pub notification: usize,
    /// `face_url`, in bytes (500 on newer SDK pages).
    pub face_url: usize,
    /// A custom field's key, in bytes.
    pub app_defined_key: usize,
    /// A custom field's value, in bytes.
    pub app_defined_value: usize,
    /// Largest `max_member_count` of a group that is no community.
    pub max_member_count: u32,
    /// Largest `max_member_count` of a community.
    pub community_max_member_count: u32,
}

impl Default for FieldLimits {
    fn default() -> Self {
        Self {
            owner_account: 32,
            group_id: 48,
            name: 30,
            introduction: 240,
            notification: 300,
            face_url: 100,
            app_defined_key: 16,
            app_defined_value: 512,
            max_member_count: 6_000,
            community_max_member_count: 100_000,
        }
    }
}
