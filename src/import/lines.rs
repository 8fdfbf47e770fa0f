//! JSON Lines cut into lines.

use std::io;

use super::{
    json,
    tape::{LONGEST, Tape},
};
use crate::proto::Group;

/// The line under the reader.
#[derive(Default)]
pub(super) struct Lines {
    text: Vec<u8>,
    too_long: bool,
}

impl Lines {
    /// Moves to the next line that is not blank, and returns its number.
    pub(super) fn advance(&mut self, tape: &mut Tape<'_>) -> io::Result<Option<u64>> {
        loop {
            let number = tape.line();
            if !self.read(tape)? {
                return Ok(None);
            }
            if self.too_long || !self.text.trim_ascii().is_empty() {
                return Ok(Some(number));
            }
        }
    }

    /// The line as a group.
    pub(super) fn parse(&self) -> Result<Group, String> {
        if self.too_long {
            return Err(format!("longer than {LONGEST} bytes"));
        }
        json::parse(self.text.trim_ascii())
    }

    /// Reads one line, whatever is in it; false at the end.
    fn read(&mut self, tape: &mut Tape<'_>) -> io::Result<bool> {
        self.text.clear();
        self.too_long = false;
        let mut any = false;
        loop {
            let bytes = tape.peek()?;
            if bytes.is_empty() {
                return Ok(any);
            }
            any = true;
            let end = bytes.iter().position(|byte| *byte == b'\n');
            let taken = end.map_or(bytes.len(), |end| end + 1);
            if self.text.len() + taken > LONGEST {
                self.too_long = true;
                self.text = Vec::new();
            }
            if !self.too_long {
                self.text.extend_from_slice(&bytes[..taken]);
            }
            tape.take(taken)?;
            if end.is_some() {
                return Ok(true);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::io::BufReader;

    use super::*;

    fn numbers(text: &[u8], buffer: usize) -> Vec<(u64, bool)> {
        let mut tape = Tape::new(Box::new(BufReader::with_capacity(buffer, text)));
        let mut lines = Lines::default();
        let mut found = Vec::new();
        while let Some(number) = lines.advance(&mut tape).unwrap() {
            found.push((number, lines.parse().is_ok()));
        }
        found
    }

    #[test]
    fn blank_lines_are_counted_and_skipped() {
        let text = b"{\"Name\":\"a\"}\n\n  \r\n{\"Name\":\"b\"}\r\nno\n{\"Name\":\"c\"}";
        for buffer in [1, 2, 7, 8192] {
            assert_eq!(numbers(text, buffer), [(1, true), (4, true), (5, false), (6, true)]);
        }
        assert_eq!(numbers(b"", 8), []);
        assert_eq!(numbers(b"\n\n", 8), []);
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over_alone() {
        let mut text = vec![b'x'; LONGEST + 1];
        text.extend_from_slice(b"\n{}\n");
        assert_eq!(numbers(&text, 8192), [(1, false), (2, true)]);
    }
}
