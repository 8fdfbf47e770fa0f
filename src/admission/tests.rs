//! What admission promises, checked on virtual time.

mod estimates;
mod fairness;
mod foreign;
mod handle;
pub(super) mod network;
mod proofs;
mod rooms;
mod single;
mod world;
