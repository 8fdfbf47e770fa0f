//! Three real gateways that share one rate through a real `redis-server`, and the stand-in that counts.
//!
//! Each test takes a Redis, a stand-in and gateways of its own, two tests at a time, and prints its rows of a table
//! (`cargo test --test redis -- --nocapture`). Nothing here depends on how fast the machine is but the share of the
//! rate that is used.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs
)]

#[path = "../process/binary.rs"]
#[expect(dead_code, reason = "the other tests of the binary use more of it")]
mod binary;
mod cluster;
mod load;
mod proxy;
mod secure;
mod server;
mod steady;
mod transitions;
