//! What is imported: a file or standard input, its form and its packing.

use std::{
    ffi::OsStr,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{
    lines::Lines,
    table::Table,
    tape::{Tape, hex},
    unpack::Packing,
};
use crate::proto::Group;

/// A tenth of a second's worth of records, about.
const TELL_EVERY: u64 = 1 << 16;

/// How groups are written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// An object a line.
    Jsonl,
    /// A header with the fields' names, and a record a group.
    Csv,
}

/// Where the groups come from.
pub(super) enum Input {
    Stdin,
    File { path: PathBuf, form: Form, packing: Packing },
}

/// What one reading of a file, before anything is sent, found.
pub(super) struct Survey {
    /// Of the file's bytes, as they are packed.
    pub(super) sha256: String,
    pub(super) bytes: u64,
    /// Groups in it, good and bad.
    pub(super) records: u64,
}

impl Input {
    /// The input that the command line names; the form goes by the name.
    pub(super) fn named(path: &Path) -> Result<Self, String> {
        if path == Path::new("-") {
            return Ok(Self::Stdin);
        }
        let lower = path.file_name().and_then(OsStr::to_str).unwrap_or_default().to_ascii_lowercase();
        let (rest, packing) = match lower.rsplit_once('.') {
            Some((rest, "gz")) => (rest, Packing::Gzip),
            Some((rest, "zst" | "zstd")) => (rest, Packing::Zstd),
            _ => (lower.as_str(), Packing::Plain),
        };
        let form = match rest.rsplit_once('.') {
            Some((_, "csv")) => Form::Csv,
            Some((_, "jsonl" | "ndjson" | "json")) => Form::Jsonl,
            _ => {
                return Err(format!(
                    "{}: cannot tell its form; name it .jsonl or .csv, followed by .gz or .zst where it is compressed",
                    path.display()
                ));
            }
        };
        Ok(Self::File { path: path.to_owned(), form, packing })
    }

    /// Its name for messages.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Stdin => "standard input".to_owned(),
            Self::File { path, .. } => path.display().to_string(),
        }
    }

    /// Reads a file once to its end: what it is known by, and how much there is
    /// to do. Finds a broken archive or header before anything has been sent.
    /// Tells `progress` now and then how many groups it has counted.
    pub(super) fn survey(&self, mut progress: impl FnMut(u64)) -> io::Result<Option<Survey>> {
        let Self::File { path, form, packing } = self else { return Ok(None) };
        let file = File::open(path)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("not a regular file; pipe it in with - and --journal"));
        }
        let mut raw = Hashing { from: file, hash: Sha256::new(), bytes: 0 };
        let mut records = Records::new(*form, Tape::new(packing.unpack(&mut raw)))?;
        let mut count = 0;
        while records.advance()?.is_some() {
            count += 1;
            if count % TELL_EVERY == 0 {
                progress(count);
            }
        }
        drop(records);
        io::copy(&mut raw, &mut io::sink())?; // whatever the archive's end left unread
        Ok(Some(Survey { sha256: hex(&raw.hash.finalize()), bytes: raw.bytes, records: count }))
    }

    /// Its groups. `length` is the survey's: what was added since is not read.
    pub(super) fn open(&self, length: Option<u64>) -> io::Result<(Form, Records<'static>)> {
        match self {
            Self::File { path, form, packing } => {
                let file = File::open(path)?.take(length.unwrap_or(u64::MAX));
                Ok((*form, Records::new(*form, Tape::new(packing.unpack(file)))?))
            }
            Self::Stdin => Records::sniffed(io::stdin()),
        }
    }
}

/// The records of an input, one after the other.
pub(super) struct Records<'a> {
    tape: Tape<'a>,
    reader: Reader,
}

enum Reader {
    Lines(Lines),
    Table(Box<Table>),
}

