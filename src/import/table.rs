//! CSV cut into records, and each record as a group.
//!
//! The parser underneath works on buffers of ours, so that a quote that is
//! never closed can't read the rest of the file into memory.

use std::io;

use csv_core::ReadRecordResult;

use super::{
    draft::Draft,
    names::{Field, shorten, unknown_field},
    tape::{LONGEST, Tape},
};
use crate::proto::Group;

const CUSTOM: &str = "AppDefinedData.";
const MOST_CELLS: usize = 256;

/// A CSV file's header, and the record under the reader.
pub(super) struct Table {
    columns: Vec<Column>,
    row: Row,
}

enum Column {
    Plain(Field),
    Custom(String),
}

/// One record's cells, as bytes and the ends in them.
struct Row {
    parser: csv_core::Reader,
    text: Vec<u8>,
    ends: Vec<usize>,
    cells: usize,
    fault: Option<&'static str>,
    /// It ended in a carriage return, which a line feed may follow.
    returned: bool,
}

impl Table {
    /// Reads the header; the error names everything that is wrong with it.
    pub(super) fn open(tape: &mut Tape<'_>) -> io::Result<Self> {
        tape.skip_mark()?; // the parser's own way fails where a buffer ends after it
        let mut row = Row::new();
        let invalid = |fault: String| io::Error::new(io::ErrorKind::InvalidData, fault);
        let Some(line) = row.read(tape)? else {
            return Ok(Self { columns: Vec::new(), row });
        };
        let names = row.texts().map_err(|fault| invalid(format!("line {line}: the header: {fault}")))?;
        let columns = columns(&names).map_err(|fault| invalid(format!("line {line}: the header: {fault}")))?;
        Ok(Self { columns, row })
    }

    /// Moves to the next record that has anything in it, and returns the number
    /// of its first line.
    pub(super) fn advance(&mut self, tape: &mut Tape<'_>) -> io::Result<Option<u64>> {
        loop {
            let line = self.row.read(tape)?;
            let empty = self.row.ends[..self.row.cells].last() == Some(&0);
            if line.is_none() || self.row.fault.is_some() || !empty {
                return Ok(line);
            }
        }
    }

    /// The record as a group.
    pub(super) fn parse(&self) -> Result<Group, String> {
        let cells = self.row.texts()?;
        if cells.len() != self.columns.len() {
            return Err(format!("{} cells where the header has {}", cells.len(), self.columns.len()));
        }
        let mut draft = Draft::default();
        for (column, cell) in self.columns.iter().zip(cells) {
            match column {
                _ if cell.is_empty() => {}
                Column::Custom(key) => draft.custom(key.clone(), cell.to_owned()),
                Column::Plain(field) if field.is_integer() => match cell.trim().parse() {
                    Ok(number) => draft.integer(*field, number),
                    Err(_) => {
                        draft.wrong(format!("{}: expected an integer, found \"{}\"", field.name(), shorten(cell)))
                    }
                },
                Column::Plain(field) => draft.text(*field, cell.to_owned()),
            }
        }
        draft.finish()
    }
}

fn columns(names: &[&str]) -> Result<Vec<Column>, String> {
    if let [only] = names
        && only.contains([';', '\t'])
    {
        return Err("one column only: separate columns by commas".to_owned());
    }
    let (mut columns, mut wrong) = (Vec::new(), Vec::new());
    for (i, name) in names.iter().enumerate() {
        if names[..i].contains(name) {
            wrong.push(format!("{}: stands twice", shorten(name)));
        }
        match (name.strip_prefix(CUSTOM), Field::named(name)) {
            (Some(key), _) => columns.push(Column::Custom(key.to_owned())),
            (None, Some(Field::AppDefinedData)) => {
                wrong.push("AppDefinedData: a column for each custom field, named AppDefinedData.KEY".to_owned());
            }
            (None, Some(field)) => columns.push(Column::Plain(field)),
            (None, None) if name.is_empty() => wrong.push(format!("column {} has no name", i + 1)),
            (None, None) => wrong.push(unknown_field(name)),
        }
    }
    if wrong.is_empty() { Ok(columns) } else { Err(wrong.join("; ")) }
}

impl Row {
    fn new() -> Self {
        let (text, ends) = (vec![0; 4096], vec![0; MOST_CELLS]);
        Self { parser: csv_core::Reader::new(), text, ends, cells: 0, fault: None, returned: false }
    }

    /// Reads one record; the number of its first line, or nothing at the end.
    fn read(&mut self, tape: &mut Tape<'_>) -> io::Result<Option<u64>> {
        // The parser would pass over them too, but without saying how many they were. A carriage return ends a record
        // even alone, and no two records may have one number: the journal and the keys go by it.
        let alone = tape.skip_line_ends(self.returned)?;
        tape.count(alone);
        let line = tape.line();
        let (mut length, mut quotes) = (0, 0);
        (self.cells, self.fault) = (0, None);
        loop {
            let bytes = tape.peek()?;
            let at_end = bytes.is_empty();
            let (result, taken, written, ended) =
                self.parser.read_record(bytes, &mut self.text[length..], &mut self.ends[self.cells..]);
            quotes += bytes[..taken].iter().filter(|byte| **byte == b'"').count();
            self.returned = bytes[..taken].last() == Some(&b'\r');
            tape.take(taken)?;
            length += written;
            self.cells += ended;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::End => return Ok(None),
                ReadRecordResult::Record => {
                    if at_end && quotes % 2 == 1 && self.fault.is_none() {
                        self.fault = Some("a quote is opened and never closed");
                    }
                    return Ok(Some(line));
                }
                ReadRecordResult::OutputFull if length < LONGEST => {
                    self.text.resize(self.text.len() * 2, 0);
                }
                ReadRecordResult::OutputFull => {
                    length = 0; // of no use any more: only its end is looked for
                    self.fault = Some("longer than 1048576 bytes; perhaps a quote is never closed");
                }
                ReadRecordResult::OutputEndsFull => {
                    self.cells = 0;
                    self.fault = Some("more than 256 cells");
                }
            }
        }
    }

    fn texts(&self) -> Result<Vec<&str>, String> {
        if let Some(fault) = self.fault {
            return Err(fault.to_owned());
        }
        let mut start = 0;
        let cut = |end: &usize| {
            let cell = &self.text[start..*end];
            start = *end;
            std::str::from_utf8(cell)
        };
        let cells: Result<Vec<_>, _> = self.ends[..self.cells].iter().map(cut).collect();
        cells.map_err(|_| "not UTF-8".to_owned())
    }
}

#[cfg(test)]
mod tests;
