//! The input as a tape of bytes that counts lines and, where asked to, keeps
//! the hash of all that has passed.

use std::io::{self, BufRead, ErrorKind, Read as _};

use sha2::{Digest as _, Sha256};

/// A longer line, or CSV record, is an error of its own, so that a file that is
/// no list of groups can't fill the memory. The largest valid group takes 14 kB.
pub(super) const LONGEST: usize = 1 << 20;

/// The bytes of an input, unpacked.
pub(super) struct Tape<'a> {
    from: Box<dyn BufRead + Send + 'a>,
    line: u64,
    passed: Option<Sha256>,
}

impl<'a> Tape<'a> {
    /// A tape at its beginning.
    pub(super) fn new(from: Box<dyn BufRead + Send + 'a>) -> Self {
        Self { from, line: 1, passed: None }
    }

    /// From now on keeps the hash of what passes.
    pub(super) fn hashed(mut self) -> Self {
        self.passed = Some(Sha256::new());
        self
    }

    /// The number of the line that the next byte stands in, from 1.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// The hash of all that has been taken so far, in hex.
    pub(super) fn passed(&self) -> Option<String> {
        self.passed.as_ref().map(|hash| hex(&hash.clone().finalize()))
    }

    /// What comes next, at least a byte of it; empty at the end.
    pub(super) fn peek(&mut self) -> io::Result<&[u8]> {
        // Twice, because the first borrow can't be returned out of a loop.
        while let Err(error) = self.from.fill_buf() {
            if error.kind() != ErrorKind::Interrupted {
                return Err(error);
            }
        }
        self.from.fill_buf()
    }

    /// Takes the byte order mark that Windows programs begin a file with, even
    /// where it comes in pieces.
    pub(super) fn skip_mark(&mut self) -> io::Result<()> {
        const MARK: &[u8] = b"\xef\xbb\xbf";
        let mut found = 0;
        while found < MARK.len() && self.peek()?.first() == Some(&MARK[found]) {
            self.from.consume(1);
            found += 1;
        }
        if let (true, Some(passed)) = (found == MARK.len(), &mut self.passed) {
            passed.update(MARK);
        } else if (1..MARK.len()).contains(&found) {
            // It was none: back to where it came from.
            let rest = std::mem::replace(&mut self.from, Box::new(io::empty()));
            self.from = Box::new(MARK[..found].chain(rest));
        }
        Ok(())
    }

    /// Takes the line ends that come next, and says how many of them were a
    /// carriage return alone, which `line` does not count. `returned`: one has
    /// been taken just before.
    pub(super) fn skip_line_ends(&mut self, mut returned: bool) -> io::Result<u64> {
        let mut alone = 0;
        loop {
            let bytes = self.peek()?;
            let ends = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            for byte in &bytes[..ends] {
                alone += u64::from(returned && *byte != b'\n');
                returned = *byte == b'\r';
            }
            let more = ends > 0 && ends == bytes.len();
            self.take(ends)?;
            if !more {
                return Ok(alone + u64::from(returned));
            }
        }
    }

    /// Counts lines that end in something else than a line feed.
    pub(super) fn count(&mut self, lines: u64) {
        self.line += lines;
    }

    /// Takes `count` bytes of what `peek` showed.
    pub(super) fn take(&mut self, count: usize) -> io::Result<()> {
        let bytes = &self.from.fill_buf()?[..count];
        self.line += bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
        if let Some(passed) = &mut self.passed {
            passed.update(bytes);
        }
        self.from.consume(count);
        Ok(())
    }
}

/// Bytes in hex.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::io::BufReader;

    use super::*;

    /// What is left after the mark is gone, if there is one, and the hash of all of it.
    fn rest(text: &[u8], buffer: usize) -> (Vec<u8>, String) {
        let mut tape = Tape::new(Box::new(BufReader::with_capacity(buffer, text))).hashed();
        tape.skip_mark().unwrap();
        let mut rest = Vec::new();
        while !tape.peek().unwrap().is_empty() {
            rest.push(tape.peek().unwrap()[0]);
            tape.take(1).unwrap();
        }
        (rest, tape.passed().unwrap())
    }

    #[test]
    fn a_mark_is_taken_whole_or_not_at_all_whatever_comes_at_a_time() {
        for buffer in [1, 2, 3, 8] {
            let of = |text: &[u8]| hex(&Sha256::digest(text));
            for (text, left) in [
                (&b"\xef\xbb\xbfab"[..], &b"ab"[..]),
                (b"\xef\xbb\xbf\xef\xbb\xbf", b"\xef\xbb\xbf"),
                (b"\xef\xbbab", b"\xef\xbbab"),
                (b"\xef", b"\xef"),
                (b"", b""),
                (b"ab", b"ab"),
            ] {
                assert_eq!(rest(text, buffer), (left.to_vec(), of(text)), "{text:?}");
            }
        }
    }
}
