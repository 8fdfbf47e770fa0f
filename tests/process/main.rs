//! The real binary, as an operator runs it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, missing_docs)]

mod binary;
mod commands;
mod descriptors;
mod dumps;
mod secrets;
mod stops;
