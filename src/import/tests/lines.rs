//! What becomes of a line.

use tonic::Code;

use super::{gateway::fault, *};

#[tokio::test]
async fn every_good_line_is_imported_and_every_bad_one_told_with_its_number() {
    let text = "{\"Type\":\"Public\",\"Name\":\"a\"}\n\n{\"Type\":\"public\",\"Name\":\"b\"}\nnonsense\n\
                {\"Type\":\"Work\",\"GroupId\":\"d\",\"Name\":\"d\"}";
    let (bench, gateway) = (Bench::of(text, 4), Gateway::good().await);
    let shown = bench.run(&gateway, &["--app", "prod"]).await;
    assert_eq!(shown.exit, Exit::NotAll, "{}", shown.err);
    assert_eq!((shown.row("imported"), shown.row("MALFORMED_LINE")), (Some(2), Some(2)), "{}", shown.out);
    assert!(shown.out.contains("line 3: MALFORMED_LINE: Type: unknown value"), "{}", shown.out);
    assert!(shown.out.contains("grep -v"), "{}", shown.out);

    let results = bench.results();
    assert_eq!(results.keys().copied().collect::<Vec<_>>(), [1, 3, 4, 5]);
    assert_eq!(results[&5], serde_json::json!({"line":5,"status":"OK","group_id":"d","reconciled":false}));
    assert_eq!(results[&4]["reason"], "MALFORMED_LINE");

    let seen = gateway.seen();
    let request = |i: usize| seen[i].request.clone().unwrap();
    assert_eq!((seen.len(), seen[0].item_id.as_str(), seen[1].item_id.as_str()), (2, "1", "5"));
    assert!(request(0).request_id.ends_with("-1") && request(0).request_id.len() >= 16);
    assert_eq!((request(1).request_id.as_str(), request(1).app.as_str()), ("", "prod"));
}

#[tokio::test]
async fn a_refused_line_is_settled_and_the_others_go_on() {
    let gateway = Gateway::scripted(|item, _| match item.item_id.as_str() {
        "3" => Act::Fail(fault(Code::NotFound, "ACCOUNT_NOT_FOUND", "no", &[], None)),
        _ => Act::Import,
    });
    let (bench, gateway) = (Bench::new(500), gateway.await);
    let shown = bench.run(&gateway, &[]).await;
    assert_eq!((shown.exit, shown.row("imported"), shown.row("ACCOUNT_NOT_FOUND")), (Exit::NotAll, Some(499), Some(1)));
    assert_eq!(bench.results()[&3]["message"], "because of ACCOUNT_NOT_FOUND");
    assert_eq!(bench.run(&gateway, &[]).await.exit, Exit::NotAll, "one line is refused, and stays so");
    assert_eq!(gateway.seen().len(), 500, "and no line is sent again");
}

