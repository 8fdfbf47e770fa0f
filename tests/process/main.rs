//! The real binary, as an operator runs it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, missing_docs)]

mod binary;
#[path = "../it/tls/certs.rs"]
#[allow(dead_code, reason = "shared with tests/it")]
mod certs;
mod commands;
mod descriptors;
mod dumps;
mod logs;
mod receiver;
mod secrets;
mod stops;
mod tls;
mod traces;
