//! gzip and zstd, unpacked as they are read.

use std::io::{self, BufRead, BufReader, ErrorKind, Read};

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::{
    BlockDecodingStrategy, FrameDecoder,
    errors::{FrameDecoderError, ReadFrameHeaderError},
};

const BUFFER: usize = 128 * 1024;

/// How an input is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// Not at all.
    Plain,
    /// By gzip, in one member or several.
    Gzip,
    /// By zstd, in one frame or several.
    Zstd,
}

impl Packing {
    /// How many bytes tell it.
    pub(super) const TOLD_BY: u64 = 4;

    /// By the first bytes, for an input that has no name.
    pub(super) fn sniff(beginning: &[u8]) -> Self {
        match beginning {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            _ => Self::Plain,
        }
    }

    /// The bytes packed in `from`.
    pub(super) fn unpack<'a>(self, from: impl Read + Send + 'a) -> Box<dyn BufRead + Send + 'a> {
        let from = BufReader::with_capacity(BUFFER, from);
        match self {
            Self::Plain => Box::new(from),
            Self::Gzip => Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(from))),
            Self::Zstd => Box::new(BufReader::with_capacity(BUFFER, Frames::new(from))),
        }
    }
}

/// All frames of a zstd file, one after the other: parallel compressors write
/// many, with skippable ones between them.
struct Frames<R> {
    from: R,
    frame: FrameDecoder,
    inside: bool,
}

impl<R: BufRead> Frames<R> {
    fn new(from: R) -> Self {
        Self { from, frame: FrameDecoder::new(), inside: false }
    }

    /// Begins the next frame; false at the end of the file.
    fn begin(&mut self) -> io::Result<bool> {
        while !self.from.fill_buf()?.is_empty() {
            match self.frame.reset(&mut self.from) {
                Ok(()) => {
                    self.inside = true;
                    return Ok(true);
                }
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                    let skipped = io::copy(&mut (&mut self.from).take(length.into()), &mut io::sink())?;
                    if skipped < u64::from(length) {
                        return Err(ErrorKind::UnexpectedEof.into());
                    }
                }
                Err(error) => return Err(io::Error::new(ErrorKind::InvalidData, error)),
            }
        }
        Ok(false)
    }
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            if !self.inside && !self.begin()? {
                return Ok(0);
            }
            while self.frame.can_collect() == 0 && !self.frame.is_finished() {
                self.frame
                    .decode_blocks(&mut self.from, BlockDecodingStrategy::UptoBytes(BUFFER))
                    .map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
            }
            let read = self.frame.read(into)?;
            if read > 0 || into.is_empty() {
                return Ok(read);
            }
            self.inside = false;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::io::Write as _;

    use flate2::{Compression, write::GzEncoder};
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn read(packing: Packing, bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        packing.unpack(bytes).read_to_end(&mut out).map(|_| out)
    }

    #[test]
    fn members_and_frames_that_follow_each_other_are_one_text() {
        let (one, two) = ("first\n".repeat(50_000), "second\n".repeat(50_000));
        let both = [one.as_bytes(), two.as_bytes()].concat();
        let gz = [gzip(one.as_bytes()), gzip(two.as_bytes())].concat();
        assert!(read(Packing::Gzip, &gz).unwrap() == both);

        let frame = |text: &str| compress_to_vec(text.as_bytes(), CompressionLevel::Fastest);
        let skippable = [0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, b'a', b'b', b'c'];
        let zst = [frame(&one), skippable.to_vec(), frame(""), frame(&two)].concat();
        assert!(read(Packing::Zstd, &zst).unwrap() == both);
    }

    #[test]
    fn a_file_that_was_cut_off_is_an_error_not_an_end() {
        let text = "a line\n".repeat(1000);
        let gz = gzip(text.as_bytes());
        assert!(read(Packing::Gzip, &gz[..gz.len() - 9]).is_err());
        let zst = compress_to_vec(text.as_bytes(), CompressionLevel::Fastest);
        assert!(read(Packing::Zstd, &zst[..zst.len() - 9]).is_err());
        assert!(read(Packing::Zstd, b"no zstd at all").is_err());
    }

    #[test]
    fn packing_is_recognised_by_the_first_bytes() {
        assert_eq!(Packing::sniff(&gzip(b"x")), Packing::Gzip);
        assert_eq!(Packing::sniff(&compress_to_vec(&b"x"[..], CompressionLevel::Fastest)), Packing::Zstd);
        assert_eq!(Packing::sniff(b"{}"), Packing::Plain);
    }
}
