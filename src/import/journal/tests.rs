#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;

use super::{past::LineSet, *};
use crate::import::{ending::Failure, input::Form};

fn header() -> Header {
    let input = Identity::File { sha256: "ab".into(), bytes: 2 };
    Header::new(input, Form::Jsonl, "", false)
}

fn open(path: &Path, id: &str) -> Result<Journal, String> {
    Journal::open(path, Header { id: id.into(), ..header() })
}

fn write(journal: &mut Journal, records: &[Record]) {
    let mut bytes = Vec::new();
    records.iter().for_each(|record| Journal::encode(record, &mut bytes).unwrap());
    journal.append(&bytes).unwrap();
}

fn sent(first: u64, last: u64) -> Record {
    Record::Sent { lines: vec![(first, last)], prefix: None }
}

fn story() -> Vec<Record> {
    vec![
        sent(1, 3),
        Record::Done(Ending::imported(2, "g2".into(), false)),
        Record::Done(Ending::failed(3, Failure::malformed("bad".into()))),
        Record::Back(vec![(1, 1)]),
        sent(1, 1),
        Record::Done(Ending::imported(1, "g1".into(), true)),
    ]
}

/// Which of lines 1 to 3 are sent and which done, after so many records.
fn state(records: usize) -> (Vec<u64>, Vec<u64>) {
    of(&Past::of(story().into_iter().take(records)))
}

fn of(past: &Past) -> (Vec<u64>, Vec<u64>) {
    let those = |set: &LineSet| (1..=3).filter(|line| set.contains(*line)).collect();
    (those(&past.sent), those(&past.done))
}

#[test]
fn a_journal_cut_at_any_byte_goes_on_with_the_records_that_are_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("j");
    let mut journal = open(&path, "first").unwrap();
    let mut ends = vec![journal.end];
    for record in story() {
        write(&mut journal, &[record]);
        ends.push(journal.end);
    }
    drop(journal);
    let whole = fs::read(&path).unwrap();
    for cut in 0..=whole.len() {
        fs::write(&path, &whole[..cut]).unwrap();
        let mut journal = open(&path, "second").unwrap();
        let records = ends.iter().filter(|end| **end <= cut as u64).count();
        let Some(records) = records.checked_sub(1) else {
            assert_eq!(journal.id(), "second", "cut at {cut}, inside the header: begun anew");
            continue;
        };
        assert_eq!(journal.id(), "first");
        let mut done = Vec::new();
        let past = journal.replay(|ending| {
            done.push(ending.line);
            Ok(())
        });
        let past = past.unwrap();
        assert_eq!(of(&past), state(records), "cut at {cut}");
        assert_eq!(past.torn, cut as u64 - ends[records]);
        assert_eq!(done.len(), state(records).1.len());

        // What is appended after the cut is read, and nothing of the torn record is.
        write(&mut journal, &[sent(9, 9)]);
        drop(journal);
        let mut journal = open(&path, "third").unwrap();
        let past = journal.replay(|_| Ok(())).unwrap();
        assert!(past.sent.contains(9) && past.torn == 0, "cut at {cut}");
    }
}

#[test]
fn damage_in_the_middle_is_told_from_a_cut() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("j");
    let mut journal = open(&path, "id").unwrap();
    let start = journal.end as usize;
    write(&mut journal, &story());
    drop(journal);
    let mut bytes = fs::read(&path).unwrap();
    bytes[start + 20] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let said = open(&path, "id").unwrap().replay(|_| Ok(())).err().unwrap();
    assert!(said.contains(&format!("damaged at byte {start}")), "{said}");
    assert_eq!(fs::read(&path).unwrap(), bytes, "and left as it is");
}

#[test]
fn another_import_at_work_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("j");
    let _held = open(&path, "id").unwrap();
    let said = open(&path, "id").err().unwrap();
    assert!(said.contains("another import is at work"), "{said}");
}

#[test]
fn a_file_that_is_no_journal_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("groups.jsonl");
    for text in ["{\"Name\":\"n\"}\n", "x", "group-import-journal 2\n", "group-import-journal 1\nnonsense\n"] {
        fs::write(&path, text).unwrap();
        let said = open(&path, "id").err().unwrap();
        assert!(said.contains("is left as it is"), "{said}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
}

#[test]
fn a_journal_of_another_input_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("j");
    drop(open(&path, "id").unwrap());
    let other = Identity::File { sha256: "cd".into(), bytes: 2 };
    let said = Journal::open(&path, Header { input: other, ..header() }).err().unwrap();
    assert!(said.contains("belongs to a different input"), "{said}");
}

#[test]
fn a_failed_append_leaves_no_half_record() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("j");
    let mut journal = open(&path, "id").unwrap();
    write(&mut journal, &[sent(1, 1)]);
    let end = journal.end;
    journal.file = File::open(&path).unwrap(); // for reading only: as good as a full disk
    assert!(journal.append(b"0000").is_err());
    assert_eq!((journal.end, fs::metadata(&path).unwrap().len()), (end, end));
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let said = open(Path::new("/nowhere/at/all.journal"), "id").err().unwrap();
    assert!(said.contains("/nowhere/at/all.journal") && said.contains("--journal"), "{said}");
}