#[tokio::test]
async fn a_group_that_stood_before_the_import_is_refused() {
    let (bench, gateway) = (Bench::new(4), Gateway::good().await.found("g2"));
    let shown = bench.run(&gateway, &[]).await;
    assert_eq!((shown.row("imported"), shown.row("GROUP_ID_IN_USE")), (Some(3), Some(1)), "{}", shown.out);
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_with_the_same_key() {
    let gateway = Gateway::scripted(|_, before| match before {
        0 => Act::Fail(fault(Code::Unknown, "OUTCOME_UNKNOWN", "unknown", &[("retry", "yes")], None)),
        _ => Act::Import,
    });
    let gateway = gateway.await.found("g2"); // the first try of line 2 made its group
    let bench = Bench::new(4);
    let shown = bench.run(&gateway, &[]).await;
    assert_eq!(shown.exit, Exit::AllImported, "{}{}", shown.out, shown.err);
    bench.assert_all_imported();
    assert_eq!((shown.row("stood already"), gateway.seen().len()), (Some(1), 8), "{}", shown.out);
    let keys: std::collections::HashSet<_> =
        gateway.seen().iter().map(|item| item.request.clone().unwrap().request_id).collect();
    assert_eq!(keys.len(), 3, "two derived ones, and none with a GroupId");
}

#[tokio::test]
async fn with_assigned_ids_a_lost_answer_is_listed_and_never_sent_again() {
    let lost = || Act::Fail(fault(Code::Unknown, "OUTCOME_UNKNOWN", "unknown", &[("retry", "no")], None));
    let gateway =
        Gateway::scripted(move |item, before| if item.item_id == "1" && before == 0 { lost() } else { Act::Import });
    let (bench, gateway) = (Bench::new(4), gateway.await);
    let shown = bench.run(&gateway, &["--assigned-ids"]).await;
    assert_eq!(
        (shown.exit, shown.row("imported"), shown.row("unknown")),
        (Exit::NotAll, Some(3), Some(1)),
        "{}",
        shown.out
    );
    assert!(shown.out.contains("see in Chat whether it exists"), "{}", shown.out);
    let again = bench.run(&gateway, &["--assigned-ids"]).await;
    assert_eq!((again.exit, again.row("unknown")), (Exit::NotAll, Some(1)));
    assert_eq!(bench.results()[&1]["applied"], "unknown");
    assert_eq!(gateway.times()["1"], 1);
    assert!(gateway.seen().iter().all(|item| item.request.as_ref().unwrap().request_id.is_empty()));
}

#[tokio::test]
async fn a_line_that_fails_too_often_is_left_to_the_next_run() {
    let gateway = Gateway::scripted(|item, before| match item.item_id.as_str() {
        "2" if before < 5 => Act::Fail(fault(Code::Internal, "CHAT_INTERNAL_ERROR", "unknown", &[], None)),
        _ => Act::Import,
    });
    let (bench, gateway) = (Bench::new(3), gateway.await);
    let shown = bench.run(&gateway, &[]).await;
    assert_eq!(
        (shown.exit, shown.row("imported"), shown.row("unknown")),
        (Exit::NotAll, Some(2), Some(1)),
        "{}",
        shown.out
    );
    assert_eq!(bench.results()[&2]["reason"], "CHAT_INTERNAL_ERROR");
    assert!(shown.out.contains("the same command goes on with the 1 line left"), "{}", shown.out);
    let shown = bench.run(&gateway, &[]).await;
    assert_eq!(shown.exit, Exit::AllImported, "{}", shown.out);
    bench.assert_all_imported();
}

#[tokio::test]
async fn validating_sends_every_line_as_such_and_leaves_no_journal() {
    let gateway = Gateway::scripted(|item, _| match item.item_id.as_str() {
        "700" => Act::Fail(fault(Code::InvalidArgument, "INVALID_REQUEST", "no", &[], None)),
        _ => Act::Import,
    });
    let (bench, gateway) = (Bench::new(2000), gateway.await);
    let shown = bench.run(&gateway, &["--validate-only"]).await;
    assert_eq!((shown.exit, shown.row("valid"), shown.row("INVALID_REQUEST")), (Exit::NotAll, Some(1999), Some(1)));
    assert!(gateway.seen().iter().all(|item| item.request.as_ref().unwrap().validate_only));
    assert_eq!((bench.results().len(), gateway.standing()), (2000, 0));
    assert!(!bench.path("groups.jsonl.journal").exists());
}

#[tokio::test]
async fn a_file_without_anything_to_send_needs_no_gateway() {
    let gateway = Gateway::good().await;
    let endpoint = gateway.endpoint();
    drop(gateway);
    let bench = Bench::of("\n\nbad\n", 1);
    let (mut out, screen) = (Vec::new(), Screen::lines(Box::new(Shared::default())));
    let file = bench.path("groups.jsonl");
    let options = Options::from_arguments(&[file.to_str().unwrap(), "--endpoint", &endpoint]);
    let (_never, interrupts) = mpsc::channel(1);
    assert_eq!(super::super::run_until(options, &mut out, screen, || interrupts).await, Exit::NotAll);
}
