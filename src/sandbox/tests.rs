//! The stand-in over real HTTP, with a client that knows nothing of it but the vendor's pages.

mod admission;
pub(super) mod client;
mod commands;
mod faults;
mod life;
