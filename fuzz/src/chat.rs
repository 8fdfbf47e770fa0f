//! Chat, as the stand-in has it: what the gateway makes is held against what
//! that takes, and the two share no code.

use std::sync::LazyLock;

use group_import_gateway::{
    config::{self, KeySource, SdkAppId, Upstream},
    credentials::Signer,
    regions::Region,
    sandbox::{App, Limits, Offline, Seen, Settings},
};
use http::Uri;
use serde_json::Value;

pub const APP: u64 = 1_400_000_000;
pub const KEY: &str = "5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e";
const ADMIN: &str = "administrator";

/// Signs as the gateway does.
static SIGNER: LazyLock<Signer> = LazyLock::new(|| signer(ADMIN, KEY));

/// A signer for an admin of the app.
pub fn signer(identifier: &str, key: &str) -> Signer {
    let app = config::App::new(
        "prod".parse().unwrap(),
        SdkAppId::new(APP).unwrap(),
        identifier,
        KeySource::Env("KEY".to_owned()),
        Upstream::Region(Region::Singapore),
    );
    Signer::new(&app, key.into())
}

/// A stand-in that knows these apps, and is never out of patience or rate.
pub fn of(apps: Vec<App>) -> Offline {
    let settings = Settings {
        apps,
        calls_per_second: u32::MAX,
        failed_checks: usize::MAX,
        seed: Some(1),
        keep_calls: 1,
        keep_bodies: false,
        ..Settings::default()
    };
    Offline::new(settings)
}

/// A stand-in with the one app, empty.
pub fn empty(limits: Limits) -> Offline {
    of(vec![App { limits, ..App::new(APP, KEY, ADMIN) }])
}

/// What a call of the gateway's is answered, and how it was seen.
pub fn call(chat: &mut Offline, command: &str, body: &[u8]) -> (Vec<u8>, Seen) {
    let signed = SIGNER.signed();
    let target: Uri = format!("/v4/group_open_http_svc/{command}?{}&random=1", signed.query()).parse().unwrap();
    let answer = chat.answer(&target, body).expect("no fault is set");
    (answer, chat.calls().pop().unwrap())
}

/// `ErrorCode` of an answer.
pub fn code(answer: &[u8]) -> u64 {
    let answer: Value = serde_json::from_slice(answer).unwrap();
    answer["ErrorCode"].as_u64().unwrap()
}
