//! Imports that stop before their input does.

use std::time::Duration;

use crate::{
    bench::{Bench, Shown, good, mixed, signal, spawn, text},
    binary::SDK_APP_ID,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quota_stops_it_and_the_same_command_goes_on_when_there_is_more() {
    let bench = Bench::at(2000).await;
    bench.sandbox.set_daily_quota(SDK_APP_ID, Some(1000));
    let lines = good(2500);
    bench.write(&text(&lines));
    let shown = bench.run(&[]);
    shown.assert_code(1);
    assert_eq!((shown.row("imported"), shown.row("left")), (Some(1000), Some(1500)), "{}", shown.out);
    shown.assert_says("QUOTA_EXCEEDED");
    shown.assert_says("a daily one begins anew tomorrow");
    shown.assert_says("the same command goes on with the 1,500 lines left");
    assert_eq!(bench.results().len(), 1000, "none of the others is settled");

    bench.sandbox.set_daily_quota(SDK_APP_ID, None);
    bench.run(&[]).assert_code(0);
    bench.assert_imported_once(&lines);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupt_finishes_what_is_under_way_and_says_how_to_go_on() {
    let bench = Bench::at(1000).await;
    let lines = good(3000);
    bench.write(&text(&lines));
    for standing in [300, 1500] {
        let import = spawn(bench.import(&[]));
        bench.until_standing(standing).await;
        signal(&import, "INT");
        let shown = Shown::from(import.wait_with_output().unwrap());
        shown.assert_code(1);
        shown.assert_says("stopped by a signal");
        shown.assert_says("the same command goes on with the");
        assert_eq!(shown.row("imported"), Some(bench.standing()), "every answer was heard");
        assert_eq!(bench.results().len(), bench.standing());
    }
    bench.run(&[]).assert_code(0);
    bench.assert_imported_once(&lines);
    assert_eq!(bench.calls(), 3000, "no line was sent twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupt_ends_it_while_the_gateway_is_away() {
    let mut bench = Bench::at(1000).await;
    let lines = good(3000);
    bench.write(&text(&lines));
    let import = spawn(bench.import(&[]));
    bench.until_standing(300).await;
    bench.kill_gateway();
    tokio::time::sleep(Duration::from_millis(300)).await;
    signal(&import, "INT");
    let shown = Shown::from(import.wait_with_output().unwrap());
    shown.assert_code(1);
    shown.assert_says("stopped by a signal");
    assert!(!shown.err.contains("under way"), "nothing is: {}", shown.err);
    shown.assert_says("the same command goes on with the");

    bench.restart_gateway();
    bench.run(&[]).assert_code(0);
    bench.assert_imported_once(&lines);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_interrupt_leaves_what_is_under_way_to_the_next_run() {
    let bench = Bench::at(1000).await;
    bench.sandbox.set_latency(Duration::from_secs(2), Duration::ZERO);
    let lines = good(400);
    bench.write(&text(&lines));
    let import = spawn(bench.import(&[]));
    bench.until_standing(100).await;
    signal(&import, "INT");
    tokio::time::sleep(Duration::from_millis(300)).await;
    signal(&import, "INT");
    let shown = Shown::from(import.wait_with_output().unwrap());
    shown.assert_code(1);
    shown.assert_says("lines still under way (Ctrl-C again quits at once)");
    assert!(shown.row("left").unwrap() > 300, "the answers were still under way: {}", shown.out);

    bench.sandbox.set_latency(Duration::ZERO, Duration::ZERO);
    bench.run(&[]).assert_code(0);
    bench.assert_imported_once(&lines);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn max_errors_stops_it_once_so_many_lines_have_failed() {
    let bench = Bench::at(2000).await;
    let lines = mixed(3000);
    bench.write(&text(&lines));
    let shown = bench.run(&["--max-errors", "5"]);
    shown.assert_code(1);
    shown.assert_says("(--max-errors)");
    shown.assert_says("first failures\n  line 7: MALFORMED_LINE");
    let (refused, left) = (shown.row("refused").unwrap(), shown.row("left").unwrap());
    assert!(refused >= 5 && left > 0, "{}", shown.out);
    bench.run(&[]).assert_code(1); // for the bad lines
    bench.assert_imported_once(&lines);
}
