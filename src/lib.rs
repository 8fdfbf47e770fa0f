//! # The map
//!
//! A gRPC gateway through which groups are imported into Tencent Cloud Chat.
//! Internal services send typed messages; the gateway alone holds the
//! credential, signs, keeps the rate of 200 calls a second, turns Chat's error
//! codes into gRPC statuses, and lets no lost answer become a second group.
//!
//! ## A request's way
//!
//! | in | room |
//! |---|---|
//! | a connection, TLS, its limits, the stack ★ | [`gateway`] (`tls`, `serve`), [`inbound`] |
//! | counted, told of in its log line and span; a panic caught | [`inbound::observe`], [`inbound::entry`] |
//! | who is it? | [`inbound::identify`], [`callers`] |
//! | the caller's own ceiling | [`inbound::guard`] |
//! | a place among all that is under way | [`inbound::places`] |
//! | one deadline for all of it | [`inbound::deadline`], [`deadline`] |
//! | unary call or stream item | [`service`] |
//! | check → app and grant → call → reply or status | [`operation`], [`commands`], [`apps`] |
//!
//! | out | room |
//! |---|---|
//! | the stack ★ | [`outbound`] |
//! | twins under way share one call | [`outbound::once`] |
//! | a lost answer ends in a look | [`outbound::settle`], [`outbound::look`] |
//! | again, or not | [`outbound::retry`] |
//! | nothing for what cannot succeed | [`outbound::breaker`] |
//! | every attempt takes a permit | [`outbound::admit`], [`admission`] |
//! | the point of no return | `outbound::commit` |
//! | signed, after the wait | `outbound::sign`, [`credentials`] |
//! | seen as the wire sees it; a group made has its audit line | `outbound::observe`, `outbound::audit` |
//! | sent, and the answer read | [`outbound::http`], [`wire`] |
//!
//! Beside them: [`errors`] (★ the table of Chat's codes, and the only maker of
//! statuses), [`config`], [`regions`], [`telemetry`], [`admin`], [`stop`],
//! [`import`] (a client of the gateway), [`sandbox`] (the stand-in for Chat).
//!
//! ## Who may import whom
//!
//! Rooms further down never import rooms further up:
//! `cli` → `gateway` → `admin` → `inbound`, `service` → `operation` →
//! `commands` → `apps` → `outbound` → `wire` → `credentials`, `callers`,
//! `deadline`, `stop` → `telemetry` → `admission`, `errors` → `config` →
//! `regions`. `outbound` knows nothing of protobuf, and nothing but
//! `outbound::http` knows reqwest, nor anything but `telemetry::traces`
//! OpenTelemetry. `sandbox` shares no type with the gateway's
//! side: a misspelt field must not pass because both sides misspell it.
//! `import` knows the gateway's wire alone. `tests/architecture.rs` holds all
//! of this.
//!
//! ## Words
//!
//! **caller** who calls us over gRPC · **app** one SDKAppID with its region,
//! admin and rate · **Chat** the vendor's service · **command** the last part
//! of a REST path (`import_group`) · **call** one logical call to Chat ·
//! **attempt** one HTTP request of a call · **answer** Chat's parsed reply ·
//! **lost** an attempt whose answer never came whole · **permit** the right to
//! send one attempt · **lane** `unary` or `stream`.
//!
//! ## One more command
//!
//! The proto; a line in [`service`]; a file in [`commands`]; an arm in
//! [`sandbox`]; a test. Nothing else changes.

pub mod admin;
pub mod admission;
pub mod apps;
pub mod callers;
mod cli;
pub mod commands;
pub mod config;
pub mod credentials;
pub mod deadline;
pub mod errors;
pub mod gateway;
pub mod import;
pub mod inbound;
pub mod operation;
pub mod outbound;
pub mod proto;
pub mod regions;
pub mod sandbox;
pub mod service;
pub mod stop;
pub mod telemetry;
pub mod wire;

pub use cli::run;
