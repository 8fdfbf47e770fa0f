//! Runs that are cut off, and the runs after them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tonic::{Code, Status};

use super::{gateway::fault, *};

/// As far as a journal and a gateway can tell, a kill: everything just ends.
async fn cut_off(bench: &Bench, gateway: &Gateway, after: Duration) {
    let _ = tokio::time::timeout(after, bench.run(gateway, &[])).await;
    // The recorder's thread still writes what it had been given.
    while Journal::open(&bench.path("groups.jsonl.journal"), header_of(bench)).is_err() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn header_of(bench: &Bench) -> Header {
    let file = bench.path("groups.jsonl");
    let options = Options::from_arguments(&[file.to_str().unwrap()]);
    header(&options, Form::Jsonl, Input::named(&file).unwrap().survey(|_| {}).unwrap().as_ref())
}

#[tokio::test]
async fn a_second_run_spends_no_call_on_what_is_done() {
    let (bench, gateway) = (Bench::new(300), Gateway::good().await);
    assert_eq!(bench.run(&gateway, &[]).await.exit, Exit::AllImported);
    fs::remove_file(bench.path("results.jsonl")).unwrap();
    let shown = bench.run(&gateway, &[]).await;
    assert_eq!((shown.exit, shown.row("imported")), (Exit::AllImported, Some(300)), "{}", shown.out);
    assert_eq!(gateway.seen().len(), 300);
    bench.assert_all_imported();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_cuts_at_random_lose_nothing_and_import_nothing_twice() {
    let (bench, gateway) = (Bench::new(3000), Gateway::good().await);
    for _ in 0..20 {
        cut_off(&bench, &gateway, Duration::from_micros(rand::random_range(500..40_000))).await;
    }
    let shown = bench.run(&gateway, &[]).await;
    assert_eq!(shown.exit, Exit::AllImported, "{}{}", shown.out, shown.err);
    bench.assert_all_imported();
    assert_eq!(gateway.standing(), 3000, "every group once");
}

#[tokio::test]
async fn lines_whose_answer_was_swallowed_count_as_imported_by_the_next_run() {
    let gateway = Gateway::scripted(|_, before| if before == 0 { Act::Swallow } else { Act::Import }).await;
    let bench = Bench::new(10);
    cut_off(&bench, &gateway, Duration::from_millis(300)).await;
    assert_eq!((gateway.standing(), bench.results().len()), (10, 0));
    let shown = bench.run(&gateway, &[]).await;
    assert_eq!((shown.exit, shown.row("stood already")), (Exit::AllImported, Some(10)), "{}", shown.out);
    bench.assert_all_imported();
}

#[tokio::test]
async fn a_broken_stream_is_opened_again_and_keyed_lines_sent_again() {
    let gateway = Gateway::scripted(|item, before| match (item.item_id.as_str(), before) {
        ("5", 0) => Act::End(Status::from(io::Error::other("gone"))),
        _ => Act::Import,
    });
    let (bench, gateway) = (Bench::new(20), gateway.await);
    let shown = bench.run(&gateway, &[]).await;
    assert_eq!(shown.exit, Exit::AllImported, "{}{}", shown.out, shown.err);
    bench.assert_all_imported();
    assert_eq!(gateway.standing(), 20);
}

#[tokio::test]
async fn with_assigned_ids_a_broken_stream_leaves_unknown_lines_unless_the_gateway_drained() {
    for (status, unknown) in
        [(Status::from(io::Error::other("gone")), true), (fault(Code::Unavailable, "DRAINING", "no", &[], None), false)]
    {
        // Both were sent for certain by the time the stream ends, and neither was answered.
        let gateway = Gateway::scripted(move |item, before| match (item.item_id.as_str(), before) {
            ("1", 0) => Act::Swallow,
            ("3", 0) => Act::End(status.clone()),
            _ => Act::Import,
        });
        let (bench, gateway) = (Bench::new(3), gateway.await);
        let shown = bench.run(&gateway, &["--assigned-ids"]).await;
        assert_eq!(shown.row("unknown"), unknown.then_some(2), "lines 1 and 3 have no GroupId: {}", shown.out);
        assert_eq!(gateway.times().get("1"), Some(&if unknown { 1 } else { 2 }));
        assert_eq!(bench.results().len(), 3);
    }
}

#[tokio::test]
async fn with_assigned_ids_a_line_that_was_refused_for_everybody_is_sent_by_the_next_run() {
    let out_of_quota = || fault(Code::ResourceExhausted, "QUOTA_EXCEEDED", "no", &[], None);
    // The first refusal ends the run, so it is open which lines were sent by then.
    let used_up = Arc::new(AtomicBool::new(true));
    let still = used_up.clone();
    let gateway = Gateway::scripted(move |_, _| match still.load(Ordering::Relaxed) {
        true => Act::Fail(out_of_quota()),
        false => Act::Import,
    });
    let (bench, gateway) = (Bench::new(3), gateway.await);
    let shown = bench.run(&gateway, &["--assigned-ids"]).await;
    assert_eq!((shown.exit, shown.row("left")), (Exit::NotAll, Some(3)), "{}", shown.out);
    used_up.store(false, Ordering::Relaxed);
    assert_eq!(bench.run(&gateway, &["--assigned-ids"]).await.exit, Exit::AllImported);
}

#[tokio::test]
async fn a_gateway_that_is_not_there_yet_is_waited_for() {
    let (bench, gateway) = (Bench::new(5), Gateway::good().await);
    let address = gateway.address();
    let options = bench.options(&gateway, &[]);
    drop(gateway);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let err = Shared::default();
    let (to, screen) = (err.clone(), Screen::lines(Box::new(err)));
    let (_never, interrupts) = mpsc::channel(1);
    let run =
        tokio::spawn(async move { super::super::run_until(options, &mut Vec::new(), screen, || interrupts).await });
    tokio::time::sleep(Duration::from_millis(500)).await;
    let _gateway = Gateway::at(address, |_, _| Act::Import).await;
    assert_eq!(run.await.unwrap(), Exit::AllImported);
    let said = String::from_utf8(to.0.lock().unwrap().clone()).unwrap();
    assert!(said.contains("cannot reach http://127.0.0.1:") && said.contains("refused"), "{said}");
}

#[tokio::test]
async fn a_refusal_for_rate_waits_as_long_as_it_says() {
    let limited = || fault(Code::ResourceExhausted, "RATE_LIMITED", "no", &[], Some(400));
    let gateway = Gateway::scripted(move |_, before| if before == 0 { Act::Fail(limited()) } else { Act::Import });
    let (bench, gateway) = (Bench::new(50), gateway.await);
    let start = std::time::Instant::now();
    let shown = bench.run(&gateway, &[]).await;
    assert_eq!(shown.exit, Exit::AllImported, "{}", shown.out);
    assert!(start.elapsed() >= Duration::from_millis(400));
    assert_eq!(shown.row("stood already"), None, "nothing had been applied");
}

#[tokio::test]
async fn two_runs_at_once_are_refused() {
    let hold = Arc::new(AtomicBool::new(true));
    let gateway = Gateway::scripted({
        let hold = Arc::clone(&hold);
        move |_, before| if before == 0 && hold.load(Ordering::Relaxed) { Act::Swallow } else { Act::Import }
    });
    let (bench, gateway) = (Bench::new(2), gateway.await);
    let first = bench.run(&gateway, &[]);
    let second = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        bench.run(&gateway, &[]).await
    };
    let second = tokio::select! { _ = first => panic!("it has no answers"), second = second => second };
    assert_eq!(second.exit, Exit::NotStarted);
    assert!(second.err.contains("another import is at work"), "{}", second.err);
}
