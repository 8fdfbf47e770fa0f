//! Clients that mean ill, and one that means well, at the real binary.
//!
//! Each test attacks a gateway of its own with frames written by hand, while a gRPC client with another token goes on
//! calling: every call of that one must succeed, the gateway's memory must stay within 40 MiB of what it was, and
//! nothing may panic. They run one after the other and print a row of a table each (`cargo test --test edges --
//! --nocapture`). How long a call may take is bounded loosely: attackers, stand-in and gateway share the same cores.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, missing_docs)]

#[path = "../process/binary.rs"]
#[expect(dead_code, reason = "the other tests of the binary use more of it")]
mod binary;
mod floods;
mod frames;
mod holds;
mod rig;
mod sizes;
