//! HTTP/2 by hand: a client that may send whatever it likes.

use std::{
    collections::HashSet,
    io::{ErrorKind, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(crate) const DATA: u8 = 0x0;
pub(crate) const HEADERS: u8 = 0x1;
pub(crate) const PRIORITY: u8 = 0x2;
pub(crate) const RST_STREAM: u8 = 0x3;
pub(crate) const SETTINGS: u8 = 0x4;
pub(crate) const PING: u8 = 0x6;
pub(crate) const GOAWAY: u8 = 0x7;
pub(crate) const WINDOW_UPDATE: u8 = 0x8;
pub(crate) const CONTINUATION: u8 = 0x9;

pub(crate) const END_STREAM: u8 = 0x1;
pub(crate) const END_HEADERS: u8 = 0x4;

/// RST_STREAM's payload when a client no longer wants the answer.
pub(crate) const CANCEL: [u8; 4] = [0, 0, 0, 8];

const IMPORT_GROUP: &str = "/groupimport.v1.GroupImport/ImportGroup";

pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A header as HPACK has it when nothing is indexed (RFC 7541, 6.2.2).
pub(crate) fn header(name: &str, value: &str) -> Vec<u8> {
    let mut bytes = vec![0];
    for text in [name, value] {
        match text.len() {
            length @ ..127 => bytes.push(u8::try_from(length).unwrap()),
            mut length => {
                bytes.push(127);
                length -= 127;
                while length >= 128 {
                    bytes.push(u8::try_from(length % 128).unwrap() | 128);
                    length /= 128;
                }
                bytes.push(u8::try_from(length).unwrap());
            }
        }
        bytes.extend(text.as_bytes());
    }
    bytes
}

/// The header list of a call of `ImportGroup`, with a token if one is had.
pub(crate) fn call_headers(token: Option<&str>) -> Vec<u8> {
    headers_of(IMPORT_GROUP, token)
}

pub(crate) fn headers_of(path: &str, token: Option<&str>) -> Vec<u8> {
    let mut headers = Vec::new();
    for (name, value) in [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "gateway")] {
        headers.extend(header(name, value));
    }
    headers.extend(header("content-type", "application/grpc"));
    headers.extend(header("te", "trailers"));
    if let Some(token) = token {
        headers.extend(header("authorization", &format!("Bearer {token}")));
    }
    headers
}

/// What the gateway did to a connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    /// Frames that came, by kind.
    pub(crate) frames: [usize; 10],
    /// The error code of its GOAWAY, if one came.
    pub(crate) goaway: Option<u32>,
    /// Streams that it reset or answered to the end.
    pub(crate) ended: HashSet<u32>,
    /// It ended the connection.
    pub(crate) closed: bool,
}

/// A connection on which HTTP/2 was begun.
pub(crate) struct Raw {
    pub(crate) stream: TcpStream,
    pub(crate) told: Told,
    unread: Vec<u8>,
}

impl Raw {
    pub(crate) fn open(address: SocketAddr) -> Self {
        Self::open_with(address, &[])
    }

    /// With these settings of the client's.
    pub(crate) fn open_with(address: SocketAddr, settings: &[u8]) -> Self {
        let mut raw = Self::silent(address);
        raw.send(&[PREFACE, &frame(SETTINGS, 0, 0, settings)].concat());
        raw
    }

    /// A connection and nothing more.
    pub(crate) fn silent(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        // A gateway that reads no further is a way to end a flood too.
        stream.set_write_timeout(Some(Duration::from_secs(2))).unwrap();
        Self { stream, told: Told::default(), unread: Vec::new() }
    }

    /// Whether it could still be sent.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> bool {
        let sent = self.stream.write_all(bytes).is_ok();
        self.told.closed |= !sent;
        sent
    }

    /// Reads what has come already, so that the gateway is never held up by us.
    pub(crate) fn look(&mut self) {
        self.stream.set_nonblocking(true).unwrap();
        while self.read() {}
        self.stream.set_nonblocking(false).unwrap();
    }

    /// Reads until the gateway has ended the connection, or said enough.
    pub(crate) fn wait(&mut self, within: Duration, enough: impl Fn(&Told) -> bool) {
        let until = Instant::now() + within;
        self.stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        while !self.told.closed && !enough(&self.told) && Instant::now() < until {
            self.read();
        }
    }

    fn read(&mut self) -> bool {
        let mut buffer = [0; 65_536];
        match self.stream.read(&mut buffer) {
            Ok(0) => self.told.closed = true,
            Ok(length) => {
                self.unread.extend(&buffer[..length]);
                self.take_frames();
                return true;
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => self.told.closed = true,
        }
        false
    }

    fn take_frames(&mut self) {
        let mut rest = &self.unread[..];
        while let Some((head, after)) = rest.split_at_checked(9) {
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
            let Some((payload, after)) = after.split_at_checked(length) else { break };
            let number = |at: usize| u32::from_be_bytes(payload[at..at + 4].try_into().unwrap());
            let stream = u32::from_be_bytes(head[5..9].try_into().unwrap());
            self.told.frames[usize::from(head[3])] += 1;
            match head[3] {
                GOAWAY => self.told.goaway = Some(number(4)),
                RST_STREAM => drop(self.told.ended.insert(stream)),
                HEADERS | DATA if head[4] & END_STREAM != 0 => drop(self.told.ended.insert(stream)),
                _ => {}
            }
            rest = after;
        }
        self.unread = rest.to_vec();
    }
}
