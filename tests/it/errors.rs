//! Every row of the error table, through a real client.

use std::time::Duration;

use group_import_gateway::{
    errors::table::{Action, Applied, Retry, Row, Scope, TABLE},
    proto::{Group, ImportGroupRequest},
    sandbox::FaultKind,
};
use tonic::{Code, Request};

use crate::rig::{Rig, Told, group};

/// What the caller is told of a code when its request can't be repeated. Each
/// code has a gateway of its own, since some open a breaker.
async fn told(row: &Row, request: Group) -> Told {
    let rig = Rig::with(|config| config.apps[0].max_attempts = 1).await;
    rig.script(std::iter::repeat_n(FaultKind::Code(row.code), 500));
    let mut request = Request::new(ImportGroupRequest { group: Some(request), ..Default::default() });
    request.set_timeout(Duration::from_millis(500));
    Told::of(&rig.call(request).await.unwrap_err())
}

#[tokio::test]
async fn every_row_reaches_the_caller_as_the_table_has_it() {
    for row in TABLE {
        let told = told(row, Group { group_id: String::new(), ..group("") }).await;
        let code = row.code;
        assert_eq!((told.code, told.reason.as_str()), (row.status, row.reason), "{code}");
        assert_eq!(told.get("chat_error_code"), code.to_string());
        assert_eq!(told.get("app"), "prod", "{code}");
        let applied = if row.applied == Applied::No { "no" } else { "unknown" };
        let retry = if row.retry == Retry::After { "after" } else { "no" };
        assert_eq!((told.get("applied"), told.get("retry")), (applied, retry), "{code}");
        let attempts: u32 = told.get("attempts").parse().unwrap();
        match row.action {
            Action::SlowDown => assert!(attempts > 1, "{code}: queued again until the deadline"),
            Action::SignAgain => assert_eq!(attempts, 2, "{code}: signed again once"),
            _ => assert_eq!(attempts, 1, "{code}"),
        }
        if row.status == Code::Unavailable || row.status == Code::ResourceExhausted {
            assert_eq!(told.get("applied"), "no", "{code}: clients retry these without asking");
        }
    }
}

#[tokio::test]
async fn what_can_be_repeated_is_told_so() {
    for row in TABLE.iter().filter(|row| row.retry == Retry::IfRepeatable) {
        let told = told(row, group("keyed")).await;
        assert_eq!((told.reason.as_str(), told.get("retry")), (row.reason, "yes"), "{}", row.code);
        assert_eq!(told.get("applied"), "unknown");
    }
}

#[tokio::test]
async fn a_pause_comes_with_retry_info_and_pushback_and_a_quota_with_neither() {
    for row in TABLE {
        let told = told(row, Group { group_id: String::new(), ..group("") }).await;
        let pause = told.details.retry_info().and_then(|info| info.retry_delay);
        match row.reason {
            "RATE_LIMITED" | "CREDENTIAL_SUSPENDED" => {
                let pause = pause.unwrap_or_else(|| panic!("{}: no RetryInfo", row.code));
                assert!(pause > Duration::ZERO);
                assert_eq!(told.pushback, Some(pause.as_millis().to_string()), "{}", row.code);
            }
            "QUOTA_EXCEEDED" => {
                assert_eq!((pause, told.pushback.as_deref()), (None, Some("-1")), "{}", row.code);
                let violations = &told.details.quota_failure().unwrap().violations;
                assert_eq!(violations[0].subject, "app:prod");
            }
            _ => assert_eq!((pause, told.pushback), (None, None), "{}", row.code),
        }
    }
}

#[tokio::test]
async fn a_code_in_no_table_is_reported_as_such() {
    let rig = Rig::with(|config| config.apps[0].max_attempts = 1).await;
    rig.script([FaultKind::Code(99_999)]);
    let told = Told::of(&rig.import(Group { group_id: String::new(), ..group("") }).await.unwrap_err());
    assert_eq!((told.code, told.reason.as_str()), (Code::Unknown, "CHAT_ERROR"));
    assert_eq!((told.get("applied"), told.get("retry")), ("unknown", "no"));
    assert_eq!((told.get("chat_error_code"), told.get("attempts")), ("99999", "1"));
}

#[test]
fn the_table_is_consistent_in_itself() {
    for row in TABLE {
        let code = row.code;
        assert_eq!(row.applied == Applied::Unknown, row.scope == Scope::Call, "{code}");
        assert_eq!(row.action == Action::Retry, row.retry == Retry::IfRepeatable, "{code}");
        if row.applied == Applied::Unknown {
            assert!(!matches!(row.status, Code::Unavailable | Code::ResourceExhausted), "{code}");
        }
    }
}
