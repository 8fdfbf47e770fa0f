#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::HashMap;

use tonic::Code;
use tonic_types::{ErrorDetails, StatusExt as _};

use super::{super::ending, *};
use crate::proto::{Group, ImportGroupResponse};

fn item(group_id: &str, request_id: &str) -> Item {
    let group = Some(Group { group_id: group_id.into(), ..Group::default() });
    let request = ImportGroupRequest { group, request_id: request_id.into(), ..Default::default() };
    Item { line: 7, request, maybe: false, tries: 0 }
}

fn answer(code: Code, reason: &str, metadata: &[(&str, &str)], after: Option<u64>) -> ImportGroupsResponse {
    let mut details = ErrorDetails::new();
    let metadata = metadata.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    details.set_error_info(reason, "group-import-gateway", metadata.collect::<HashMap<_, _>>());
    if after.is_some() {
        details.set_retry_info(after.map(Duration::from_secs));
    }
    let status = tonic::Status::with_error_details(code, "m", details);
    let status = pb::Status::decode(status.details()).unwrap();
    ImportGroupsResponse { item_id: "7".into(), outcome: Some(Outcome::Error(status)) }
}

const NO: (&str, &str) = ("applied", "no");
const UNKNOWN: (&str, &str) = ("applied", "unknown");

fn failed(verdict: Verdict) -> Failure {
    match verdict {
        Verdict::Close(Ending { outcome: ending::Outcome::Failed(failure), .. }) => failure,
        other => panic!("{other:?}"),
    }
}

#[test]
fn success_settles() {
    let imported = ImportGroupResponse { group_id: "g".into(), reconciled: true };
    let answer = ImportGroupsResponse { item_id: "7".into(), outcome: Some(Outcome::Imported(imported)) };
    assert_eq!(item("g", "").judge(answer), Verdict::Close(Ending::imported(7, "g".into(), true)));
}

#[test]
fn a_refusal_of_the_group_settles() {
    let refused = answer(Code::InvalidArgument, "INVALID_REQUEST", &[NO], None);
    assert_eq!(failed(item("g", "").judge(refused)).reason, "INVALID_REQUEST");
}

#[test]
fn a_group_that_stands_counts_as_imported_only_after_a_sending_that_may_have_made_it() {
    let same = || answer(Code::AlreadyExists, "GROUP_ID_IN_USE", &[NO, ("existing", "same")], None);
    assert_eq!(failed(item("g", "").judge(same())).reason, "GROUP_ID_IN_USE");
    let again = Item { maybe: true, ..item("g", "") };
    assert_eq!(again.judge(same()), Verdict::Close(Ending::imported(7, "g".into(), true)));
    let different = answer(Code::AlreadyExists, "GROUP_ID_IN_USE", &[NO, ("existing", "different")], None);
    assert_eq!(failed(again.judge(different)).reason, "GROUP_ID_IN_USE");
}

#[test]
fn a_line_that_may_have_been_applied_goes_again_only_with_a_key() {
    let lost = || answer(Code::Unknown, "OUTCOME_UNKNOWN", &[UNKNOWN], None);
    for keyed in [item("g", ""), item("", "0123456789abcdef")] {
        let again = Verdict::Again { after: Duration::from_millis(500), maybe: true };
        assert_eq!(keyed.judge(lost()), again);
    }
    assert_eq!(failed(item("", "").judge(lost())).applied, Applied::Unknown);
    let bare = ImportGroupsResponse { item_id: "7".into(), outcome: None };
    assert_eq!(failed(item("", "").judge(bare)).reason, "OUTCOME_UNKNOWN");
}

#[test]
fn a_group_that_could_not_be_read_is_not_settled() {
    let unread = answer(Code::AlreadyExists, "GROUP_ID_IN_USE", &[UNKNOWN, ("existing", "unread")], None);
    assert!(matches!(item("g", "").judge(unread), Verdict::Again { maybe: true, .. }));
    // It may be the group that an earlier sending made, which this gateway never heard of.
    let unread = || answer(Code::AlreadyExists, "GROUP_ID_IN_USE", &[NO, ("existing", "unread")], None);
    let again = Item { maybe: true, ..item("g", "") };
    assert!(matches!(again.judge(unread()), Verdict::Again { maybe: true, .. }));
    assert_eq!(failed(item("g", "").judge(unread())).applied, Applied::No);
}

#[test]
fn tries_end_and_leave_the_line_to_the_next_run() {
    let tired = Item { tries: MOST_TRIES - 1, ..item("g", "") };
    let lost = answer(Code::Unknown, "CHAT_TIMED_OUT", &[UNKNOWN], None);
    assert!(matches!(tired.judge(lost), Verdict::GiveUp { maybe: true, .. }));
    let fault = answer(Code::Internal, "GATEWAY_FAULT", &[NO], None);
    assert!(matches!(tired.judge(fault), Verdict::GiveUp { maybe: false, .. }));
}

#[test]
fn what_meets_every_line_settles_none() {
    let limited = answer(Code::ResourceExhausted, "RATE_LIMITED", &[NO], Some(3));
    let pause = Verdict::Pause { after: Some(Duration::from_secs(3)), reason: "RATE_LIMITED".into() };
    assert_eq!(item("", "").judge(limited), pause);
    for reason in ["QUOTA_EXCEEDED", "CREDENTIAL_REJECTED", "APP_UNKNOWN", "CHAT_REJECTED_URL"] {
        let verdict = item("g", "").judge(answer(Code::FailedPrecondition, reason, &[NO], None));
        assert!(matches!(&verdict, Verdict::Stop(failure) if failure.reason == reason), "{verdict:?}");
    }
}

#[test]
fn the_gateways_wait_goes_before_our_own() {
    let lost = answer(Code::Unknown, "CHAT_INTERNAL_ERROR", &[UNKNOWN], Some(9));
    assert_eq!(item("g", "").judge(lost), Verdict::Again { after: Duration::from_secs(9), maybe: true });
}
