//! The real script on a real server, several replicas around it, and virtual time: the script is given the clock instead
//! of asking for it.

mod adapted;
mod reports;
mod script;
mod server;
mod steady;
mod transitions;
mod world;
