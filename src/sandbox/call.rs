//! A call as it came in, read as far as that needs no knowledge of any app.

use axum::body::Bytes;
use http::Uri;
use serde_json::{Map, Value};

use super::{
    command::{Command, SERVICE},
    fields, get_group_info,
    query::Query,
    reply::Refusal,
    usersig::{self, UserSig},
};

/// Names longer than this are cut before they are logged.
const MAX_NAME: usize = 64;

/// Everything a call brings along. Read outside of the lock that the world is under.
pub(super) struct Call {
    /// The last part of the path, as it stood.
    pub(super) name: String,
    /// `None`: a path that Chat does not have.
    pub(super) command: Option<Command>,
    pub(super) query: Query,
    pub(super) usersig: Result<UserSig, Refusal>,
    pub(super) body: Result<Map<String, Value>, Refusal>,
    pub(super) raw: Bytes,
    /// The connection it came by.
    pub(super) connection: u64,
}

impl Call {
    pub(super) fn read((service, name): (&str, &str), uri: &Uri, raw: &Bytes, connection: u64) -> Self {
        let query = Query::read(uri);
        Self {
            name: name.chars().take(MAX_NAME).collect(),
            command: Command::named(name).filter(|_| service == SERVICE),
            usersig: usersig::decode(&query.usersig),
            query,
            body: read_body(raw),
            // A slice of hyper's buffer would keep all of that alive for as long as it is kept.
            raw: Bytes::copy_from_slice(raw),
            connection,
        }
    }

    /// Names in the body that Chat ignores.
    pub(super) fn ignored_fields(&self) -> Vec<String> {
        match (self.command, &self.body) {
            (Some(Command::ImportGroup), Ok(body)) => fields::ignored(body),
            (Some(Command::GetGroupInfo), Ok(body)) => get_group_info::ignored(body),
            _ => Vec::new(),
        }
    }
}

fn read_body(raw: &[u8]) -> Result<Map<String, Value>, Refusal> {
    match serde_json::from_slice(raw) {
        Ok(Value::Object(body)) => Ok(body),
        Ok(_) => Err(Refusal::new(10011, "the body is no JSON object")),
        Err(_) => Err(Refusal::new(60003, "the body is no JSON")),
    }
}