impl<'a> Records<'a> {
    /// The records on a tape; fails where the CSV header is wrong.
    pub(super) fn new(form: Form, mut tape: Tape<'a>) -> io::Result<Self> {
        tape.skip_mark()?;
        let reader = match form {
            Form::Jsonl => Reader::Lines(Lines::default()),
            Form::Csv => Reader::Table(Box::new(Table::open(&mut tape)?)),
        };
        Ok(Self { tape, reader })
    }

    /// The records of an input that has no name: its first bytes tell its
    /// packing and its form. Keeps the hash of all that passes.
    pub(super) fn sniffed(mut from: impl Read + Send + 'a) -> io::Result<(Form, Self)> {
        let mut head = Vec::new(); // whole, although a pipe may bring it byte by byte
        from.by_ref().take(Packing::TOLD_BY).read_to_end(&mut head)?;
        let packing = Packing::sniff(&head);
        let mut tape = Tape::new(packing.unpack(io::Cursor::new(head).chain(from))).hashed();
        tape.skip_mark()?;
        let alone = tape.skip_line_ends(false)?;
        // No name of a column begins with a space, but a line of JSON may.
        let jsonl = tape.peek()?.first().is_none_or(|first| matches!(first, b'{' | b'[' | b' ' | b'\t'));
        let form = if jsonl {
            Form::Jsonl
        } else {
            tape.count(alone);
            Form::Csv
        };
        Ok((form, Self::new(form, tape)?))
    }

    /// Moves to the next record, and returns the number of its first line.
    pub(super) fn advance(&mut self) -> io::Result<Option<u64>> {
        match &mut self.reader {
            Reader::Lines(lines) => lines.advance(&mut self.tape),
            Reader::Table(table) => table.advance(&mut self.tape),
        }
    }

    /// The record as a group, or all that is wrong with it.
    pub(super) fn parse(&self) -> Result<Group, String> {
        match &self.reader {
            Reader::Lines(lines) => lines.parse(),
            Reader::Table(table) => table.parse(),
        }
    }

    /// The hash of the input up to this record's end, where one is kept.
    pub(super) fn passed(&self) -> Option<String> {
        self.tape.passed()
    }
}

/// A reader that hashes all that passes.
struct Hashing<R> {
    from: R,
    hash: Sha256,
    bytes: u64,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(into)?;
        self.hash.update(&into[..read]);
        self.bytes += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn form_and_packing_go_by_the_name() {
        let of = |name: &str| match Input::named(Path::new(name)).unwrap() {
            Input::Stdin => None,
            Input::File { form, packing, .. } => Some((form, packing)),
        };
        assert_eq!(of("-"), None);
        assert_eq!(of("a/groups.jsonl"), Some((Form::Jsonl, Packing::Plain)));
        assert_eq!(of("groups.ndjson.gz"), Some((Form::Jsonl, Packing::Gzip)));
        assert_eq!(of("Groups.CSV.zst"), Some((Form::Csv, Packing::Zstd)));
        assert!(Input::named(Path::new("groups.gz")).is_err());
        assert!(Input::named(Path::new("csv")).is_err());
    }

    #[test]
    fn a_survey_counts_what_an_import_will_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("g.csv");
        std::fs::write(&path, "Type,Name\nPublic,\"a\nb\"\n\nwrong\n").unwrap();
        let input = Input::named(&path).unwrap();
        let survey = input.survey(|_| {}).unwrap().unwrap();
        assert_eq!((survey.records, survey.bytes), (2, 30));
        assert_eq!(survey.sha256, hex(&Sha256::digest(std::fs::read(&path).unwrap())));

        std::fs::write(&path, "Type,Name\nPublic,\"a\nb\"\n\nwrong\nadded,later\n").unwrap();
        let (_, mut records) = input.open(Some(survey.bytes)).unwrap();
        let mut lines = Vec::new();
        while let Some(line) = records.advance().unwrap() {
            lines.push(line);
        }
        assert_eq!(lines, [2, 5], "what was added since is not part of it");
    }
}
