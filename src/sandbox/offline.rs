//! The stand-in without a network: a call in, an answer out, for whoever needs its judgement a
//! million times over.

use http::Uri;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::{call::Call, log::Seen, reply::Reply, settings::Settings, world::World};

/// A stand-in that is called like a function. Latency, jitter and stalls are the network's, and
/// so are not to be had here.
pub struct Offline(World);

impl Offline {
    /// One that behaves as `settings` say.
    pub fn new(settings: Settings) -> Self {
        Self(World::new(settings, CancellationToken::new()))
    }

    /// The answer to `body`, posted to a path with its query. `None` where Chat has no such path,
    /// or where a fault of `settings` left no whole answer.
    pub fn answer(&mut self, target: &Uri, body: &[u8]) -> Option<Vec<u8>> {
        let (service, command) = target.path().strip_prefix("/v4/")?.split_once('/')?;
        let call = Call::read((service, command), target, &body.to_vec().into(), 1);
        match self.0.arrive(&call) {
            Reply::Answer(envelope) => Some(Value::Object(envelope).to_string().into_bytes()),
            _ => None,
        }
    }

    /// The newest calls, oldest first; [`Settings::keep_calls`] at most.
    pub fn calls(&self) -> Vec<Seen> {
        self.0.log.seen()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_call_is_judged_as_over_the_network() {
        let mut chat = Offline::new(Settings::default());
        let target =
            |path: &str| format!("{path}?sdkappid=1&identifier=a&usersig=x&random=1&contenttype=json").parse().unwrap();
        assert_eq!(chat.answer(&target("/v3/group_open_http_svc/import_group"), b"{}"), None);
        let answer = chat.answer(&target("/v4/group_open_http_svc/import_group"), b"{\"Nmae\":\"n\"}").unwrap();
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        assert_eq!((&answer["ActionStatus"], &answer["ErrorCode"]), (&"FAIL".into(), &70020.into()));
        assert_eq!(chat.calls()[0].ignored_fields, ["Nmae"]);
    }
}
