//! The input as a tape of bytes that counts lines and, where asked to, keeps
//! the hash of all that has passed.

use std::io::{self, BufRead, ErrorKind};

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

    /// Takes the byte order mark that Windows programs begin a file with.
    pub(super) fn skip_mark(&mut self) -> io::Result<()> {
        const MARK: &[u8] = b"\xef\xbb\xbf";
        if self.peek()?.starts_with(MARK) { self.take(MARK.len()) } else { Ok(()) }
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
