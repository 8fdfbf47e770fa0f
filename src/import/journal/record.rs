//! A record's form: a checksum, a space, and JSON, on a line of its own, so
//! that an eye can read it and a cut in it shows.

use std::io;

use flate2::Crc;
use serde::{Deserialize, Serialize};

use super::header::Header;
use crate::import::ending::Ending;

/// The first line of every journal; another version has another number.
pub(super) const MAGIC: &[u8] = b"group-import-journal 1\n";

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::import) enum Record {
    /// The journal was begun.
    Begun(Header),
    /// These lines, from first to last of each range, are about to be sent.
    Sent {
        lines: Vec<(u64, u64)>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        prefix: Option<Prefix>,
    },
    /// These lines were sent, and surely made no group: as if they had not been.
    Back(Vec<(u64, u64)>),
    /// This line is never sent again.
    Done(Ending),
}

/// The hash of an input from its beginning to the end of a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::import) struct Prefix {
    pub(in crate::import) line: u64,
    pub(in crate::import) sha256: String,
}

/// Lines in ascending order, as ranges.
pub(in crate::import) fn ranges(lines: impl Iterator<Item = u64>) -> Vec<(u64, u64)> {
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    for line in lines {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == line => *last = line,
            _ => ranges.push((line, line)),
        }
    }
    ranges
}

pub(super) fn encode(record: &Record, into: &mut Vec<u8>) -> io::Result<()> {
    let start = into.len();
    into.extend_from_slice(b"00000000 ");
    serde_json::to_writer(&mut *into, record)?;
    let sum = format!("{:08x}", checksum(&into[start + 9..]));
    into[start..start + 8].copy_from_slice(sum.as_bytes());
    into.push(b'\n');
    Ok(())
}

/// The record on a line; nothing where the line is cut short or changed.
pub(super) fn decode(line: &[u8]) -> Option<Record> {
    let (sum, rest) = line.split_at_checked(8)?;
    let json = rest.strip_prefix(b" ")?.strip_suffix(b"\n")?;
    let sum = u32::from_str_radix(std::str::from_utf8(sum).ok()?, 16).ok()?;
    (sum == checksum(json)).then(|| serde_json::from_slice(json).ok())?
}

fn checksum(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_record_is_read_as_it_was_written_and_no_other() {
        let record = Record::Sent { lines: vec![(1, 5), (7, 7)], prefix: None };
        let mut line = Vec::new();
        encode(&record, &mut line).unwrap();
        assert_eq!(decode(&line), Some(record));
        for i in 0..line.len() {
            let mut changed = line.clone();
            changed[i] ^= 1;
            assert_eq!(decode(&changed), None, "byte {i}");
            assert_eq!(decode(&line[..i]), None, "cut at {i}");
        }
    }

    #[test]
    fn neighbours_become_one_range() {
        assert_eq!(ranges([1, 2, 3, 5, 8, 9].into_iter()), [(1, 3), (5, 5), (8, 9)]);
        assert_eq!(ranges([].into_iter()), []);
    }
}
