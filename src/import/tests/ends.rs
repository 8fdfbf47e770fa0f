//! Runs that stop before the input's end, and runs that don't begin.

use std::time::Duration;

use tonic::{Code, Status};

use super::{gateway::fault, *};

#[tokio::test]
async fn a_quota_stops_the_import_and_says_what_is_left() {
    let gateway = Gateway::scripted(|item, _| match item.item_id.parse::<u32>().unwrap() {
        11.. => Act::Fail(fault(Code::ResourceExhausted, "QUOTA_EXCEEDED", "no", &[], None)),
        _ => Act::Import,
    });
    let (bench, gateway) = (Bench::new(5000), gateway.await);
    let shown = bench.run(&gateway, &[]).await;
    assert_eq!(
        (shown.exit, shown.row("imported"), shown.row("left")),
        (Exit::NotAll, Some(10), Some(4990)),
        "{}",
        shown.out
    );
    assert!(shown.err.contains("QUOTA_EXCEEDED") && shown.err.contains("tomorrow"), "{}", shown.err);
    assert!(shown.out.contains("the same command goes on with the 4,990 lines left"), "{}", shown.out);
    assert!(gateway.seen().len() < 1000, "only what was under way met it: {}", gateway.seen().len());
    assert_eq!(bench.results().len(), 10, "and none of that is settled");
}

#[tokio::test]
async fn max_errors_stops_after_so_many_failures() {
    let gateway = Gateway::scripted(|_, _| Act::Fail(fault(Code::InvalidArgument, "INVALID_REQUEST", "no", &[], None)));
    let (bench, gateway) = (Bench::new(5000), gateway.await);
    let shown = bench.run(&gateway, &["--max-errors", "3"]).await;
    assert_eq!(shown.exit, Exit::NotAll);
    assert!(shown.err.contains("--max-errors"), "{}", shown.err);
    let refused = shown.row("refused").unwrap();
    assert!((3..1000).contains(&refused), "what was under way is still heard: {refused}");
}

#[tokio::test]
async fn an_interrupt_finishes_what_is_under_way_and_the_next_run_goes_on() {
    let (bench, gateway) = (Bench::new(20_000), Gateway::good().await);
    let (interrupt, interrupts) = mpsc::channel(1);
    let (shown, ()) = tokio::join!(bench.run_until(&gateway, &[], interrupts), async {
        while gateway.seen().len() < 300 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        interrupt.send(()).await.unwrap();
    });
    assert_eq!(shown.exit, Exit::NotAll);
    assert_eq!(shown.row("imported"), Some(gateway.seen().len() as u64), "every answer was heard");
    assert!(shown.out.contains("the same command goes on"), "{}", shown.out);
    assert_eq!(bench.results().len(), gateway.seen().len());
}

#[tokio::test]
async fn a_second_interrupt_quits_at_once() {
    let (bench, gateway) = (Bench::new(100), Gateway::scripted(|_, _| Act::Swallow).await);
    let (interrupt, interrupts) = mpsc::channel(1);
    let (shown, ()) = tokio::join!(bench.run_until(&gateway, &[], interrupts), async {
        while gateway.seen().len() < 100 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        interrupt.send(()).await.unwrap();
        interrupt.send(()).await.unwrap();
    });
    assert_eq!((shown.exit, shown.row("left")), (Exit::NotAll, Some(100)), "{}", shown.out);
    assert!(shown.err.contains("100 lines still under way"), "{}", shown.err);
}

#[tokio::test]
async fn a_caller_that_the_gateway_does_not_know_is_told_so_at_once() {
    let unknown = || fault(Code::Unauthenticated, "CALLER_UNKNOWN", "no", &[], None);
    let (bench, gateway) = (Bench::new(5), Gateway::scripted(move |_, _| Act::End(unknown())).await);
    let shown = bench.run(&gateway, &[]).await;
    assert_eq!((shown.exit, shown.row("left")), (Exit::NotAll, Some(5)), "{}", shown.out);
    assert!(shown.err.contains("CALLER_UNKNOWN") && shown.err.contains("--token-file"), "{}", shown.err);
}

#[tokio::test]
async fn a_gateway_that_ends_every_stream_is_given_up() {
    let broken = || Status::from(io::Error::other("broken"));
    let (bench, gateway) = (Bench::new(2), Gateway::scripted(move |_, _| Act::End(broken())).await);
    let shown = bench.run(&gateway, &[]).await;
    assert_eq!(shown.exit, Exit::NotAll);
    assert!(shown.err.contains("5 times in a row without a single answer"), "{}", shown.err);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn results_on_a_full_disk_stop_the_import_and_the_journal_keeps_what_was_done() {
    let (bench, gateway) = (Bench::new(20_000), Gateway::good().await);
    let shown = bench.run(&gateway, &["--results", "/dev/full"]).await;
    assert_eq!(shown.exit, Exit::NotAll);
    assert!(shown.err.contains("cannot write the results"), "{}", shown.err);
    let first = gateway.seen().len();
    assert!(first < 20_000, "{first}");
    let shown = bench.run(&gateway, &[]).await;
    assert_eq!(shown.exit, Exit::AllImported, "{}{}", shown.out, shown.err);
    assert_eq!(gateway.seen().len(), 20_000, "no line was sent twice");
    bench.assert_all_imported();
}

#[tokio::test]
async fn what_can_not_start_says_why() {
    let (bench, gateway) = (Bench::new(2), Gateway::good().await);
    let input = bench.path("groups.jsonl");
    let journal = bench.path("other.journal");
    fs::write(&journal, "my notes\n").unwrap();
    for (arguments, text) in [
        (vec!["--results", input.to_str().unwrap()], "that is the input or the journal"),
        (vec!["--journal", journal.to_str().unwrap()], "is not a journal"),
        (vec!["--journal", "/nowhere/j"], "cannot open the journal /nowhere/j"),
        (vec!["--token-file", "/nowhere/t"], "--token-file /nowhere/t"),
    ] {
        let shown = bench.run(&gateway, &arguments).await;
        assert_eq!(shown.exit, Exit::NotStarted, "{arguments:?}");
        assert!(shown.err.contains(text), "{}", shown.err);
    }
    assert_eq!(bench.run(&gateway, &[]).await.exit, Exit::AllImported);
    fs::write(&input, "{}\n").unwrap();
    let shown = bench.run(&gateway, &[]).await;
    assert!(shown.exit == Exit::NotStarted && shown.err.contains("belongs to a different input"), "{}", shown.err);
    bench.assert_all_imported(); // the refused run has not touched the results
}
