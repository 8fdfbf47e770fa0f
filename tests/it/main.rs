//! A real gateway and the Chat stand-in, over real gRPC and real HTTP, on
//! ports that the system chose.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod admin;
mod bad_groups;
mod breakers;
mod callers;
mod connections;
mod errors;
mod lost;
mod never_twice;
mod places;
mod rig;
mod samples;
mod server;
mod settle;
mod stream;
mod tls;
