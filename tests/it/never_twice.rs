//! Faults × keys: how many attempts, how the call ends, what it says of
//! itself, and how many groups stand. Never two, and never an OK without one.

use std::time::Duration;

use group_import_gateway::{
    errors::table::{Action, Applied, TABLE},
    proto::{Group, ImportGroupRequest},
    sandbox::FaultKind::{self, *},
};
use tonic::{Code, Request};

use crate::rig::{Rig, SDK_APP_ID, Told, group};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Key {
    GroupId,
    RequestId,
    Neither,
}

const KEYS: [Key; 3] = [Key::GroupId, Key::RequestId, Key::Neither];

fn request(key: Key) -> ImportGroupRequest {
    let id = if key == Key::GroupId { "mine" } else { "" };
    let request_id = if key == Key::RequestId { "request-0123456789" } else { "" };
    ImportGroupRequest { group: Some(group(id)), request_id: request_id.into(), ..Default::default() }
}

/// How a call ended, in a line: `OK`, `OK reconciled`, or
/// `REASON applied retry`, with the attempts and the groups that stand.
async fn ends(key: Key, script: &[FaultKind]) -> (String, u32, usize) {
    let rig = Rig::with(|config| config.apps[0].attempt_timeout = Duration::from_millis(3_050)).await;
    rig.script(script.iter().copied());
    ends_at(&rig, key).await
}

async fn ends_at(rig: &Rig, key: Key) -> (String, u32, usize) {
    let outcome = rig.send(request(key)).await;
    let standing = rig.sandbox.group_count(SDK_APP_ID);
    let sent = u32::try_from(rig.seen().len()).unwrap();
    assert!(standing <= 1, "{standing} groups stand");
    match outcome {
        Ok(reply) => {
            assert_eq!(standing, 1, "an OK without a group");
            assert!(rig.sandbox.group(SDK_APP_ID, &reply.group_id).is_some(), "{} does not stand", reply.group_id);
            (if reply.reconciled { "OK reconciled" } else { "OK" }.to_owned(), sent, standing)
        }
        Err(status) => {
            let told = Told::of(&status);
            let attempts: u32 = told.get("attempts").parse().unwrap();
            assert_eq!(attempts, sent, "{told:?}");
            if told.get("applied") == "no" && told.reason != "GROUP_ID_IN_USE" {
                assert_eq!(standing, 0, "a group that was not applied stands: {told:?}");
            }
            if told.get("applied") == "unknown" {
                assert!(!matches!(told.code, Code::Unavailable | Code::ResourceExhausted), "{told:?}");
            }
            (format!("{} {} {}", told.reason, told.get("applied"), told.get("retry")), sent, standing)
        }
    }
}

fn line(text: &str, attempts: u32, standing: usize) -> (String, u32, usize) {
    (text.to_owned(), attempts, standing)
}

#[tokio::test]
async fn an_answer_lost_before_the_group_was_made() {
    for fault in [CloseBefore, Http(502), Http(503), Http(504), Http(429), Http(302)] {
        for key in [Key::GroupId, Key::RequestId] {
            assert_eq!(ends(key, &[fault]).await, line("OK", 2, 1), "{fault} {key:?}");
        }
        assert_eq!(ends(Key::Neither, &[fault]).await, line("OUTCOME_UNKNOWN unknown no", 1, 0), "{fault}");
    }
}

#[tokio::test]
async fn an_answer_lost_after_the_group_was_made() {
    for fault in [CloseAfter, CutBody, Garbage, Empty, Oversized, NoCode, NoGroupId, HttpAfter(502)] {
        for key in [Key::GroupId, Key::RequestId] {
            assert_eq!(ends(key, &[fault]).await, line("OK reconciled", 2, 1), "{fault} {key:?}");
        }
        assert_eq!(ends(Key::Neither, &[fault]).await, line("OUTCOME_UNKNOWN unknown no", 1, 1), "{fault}");
    }
}

#[tokio::test]
async fn an_answer_that_stalls_beyond_the_limit() {
    let (before, after, neither) = tokio::join!(
        ends(Key::GroupId, &[StallBefore]),
        ends(Key::RequestId, &[StallAfter]),
        ends(Key::Neither, &[StallAfter]),
    );
    assert_eq!(before, line("OK", 2, 1));
    assert_eq!(after, line("OK reconciled", 2, 1));
    assert_eq!(neither, line("OUTCOME_UNKNOWN unknown no", 1, 1));
}

