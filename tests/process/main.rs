//! The real binary, as an operator runs it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod binary;
mod commands;
mod descriptors;
mod dumps;
mod secrets;
mod stops;
