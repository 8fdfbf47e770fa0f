//! The groups of an input, for code that wants them without importing them.

use std::io::{self, Read};

use super::{
    input::{Form, Records},
    tape::Tape,
    unpack::Packing,
};
use crate::proto::Group;

/// The groups of an input as `import` reads them: each with the number of its
/// first line, and where it can't be read all that is wrong with it instead.
pub struct Groups<'a> {
    records: Records<'a>,
    ended: bool,
}

impl<'a> Groups<'a> {
    /// The groups that `from` holds, packed so and written down so.
    ///
    /// # Errors
    /// Where nothing can be read, or a CSV's header is wrong.
    pub fn read(form: Form, packing: Packing, from: impl Read + Send + 'a) -> io::Result<Self> {
        let records = Records::new(form, Tape::new(packing.unpack(from)))?;
        Ok(Self { records, ended: false })
    }

    /// The groups of an input that has no name: its first bytes tell what it is.
    ///
    /// # Errors
    /// As above.
    pub fn sniffed(from: impl Read + Send + 'a) -> io::Result<Self> {
        let (_, records) = Records::sniffed(from)?;
        Ok(Self { records, ended: false })
    }
}

impl Iterator for Groups<'_> {
    /// An error of reading is the last thing that comes.
    type Item = io::Result<(u64, Result<Group, String>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let line = self.records.advance().transpose();
        self.ended = !matches!(line, Some(Ok(_)));
        Some(line?.map(|line| (line, self.records.parse())))
    }
}