#[tokio::test]
async fn each_code_of_unknown_effect() {
    for row in TABLE.iter().filter(|row| row.applied == Applied::Unknown) {
        assert_eq!(row.action, Action::Retry);
        for key in [Key::GroupId, Key::RequestId] {
            assert_eq!(ends(key, &[Code(row.code)]).await, line("OK", 2, 1), "{} {key:?}", row.code);
            assert_eq!(ends(key, &[CodeAfter(row.code)]).await, line("OK reconciled", 2, 1), "{} {key:?}", row.code);
        }
        let given_up = format!("{} unknown no", row.reason);
        assert_eq!(ends(Key::Neither, &[Code(row.code)]).await, line(&given_up, 1, 0), "{}", row.code);
        assert_eq!(ends(Key::Neither, &[CodeAfter(row.code)]).await, line(&given_up, 1, 1), "{}", row.code);
    }
}

#[tokio::test]
async fn each_refusal_for_rate_goes_again_for_every_key() {
    for code in [60007, 60011, 60018, 60019] {
        for key in KEYS {
            assert_eq!(ends(key, &[Code(code), Code(code)]).await, line("OK", 3, 1), "{code} {key:?}");
        }
    }
}

#[tokio::test]
async fn a_refused_signature_is_made_again_once_for_every_key() {
    for code in [70001, 70052] {
        for key in KEYS {
            assert_eq!(ends(key, &[Code(code)]).await, line("OK", 2, 1), "{code} {key:?}");
            let twice = ends(key, &[Code(code), Code(code)]).await;
            assert_eq!(twice, line("CREDENTIAL_REJECTED no no", 2, 0), "{code} {key:?}");
        }
    }
}

#[tokio::test]
async fn what_can_not_be_repeated_by_its_row_is_not() {
    for code in [10004, 10007, 10019, 10037, 80001] {
        for key in KEYS {
            let (end, attempts, standing) = ends(key, &[Code(code)]).await;
            assert!(end.ends_with(" no no"), "{code} {key:?}: {end}");
            assert_eq!((attempts, standing), (1, 0));
        }
    }
}

#[tokio::test]
async fn a_connection_that_is_refused_was_never_sent() {
    for key in KEYS {
        let rig = Rig::start().await;
        rig.import(group("first")).await.unwrap(); // so that the credential is known to be good
        rig.sandbox.stop().await;
        let told = Told::of(&rig.send(request(key)).await.unwrap_err());
        assert_eq!((told.reason.as_str(), told.get("applied"), told.get("retry")), ("CHAT_UNREACHABLE", "no", "after"));
        assert_eq!(told.get("attempts"), "0", "{key:?}");
        assert_eq!(told.code, Code::Unavailable);
    }
}

/// A server that takes connections and speaks no TLS.
#[tokio::test]
async fn a_tls_failure_was_never_sent() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        use tokio::io::AsyncWriteExt as _;
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"this is no TLS at all").await;
        }
    });
    for key in KEYS {
        let rig = Rig::with(|config| config.apps[0] = crate::rig::app("prod", SDK_APP_ID, &url)).await;
        let told = Told::of(&rig.send(request(key)).await.unwrap_err());
        assert_eq!((told.reason.as_str(), told.get("applied")), ("CHAT_UNREACHABLE", "no"), "{}", told.message);
    }
}

#[tokio::test]
async fn attempts_end_and_then_a_look_decides() {
    // Every attempt is lost and none made it: the look finds nothing, which settles nothing.
    let lost = [Http(502); 4];
    for key in [Key::GroupId, Key::RequestId] {
        assert_eq!(ends(key, &lost).await, line("OUTCOME_UNKNOWN unknown yes", 4, 0), "{key:?}");
    }
    // The first made it, and none of the others came to know.
    let lost = [CloseAfter, Http(502), Http(502), Http(502)];
    for key in [Key::GroupId, Key::RequestId] {
        assert_eq!(ends(key, &lost).await, line("OK reconciled", 4, 1), "{key:?}");
    }
}

/// A lost answer, and then something that says for itself that nothing was
/// made: the call as a whole stays unknown, or is settled by a look.
#[tokio::test]
async fn an_answer_lost_and_then_a_refusal() {
    for then in [10004, 10037, 10002] {
        for key in [Key::GroupId, Key::RequestId] {
            let script = |first| [first, Code(then), Code(then), Code(then)];
            assert_eq!(ends(key, &script(CloseAfter)).await.0, "OK reconciled", "{then} {key:?}");
            let (end, _, standing) = ends(key, &script(CloseBefore)).await;
            assert_eq!(standing, 0);
            assert!(end.contains(" unknown "), "{then} {key:?}: {end}");
        }
    }
}

