//! Answers that are lost, and gateways that go away.

use std::time::Duration;

use group_import_gateway::sandbox::FaultKind;
use tokio::net::TcpListener;

use crate::bench::{Bench, Shown, good, mixed, names, spawn, text, without_ids};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_call_in_twenty_going_wrong_every_good_line_is_imported_once() {
    let bench = Bench::at(2000).await;
    let faults =
        ["close_before=1%", "close_after=1%", "cut_body=1%", "garbage=1%", "http_502_after=0.5%", "code_10002=0.5%"];
    bench.sandbox.set_faults(faults.map(|fault| fault.parse().unwrap()).to_vec()).unwrap();
    let lines = mixed(3000);
    bench.write(&text(&lines));
    bench.run(&[]).assert_code(1); // for the bad lines
    bench.assert_imported_once(&lines);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_is_killed_and_comes_back_is_waited_for() {
    let mut bench = Bench::at(1000).await;
    bench.sandbox.set_latency(Duration::from_millis(40), Duration::ZERO);
    let lines = good(3000);
    bench.write(&text(&lines));
    let import = spawn(bench.import(&[]));
    let mut under_way = 0;
    for standing in [500, 1500] {
        bench.until_standing(standing).await;
        bench.kill_gateway();
        tokio::time::sleep(Duration::from_millis(500)).await;
        under_way += bench.under_way().len();
        bench.restart_gateway();
    }
    let shown = Shown::from(import.wait_with_output().unwrap());
    shown.assert_code(0);
    shown.assert_says("; connecting again");
    bench.assert_imported_once(&lines);
    let extra = bench.calls() - lines.len();
    assert!(extra <= under_way, "{extra} extra calls, and {under_way} lines were under way at the kills");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_that_takes_connections_and_cuts_them_while_the_gateway_is_away_is_waited_out() {
    let mut bench = Bench::at(1000).await;
    bench.sandbox.set_latency(Duration::from_millis(40), Duration::ZERO);
    let lines = good(2000);
    bench.write(&text(&lines));
    let import = spawn(bench.import(&[]));
    bench.until_standing(500).await;
    bench.kill_gateway();
    let proxy = TcpListener::bind(bench.endpoint().trim_start_matches("http://")).await.unwrap();
    for _ in 0..6 {
        drop(proxy.accept().await.unwrap());
    }
    drop(proxy);
    bench.restart_gateway();
    let shown = Shown::from(import.wait_with_output().unwrap());
    shown.assert_code(0);
    shown.assert_says("the connection broke");
    bench.assert_imported_once(&lines);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_stops_in_order_costs_no_extra_call() {
    let mut bench = Bench::at(1000).await;
    let lines = good(3000);
    bench.write(&text(&lines));
    let import = spawn(bench.import(&[]));
    bench.until_standing(800).await;
    bench.gateway.signal("TERM");
    assert_eq!(bench.gateway.end().code(), Some(0));
    bench.restart_gateway();
    let shown = Shown::from(import.wait_with_output().unwrap());
    shown.assert_code(0);
    bench.assert_imported_once(&lines);
    assert_eq!(bench.calls(), 3000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_assigned_ids_a_lost_answer_is_listed_for_a_human_and_never_sent_again() {
    let bench = Bench::at(1000).await;
    let lost = [FaultKind::CloseAfter, FaultKind::Garbage, FaultKind::CutBody];
    bench.sandbox.script("import_group", lost.into_iter().flat_map(|kind| [FaultKind::None, kind]));
    let lines = without_ids(200);
    bench.write(&text(&lines));
    for run in ["the first", "the second"] {
        let shown = bench.run(&["--assigned-ids"]);
        shown.assert_code(1);
        assert_eq!((shown.row("imported"), shown.row("unknown")), (Some(197), Some(3)), "{run}: {}", shown.out);
        shown.assert_says("3 lines may have made a group, and will not be sent again");
        let unknown = bench.results().into_values().filter(|result| result["applied"] == "unknown");
        assert!(unknown.map(|result| result["reason"].clone()).eq(["OUTCOME_UNKNOWN"; 3]));
        assert_eq!(bench.calls(), 200, "{run} run");
    }
    bench.assert_stand(names(&lines));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_of_an_earlier_run_that_can_not_be_looked_at_is_asked_for_again_and_not_refused() {
    let bench = Bench::at(1000).await;
    bench.sandbox.set_latency(Duration::from_secs(2), Duration::ZERO);
    let lines = good(20);
    bench.write(&text(&lines));
    let mut import = spawn(bench.import(&[]));
    bench.until_standing(20).await;
    import.kill().unwrap();
    import.wait().unwrap();
    assert_eq!(bench.under_way().len(), 20);

    // Each look fails as often as the gateway tries it.
    bench.sandbox.set_latency(Duration::ZERO, Duration::ZERO);
    bench.sandbox.script("get_group_info", [FaultKind::Garbage; 80]);
    let shown = bench.run(&[]);
    shown.assert_code(0);
    assert_eq!(shown.row("stood already"), Some(20), "{}", shown.out);
    assert_eq!(bench.sandbox.unplayed("get_group_info"), 0);
    bench.assert_imported_once(&lines);
}
