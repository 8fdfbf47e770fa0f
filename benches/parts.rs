//! What the parts of a call cost, in processor time: checking and converting a group, signing, Chat's answer, errors.
//!
//! `cargo bench --bench parts`
//!
//! Admission has a benchmark of its own (`admission`), and the whole way one too (`examples/bench/run`). Each figure is
//! the median of rounds of many; what the parts are given is made before the clock runs.
#![expect(clippy::print_stdout, reason = "its table is what it is for")]

use std::{
    error::Error,
    hint::black_box,
    time::{Duration, Instant},
};

use group_import_gateway::{
    commands::{
        Operation,
        import_group::{IMPORT_GROUP, ImportGroup, derive},
        rules::Violations,
    },
    config::{FieldLimits, SdkAppId},
    credentials::usersig::{self, Claims},
    errors::{CallError, Failure, Lost, Reason, Refusal},
    outbound::look::GET_GROUP_INFO,
    proto::{AppDefinedField, Group, GroupType, ImportGroupRequest},
    wire,
};
use prost::Message as _;

/// Fits into a processor's cache, and is long enough for the clock.
const A_ROUND: usize = 1_000;
const ROUNDS: usize = 101;
/// Unix seconds; whether a creation time lies ahead of it is one of the rules.
const NOW: i64 = 1_790_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let app = SdkAppId::new(1_400_000_000).map_err(|expected| expected.to_string())?;
    let limits = FieldLimits::default();
    let (keyed, by_request_id) = (request("bench-000000000001", ""), request("", "bench-000000000001"));
    let mut bad = keyed.clone();
    bad.group.get_or_insert_default().name = "far too long for a name ".repeat(5);
    let encoded = keyed.encode_to_vec();
    println!("| part | a call |\n|---|---:|");

    line("decode a request of the wire", || ImportGroupRequest::decode(&*encoded));
    line("check it: every rule holds", || check(&keyed, &limits));
    line("check one that breaks a rule", || check(&bad, &limits));
    taking("convert it to Chat's JSON, and what a look is compared with", &keyed, |it| ImportGroup::plan(it, app));
    taking("the same, where `request_id` makes its ID", &by_request_id, |it| ImportGroup::plan(it, app));
    line("the ID that a `request_id` stands for", || {
        derive::group_id(app, &by_request_id.request_id, GroupType::Public)
    });

    let key = "a-key-of-this-benchmark".into();
    let claims = Claims { sdk_app_id: app.get(), identifier: "administrator", time: 1_790_000_000, expire: 86_400 };
    line("sign: a UserSig, once in its life of hours", || usersig::sign(&key, &claims));

    let ok = br#"{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0,"GroupId":"bench-000000000001"}"#;
    let refused = br#"{"ActionStatus":"FAIL","ErrorCode":10021,"ErrorInfo":"group id has been used!"}"#;
    let found = br#"{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0,"GroupInfo":[{"ErrorCode":0,"GroupId":"bench-000000000001",
        "Type":"Public","Name":"Group","Owner_Account":"owner-1","CreateTime":1447000000}]}"#;
    line("read an answer that is OK", || wire::read(ok, IMPORT_GROUP.needs));
    line("read one that refuses", || wire::read(refused, IMPORT_GROUP.needs));
    line("read what a look found", || wire::read(found, GET_GROUP_INFO.needs));

    let failed = |reason| Failure { app: Some("prod".into()), ..Failure::early(reason) };
    let mut violations = Violations::default();
    ImportGroup::check(&bad, &limits, NOW, &mut violations);
    let errors = [
        ("a status: a rule broken, with its violation", Reason::Invalid(violations.into_vec())),
        ("a status: refused by Chat", Reason::Call(CallError::Refused(Refusal::new(10_007, "not the owner")))),
        ("a status: an answer lost", Reason::Call(CallError::Lost(Lost::Late))),
    ];
    for (name, reason) in errors {
        let failure = failed(reason);
        line(name, || failure.to_status());
    }
    Ok(())
}

/// A group as a migration has it.
fn request(group_id: &str, request_id: &str) -> ImportGroupRequest {
    let field = |key: &str| AppDefinedField { key: key.to_owned(), value: "a value of some length".to_owned() };
    let group = Group {
        r#type: GroupType::Public.into(),
        name: "Group".to_owned(),
        group_id: group_id.to_owned(),
        owner_account: "owner-1".to_owned(),
        introduction: "One of many that are brought over".to_owned(),
        app_defined_data: vec![field("old_id"), field("old_kind")],
        ..Group::default()
    };
    let request_id = request_id.to_owned();
    ImportGroupRequest { app: "prod".to_owned(), group: Some(group), request_id, ..ImportGroupRequest::default() }
}

fn check(request: &ImportGroupRequest, limits: &FieldLimits) -> Violations {
    let mut violations = Violations::default();
    ImportGroup::check(request, limits, NOW, &mut violations);
    violations
}

fn line<R>(name: &str, mut part: impl FnMut() -> R) {
    print(name, || {
        let since = Instant::now();
        (0..A_ROUND).for_each(|_| drop(black_box(part())));
        since.elapsed()
    });
}

/// A part that uses up what it is given.
fn taking<T: Clone, R>(name: &str, given: &T, mut part: impl FnMut(T) -> R) {
    print(name, || {
        let given = vec![given.clone(); A_ROUND];
        let since = Instant::now();
        given.into_iter().for_each(|it| drop(black_box(part(it))));
        since.elapsed()
    });
}

fn print(name: &str, mut round: impl FnMut() -> Duration) {
    let mut rounds: Vec<_> = (0..ROUNDS).map(|_| round()).collect();
    rounds.sort_unstable();
    println!("| {name} | {} ns |", rounds[ROUNDS / 2].as_nanos() / A_ROUND as u128);
}
