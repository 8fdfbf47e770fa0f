//! What a kill can do.

use std::{
    fs::File,
    process::{Command, Stdio},
    time::Duration,
};

use crate::{
    bench::{Bench, Line, Shown, good, mixed, spawn, text, without_ids},
    binary::binary,
};

/// `import`, killed after a while as nothing can prevent; how many of the lines under way Chat has heard of.
async fn kill_after(bench: &Bench, lines: &[Line], command: Command, wait: Duration) -> usize {
    let mut import = spawn(command);
    tokio::time::sleep(wait).await;
    import.kill().unwrap();
    assert_eq!(import.wait_with_output().unwrap().status.code(), None, "it had come to its end before");
    bench.heard_of(lines).await
}

/// A moment at which something may be going on.
fn at_random() -> Duration {
    Duration::from_micros(rand::random_range(20_000..350_000))
}

/// What reaches Chat when nothing goes wrong.
fn calls_for(lines: &[Line]) -> usize {
    lines.iter().filter(|line| matches!(line.reason, None | Some("ACCOUNT_NOT_FOUND"))).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_kills_at_random_lose_nothing_and_repeat_only_what_was_under_way() {
    // At this rate it can't end before the twentieth kill.
    let bench = Bench::at(800).await;
    bench.sandbox.set_latency(Duration::from_millis(40), Duration::from_millis(20));
    let lines = mixed(7000);
    bench.write(&text(&lines));
    let (mut under_way, mut most) = (0, 0);
    for _ in 0..20 {
        under_way += kill_after(&bench, &lines, bench.import(&[]), at_random()).await;
        most += bench.under_way().len();
    }
    assert!(under_way > 0, "no kill met anything");

    let shown = bench.run(&[]);
    shown.assert_code(1); // for the bad lines
    bench.assert_imported_once(&lines);
    let extra = bench.calls() - calls_for(&lines);
    println!("{extra} extra calls; at the kills Chat had heard of {under_way} lines, and {most} were on their way");
    assert!(extra <= under_way, "{extra} extra calls, and {under_way} lines were under way at the kills");
    let looks = bench.sandbox.call_count("get_group_info");
    assert!(looks <= extra + 1, "{looks} looks for {extra} extra calls; one is the credential's trial");

    let calls = bench.calls();
    let again = bench.run(&[]);
    assert_eq!((again.row("imported"), again.row("left")), (shown.row("imported"), None), "{}", again.out);
    assert_eq!(bench.calls(), calls, "what is settled costs no call");
    bench.assert_imported_once(&lines);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_assigned_ids_what_was_under_way_at_a_kill_is_listed_and_never_sent_again() {
    let bench = Bench::at(800).await;
    bench.sandbox.set_latency(Duration::from_millis(40), Duration::ZERO);
    let lines = without_ids(3000);
    bench.write(&text(&lines));
    let mut import = spawn(bench.import(&["--assigned-ids"]));
    bench.until_standing(500).await;
    import.kill().unwrap();
    import.wait().unwrap();
    let under_way = bench.under_way();
    assert!(!under_way.is_empty());

    let shown = bench.run(&["--assigned-ids"]);
    shown.assert_code(1);
    assert_eq!(shown.row("unknown"), Some(under_way.len()), "{}", shown.out);
    assert_eq!(shown.row("imported"), Some(3000 - under_way.len()), "{}", shown.out);
    shown.assert_says("will not be sent again: see in Chat whether");
    let unknown = bench.results().into_iter().filter(|(_, result)| result["applied"] == "unknown");
    assert!(unknown.map(|(line, _)| line).eq(under_way), "just these are listed");
    assert!(bench.calls() <= 3000, "no line was sent twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn standard_input_goes_on_where_a_kill_cut_it_off() {
    let bench = Bench::at(800).await;
    let lines = good(3000);
    bench.write(&text(&lines));
    let journal = bench.path("groups.jsonl.journal");
    let import = || {
        let mut command = binary();
        command.args(["import", "-", "--endpoint", &bench.endpoint(), "--journal", journal.to_str().unwrap()]);
        command.arg("--results").arg(bench.path("results.jsonl"));
        command.stdin(Stdio::from(File::open(bench.path("groups.jsonl")).unwrap()));
        command
    };
    let mut under_way = 0;
    for _ in 0..5 {
        under_way += kill_after(&bench, &lines, import(), at_random()).await;
    }
    Shown::of(import()).assert_code(0);
    bench.assert_imported_once(&lines);
    assert!(bench.calls() - lines.len() <= under_way);
}