#[tokio::test]
async fn an_answer_lost_and_then_refusals_for_rate_until_the_deadline() {
    for key in [Key::GroupId, Key::RequestId] {
        let rig = Rig::start().await;
        rig.script(std::iter::once(CloseBefore).chain(std::iter::repeat_n(Code(60007), 500)));
        let mut call = Request::new(request(key));
        call.set_timeout(Duration::from_millis(700));
        let told = Told::of(&rig.call(call).await.unwrap_err());
        assert_eq!(told.get("applied"), "unknown", "{told:?}");
        assert!(!matches!(told.code, Code::Unavailable | Code::ResourceExhausted), "{told:?}");
    }
}

#[tokio::test]
async fn an_answer_lost_and_then_70050() {
    for key in [Key::GroupId, Key::RequestId] {
        let (end, attempts, _) = ends(key, &[CloseBefore, Code(70050)]).await;
        assert_eq!((end.as_str(), attempts), ("OUTCOME_UNKNOWN unknown yes", 2), "{key:?}");
    }
}

#[tokio::test]
async fn an_answer_lost_and_then_a_refused_connection() {
    for key in [Key::GroupId, Key::RequestId] {
        let rig = Rig::start().await;
        rig.import(group("first")).await.unwrap();
        rig.script([StallAfter]);
        let (sandbox, mut client) = (rig.sandbox.clone(), rig.client.clone());
        let call = tokio::spawn(async move { client.import_group(request(key)).await });
        while rig.seen().len() < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        sandbox.stop().await;
        let told = Told::of(&call.await.unwrap().unwrap_err());
        assert_eq!(
            (told.reason.as_str(), told.get("applied"), told.get("retry")),
            ("OUTCOME_UNKNOWN", "unknown", "yes")
        );
    }
}

#[tokio::test]
async fn an_answer_lost_and_then_the_deadline() {
    for key in KEYS {
        let rig = Rig::start().await;
        rig.script([StallAfter]);
        let mut call = Request::new(request(key));
        call.set_timeout(Duration::from_millis(400));
        let told = Told::of(&rig.call(call).await.unwrap_err());
        let retry = if key == Key::Neither { "no" } else { "yes" };
        assert_eq!(
            (told.reason.as_str(), told.get("applied"), told.get("retry")),
            ("DEADLINE_PASSED", "unknown", retry)
        );
        // The same again, once the caller comes back: not a second group.
        if key != Key::Neither {
            let mut again = Request::new(request(key));
            again.metadata_mut().insert("grpc-previous-rpc-attempts", "1".parse().unwrap());
            assert!(rig.call(again).await.unwrap().reconciled);
            assert_eq!(rig.sandbox.group_count(SDK_APP_ID), 1);
        }
    }
}

#[tokio::test]
async fn an_answer_lost_and_then_a_stop() {
    for key in KEYS {
        let rig = Rig::with(|config| config.server.drain_timeout = Duration::from_millis(900)).await;
        rig.script([StallAfter]);
        let mut client = rig.client.clone();
        let call = tokio::spawn(async move { client.import_group(request(key)).await });
        while rig.seen().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        rig.gateway.stop().await;
        let told = Told::of(&call.await.unwrap().unwrap_err());
        assert_eq!(
            (told.code, told.reason.as_str(), told.get("applied")),
            (Code::Unknown, "OUTCOME_UNKNOWN", "unknown")
        );
    }
}

#[tokio::test]
async fn the_retry_budget_holds_extra_calls_under_a_tenth_when_everything_fails() {
    let rig = Rig::with(|config| config.apps[0].calls_per_second = 100_000).await;
    rig.sandbox.set_calls_per_second(100_000);
    rig.sandbox
        .set_faults(vec!["import_group:http_502=1".parse().unwrap(), "get_group_info:http_502=1".parse().unwrap()])
        .unwrap();
    let calls = 3_000;
    for chunk in 0..30 {
        let sent = (0..calls / 30).map(|i| rig.import(Group { name: "n".into(), ..group(&format!("g{chunk}-{i}")) }));
        futures_util::future::join_all(sent).await;
    }
    let extra = rig.seen().len() - calls;
    assert!(extra > 0 && extra < calls / 10, "{extra} extra calls for {calls}");
}
