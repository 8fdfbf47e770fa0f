//! `import` as whoever runs it has it: the real binary, through a gateway that is a process of its own, to a stand-in
//! that counts what arrives.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, missing_docs)]

mod bench;
#[path = "../process/binary.rs"]
#[allow(dead_code, reason = "shared with tests/process")]
mod binary;
mod broken;
#[path = "../it/tls/certs.rs"]
#[allow(dead_code, reason = "shared with tests/it")]
mod certs;
mod ends;
mod journal;
mod kills;
mod start;
mod tls;
