//! The journal: what was sent and what came of it, so that a later run goes on
//! where this one ends, however it ends.
//!
//! It is only ever appended to. A line is recorded as sent, durably, before it
//! is sent. So a line that the journal doesn't know was never sent; one that is
//! recorded as sent, and no more, may have made its group; one that is done is
//! never sent again. A kill can only cut the last record short, which is then
//! taken away and the file goes on from there.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use self::record::{MAGIC, decode, encode};
pub(super) use self::{
    header::{Header, Identity, uuid},
    past::Past,
    record::{Prefix, Record, ranges},
};
use super::ending::Ending;

mod header;
mod past;
mod record;

/// No record is longer: a batch's lines, or a failure's message.
const LONGEST_RECORD: u64 = 1 << 20;

/// An open journal, locked against a second import.
pub(super) struct Journal {
    file: File,
    path: PathBuf,
    header: Header,
    /// Where the whole records end.
    end: u64,
}

impl Journal {
    /// Opens the journal of the import that `header` describes, or begins it.
    /// The header's ID is replaced by that of the journal.
    pub(super) fn open(path: &Path, header: Header) -> Result<Self, String> {
        let failed = |what: &str, error: io::Error| format!("cannot {what} the journal {}: {error}", path.display());
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(path)
            .map_err(|error| failed("open", error) + "; --journal puts it elsewhere")?;
        lock(&file).map_err(|error| failed("lock", error))?;
        let found = begun(&mut file).map_err(|error| failed("read", error))?;
        let (header, end) = match found {
            Begun::Not => {
                begin(&mut file, path, &header).map_err(|error| failed("begin", error))?;
                let end = file.stream_position().map_err(|error| failed("begin", error))?;
                (header, end)
            }
            Begun::Here(found, end) => {
                if let Some(difference) = found.differs(&header) {
                    return Err(format!("the journal {} {difference}", path.display()));
                }
                (found, end)
            }
            Begun::Other => {
                return Err(format!(
                    "{} is not a journal of this version, and is left as it is; choose another with --journal",
                    path.display()
                ));
            }
        };
        Ok(Self { file, path: path.to_owned(), header, end })
    }

    /// The import's own ID, from which the lines' keys are made.
    pub(super) fn id(&self) -> &str {
        &self.header.id
    }

    /// Reads what earlier runs recorded, and hands on every line that is done,
    /// once. A record cut short at the end is taken away.
    pub(super) fn replay(&mut self, mut done: impl FnMut(&Ending) -> Result<(), String>) -> Result<Past, String> {
        let path = self.path.display().to_string();
        let failed = |error: io::Error| format!("cannot read the journal {path}: {error}");
        self.file.seek(SeekFrom::Start(self.end)).map_err(failed)?;
        let mut reader = BufReader::with_capacity(1 << 16, &self.file);
        let (mut past, mut at, mut torn) = (Past::default(), self.end, false);
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = (&mut reader).take(LONGEST_RECORD).read_until(b'\n', &mut line).map_err(failed)? as u64;
            if read == 0 {
                break;
            }
            at += read;
            match decode(&line) {
                Some(_) if torn => {
                    return Err(format!(
                        "the journal {path} is damaged at byte {}, with good records behind it; restore it from a copy",
                        self.end
                    ));
                }
                Some(record) => {
                    self.end = at;
                    if let Some(ending) = past.apply(record) {
                        done(&ending)?;
                    }
                }
                None => torn = true,
            }
        }
        past.torn = at - self.end;
        if torn {
            self.file.set_len(self.end).map_err(|error| format!("cannot mend the journal {path}: {error}"))?;
        }
        Ok(past)
    }

    /// Appends records, wholly or not at all.
    pub(super) fn append(&mut self, records: &[u8]) -> Result<(), String> {
        if let Err(error) = self.file.write_all(records) {
            // Half a record in the middle would be damage: take it away again.
            let _ = self.file.set_len(self.end);
            return Err(self.unwritable(&error));
        }
        self.end += records.len() as u64;
        Ok(())
    }

    /// Returns once all that was appended would survive a loss of power.
    pub(super) fn sync(&self) -> Result<(), String> {
        self.file.sync_data().map_err(|error| self.unwritable(&error))
    }

    fn unwritable(&self, error: &io::Error) -> String {
        format!("cannot write the journal {}: {error}", self.path.display())
    }

    /// A record's bytes, for `append`.
    pub(super) fn encode(record: &Record, into: &mut Vec<u8>) -> io::Result<()> {
        encode(record, into)
    }
}

/// What stands at the beginning of a file that shall be a journal.
enum Begun {
    Not,
    Here(Header, u64),
    Other,
}

fn begun(file: &mut File) -> io::Result<Begun> {
    file.seek(SeekFrom::Start(0))?;
    let mut reader = BufReader::new(&*file).take(LONGEST_RECORD);
    let (mut magic, mut header) = (Vec::new(), Vec::new());
    reader.read_until(b'\n', &mut magic)?;
    reader.read_until(b'\n', &mut header)?;
    if magic != MAGIC {
        return Ok(if MAGIC.starts_with(&magic) { Begun::Not } else { Begun::Other });
    }
    match decode(&header) {
        Some(Record::Begun(found)) => Ok(Begun::Here(found, (magic.len() + header.len()) as u64)),
        // Cut short before the header was whole, so before anything was sent.
        None if !header.ends_with(b"\n") => Ok(Begun::Not),
        _ => Ok(Begun::Other),
    }
}

fn begin(file: &mut File, path: &Path, header: &Header) -> io::Result<()> {
    let mut beginning = MAGIC.to_vec();
    encode(&Record::Begun(header.clone()), &mut beginning)?;
    file.set_len(0)?;
    file.write_all(&beginning)?;
    file.sync_all()?;
    // The folder's entry too: with the journal's name, the lines' keys would be lost.
    #[cfg(unix)]
    File::open(path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")))?.sync_all()?;
    Ok(())
}

fn lock(file: &File) -> io::Result<()> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(io::Error::other("another import is at work with it")),
        // Some network file systems have no locks; an import without one is better than none.
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(()),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests;
