//! Journals that are not as they should be, and places where none can be.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::bench::{Bench, Shown, good, spawn, text};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_journal_cut_within_its_last_record_goes_on_from_the_one_before() {
    let bench = Bench::at(1000).await;
    let lines = good(6);
    bench.write(&text(&lines));
    bench.run(&[]).assert_code(0);
    let path = bench.path("groups.jsonl.journal");
    let whole = fs::read(&path).unwrap();
    let last = whole[..whole.len() - 1].iter().rev().position(|byte| *byte == b'\n').unwrap() + 1;
    for (times, cut) in [1, 2, last / 2, last - 1].into_iter().enumerate() {
        fs::write(&path, &whole[..whole.len() - cut]).unwrap();
        let shown = bench.run(&[]);
        shown.assert_code(0);
        shown.assert_says("the journal's last record was cut short");
        assert_eq!(shown.row("stood already"), Some(1), "{}", shown.out);
        bench.assert_imported_once(&lines);
        assert_eq!(bench.calls(), 6 + times + 1, "the line whose answer was cut off is asked for again, and no other");
    }
    // Cut where the header ends: no more is known than that it is this input's, and under which keys.
    let header = whole.split_inclusive(|byte| *byte == b'\n').take(2).map(<[u8]>::len).sum();
    fs::write(&path, &whole[..header]).unwrap();
    bench.run(&[]);
    assert_eq!(bench.standing(), 6, "the keys are the same, so the groups are");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_journal_damaged_in_its_middle_is_refused_and_left_as_it_is() {
    let bench = Bench::at(1000).await;
    bench.write(&text(&good(6)));
    bench.run(&[]).assert_code(0);
    let path = bench.path("groups.jsonl.journal");
    let mut journal = fs::read(&path).unwrap();
    let middle = journal.windows(6).position(|part| part == b"\"sent\"").unwrap();
    journal[middle] ^= 1;
    fs::write(&path, &journal).unwrap();
    let shown = bench.run(&[]);
    shown.assert_code(2);
    shown.assert_says("is damaged at byte");
    assert!(fs::read(&path).unwrap() == journal);
    assert_eq!(bench.calls(), 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_journal_of_another_file_is_refused_and_nothing_of_it_is_lost() {
    let bench = Bench::at(1000).await;
    let lines = good(20);
    bench.write(&text(&lines));
    bench.run(&[]).assert_code(0);
    let journal = fs::read(bench.path("groups.jsonl.journal")).unwrap();

    bench.write(&text(&good(21)));
    let shown = bench.run(&[]);
    shown.assert_code(2);
    shown.assert_says("belongs to a different input");
    shown.assert_says("groups.jsonl.journal");
    assert!(fs::read(bench.path("groups.jsonl.journal")).unwrap() == journal);
    assert_eq!(bench.calls(), 20, "nothing was sent");
    bench.assert_imported_once(&lines); // neither are the first one's results touched

    bench.write(&text(&lines));
    bench.run(&[]).assert_code(0);
    assert_eq!(bench.calls(), 20);
}

/// A folder that this process can't write to. Root may write anywhere where writing is possible at all.
fn read_only_folder(within: &Path) -> PathBuf {
    let folder = within.join("read-only");
    fs::create_dir(&folder).unwrap();
    let mut permissions = fs::metadata(&folder).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&folder, permissions).unwrap();
    if fs::write(folder.join("probe"), "").is_ok() { PathBuf::from("/proc") } else { folder }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_that_can_not_be_written_to_is_told_before_anything_is_sent() {
    let bench = Bench::at(1000).await;
    bench.write(&text(&good(5)));
    for folder in [read_only_folder(bench.folder.path()), bench.path("groups.jsonl"), bench.path("nowhere")] {
        let file = folder.join("x");
        let file = file.to_str().unwrap();
        let shown = Shown::of(bench.import_without_results(&["--journal", file]));
        shown.assert_code(2);
        shown.assert_says(&format!("cannot open the journal {file}: "));
        shown.assert_says("--journal puts it elsewhere");

        let shown = Shown::of(bench.import_without_results(&["--results", file]));
        shown.assert_code(2);
        shown.assert_says(&format!("cannot write the results {file}: "));
    }
    assert_eq!(bench.calls(), 0);
    bench.run(&[]).assert_code(0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_stops_the_import_and_the_same_command_goes_on_once_there_is_room() {
    let bench = Bench::at(2000).await;
    let lines = good(3000);
    bench.write(&text(&lines));
    let import = bench.import_without_results(&[]);
    let mut limited = Command::new("sh");
    // Files may grow to 64 KiB, and no signal tells of it: writing fails as it does on a full disk.
    limited.args(["-c", "trap '' XFSZ; ulimit -f 128; exec \"$@\"", "sh"]);
    limited.arg(import.get_program()).args(import.get_args());
    let shown = Shown::of(limited);
    shown.assert_code(1);
    shown.assert_says(&format!("cannot write the journal {}: ", bench.path("groups.jsonl.journal").display()));
    shown.assert_says("the same command goes on");
    assert!(fs::metadata(bench.path("groups.jsonl.journal")).unwrap().len() <= 64 * 1024);
    let before = bench.calls();
    assert!((1..3000).contains(&before), "{before} calls before the disk was full");

    let unknown = bench.under_way().len();
    bench.run(&[]).assert_code(0);
    bench.assert_imported_once(&lines);
    let extra = bench.calls() - lines.len();
    assert!(extra <= unknown, "{extra} extra calls for {unknown} lines whose answers found no room");
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn results_that_find_no_room_are_written_by_the_same_command_later() {
    let bench = Bench::at(1000).await;
    let lines = good(50);
    bench.write(&text(&lines));
    let shown = Shown::of(bench.import_without_results(&["--results", "/dev/full"]));
    shown.assert_code(1);
    shown.assert_says("cannot write the results /dev/full: ");
    bench.run(&[]).assert_code(0);
    bench.assert_imported_once(&lines);
    assert_eq!(bench.calls(), 50, "no line was sent twice");

    let shown = Shown::of(bench.import_without_results(&["--results", "/dev/full"]));
    shown.assert_code(1);
    shown.assert_says("every line is done; the same command writes down what is missing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_import_of_the_same_file_at_the_same_time_is_refused() {
    let bench = Bench::at(1000).await;
    let lines = good(2000);
    bench.write(&text(&lines));
    let first = spawn(bench.import(&[]));
    bench.until_standing(100).await;
    let shown = bench.run(&[]);
    shown.assert_code(2);
    shown.assert_says("another import is at work with it");
    assert_eq!(first.wait_with_output().unwrap().status.code(), Some(0));
    bench.assert_imported_once(&lines);
    assert_eq!(bench.calls(), 2000);
}
