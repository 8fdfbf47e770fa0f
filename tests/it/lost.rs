//! Answers that are none: each is a lost answer, and reported as such.

use std::time::{Duration, Instant};

use group_import_gateway::{proto::Group, sandbox::FaultKind};
use tonic::Code;

use crate::rig::{Rig, Told, group};

#[tokio::test]
async fn whatever_is_no_whole_answer_is_lost() {
    use FaultKind as F;
    let faults = [
        F::CloseBefore,
        F::CloseAfter,
        F::CutBody,
        F::Garbage,
        F::Empty,
        F::Oversized,
        F::Http(502),
        F::HttpAfter(502),
        F::Http(503),
        F::Http(504),
        F::Http(429),
        F::Http(302),
        F::NoCode,
        F::NoGroupId,
    ];
    for fault in faults {
        let rig = Rig::start().await;
        rig.script([fault]);
        let told = Told::of(&rig.import(Group { group_id: String::new(), ..group("") }).await.unwrap_err());
        assert_eq!((told.code, told.reason.as_str()), (Code::Unknown, "OUTCOME_UNKNOWN"), "{fault:?}");
        assert_eq!((told.get("applied"), told.get("retry")), ("unknown", "no"), "{fault:?}");
        assert_eq!((told.get("attempts"), told.get("chat_error_code")), ("1", ""), "{fault:?}");
        assert!(told.pushback.is_none());
        assert_eq!(rig.seen().len(), 1, "{fault:?}: never sent again without a key");
        assert_eq!(rig.sandbox.redirect_hits(), 0);
    }
}

#[tokio::test]
async fn an_answer_later_than_the_attempts_limit_is_lost() {
    let rig = Rig::with(|config| config.apps[0].attempt_timeout = Duration::from_millis(3100)).await;
    rig.script([FaultKind::StallAfter]);
    let since = Instant::now();
    let told = Told::of(&rig.import(Group { group_id: String::new(), ..group("") }).await.unwrap_err());
    assert_eq!(told.reason, "OUTCOME_UNKNOWN");
    assert!(since.elapsed() >= Duration::from_secs(3), "the attempt had its time");
    assert!(told.message.contains("did not answer in time"), "{}", told.message);
}

#[tokio::test]
async fn where_nothing_listens_nothing_was_sent() {
    let rig = Rig::start().await;
    rig.sandbox.stop().await;
    let told = Told::of(&rig.import(group("g")).await.unwrap_err());
    assert_eq!((told.code, told.reason.as_str()), (Code::Unavailable, "CHAT_UNREACHABLE"));
    assert_eq!((told.get("applied"), told.get("retry"), told.get("attempts")), ("no", "after", "0"));
    assert!(told.details.retry_info().is_some());
    assert!(!told.message.contains("usersig") && !told.message.contains("http"), "{}", told.message);
}
