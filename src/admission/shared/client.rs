//! Talks to Redis: one connection, one call at a time.
//!
//! The connection is kept here and not by the crate's connection manager, which holds on to one that has gone dead
//! without a word until the kernel gives it up, after a quarter of an hour.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, RedisError, Script};
use tokio::time::{Instant, timeout, timeout_at};

use super::exchange::Plan;
use super::link::Standing;
use super::settings::Sharing;
use super::timing::{FAILURES, TIMEOUT};
use super::wire::{Answer, Ask, Purpose};
use crate::admission::shell::Shared;

/// A handshake over TLS takes a few round trips.
const CONNECT: Duration = Duration::from_secs(1);

/// Keeps an admission in touch with the ledger, until nobody needs it any more.
pub(in crate::admission) async fn keep(shared: Arc<Shared>, sharing: Sharing) {
    let mut client = Client::new(sharing);
    loop {
        let (standing, plan) = shared.plan();
        client.tell(standing);
        match plan {
            Plan::Rest(until) => drop(timeout_at(until, shared.asked.notified()).await),
            Plan::End => break,
            Plan::Send(mut ask) => {
                if !client.is_connected() {
                    // Time passes meanwhile; there may be something else to say by then.
                    if !client.connect().await {
                        shared.event(|state, now| state.unreachable(now));
                        if ask.purpose == Purpose::Leave {
                            break;
                        }
                    }
                    continue;
                }
                let sent = Instant::now();
                shared.look(|state, now| state.told(&ask, now));
                let answer = client.call(&mut ask).await;
                shared.event(|state, now| state.heard(&ask, answer, sent, now));
                if ask.purpose == Purpose::Leave {
                    break;
                }
            }
        }
    }
    shared.left.cancel();
}

impl Shared {
    fn plan(&self) -> (Standing, Plan) {
        let mut inner = self.lock();
        let (now, ended) = (Instant::now(), inner.ended);
        let (standing, plan) = inner.state.plan(ended, now);
        inner.client_rests_until = match plan {
            Plan::Rest(until) => Some(until),
            Plan::Send(_) | Plan::End => None,
        };
        (standing, plan)
    }
}

struct Client {
    sharing: Sharing,
    key: String,
    script: Script,
    connection: Option<MultiplexedConnection>,
    /// Which server it leads to; zero if that does not say.
    server: i64,
    failures: u32,
    /// A failure has been logged, and nothing has been heard since.
    complained: bool,
    standing: Option<Standing>,
}

impl Client {
    fn new(sharing: Sharing) -> Self {
        let script = Script::new(include_str!("../shared.lua"));
        Client {
            key: sharing.key(),
            sharing,
            script,
            connection: None,
            server: 0,
            failures: 0,
            complained: false,
            standing: None,
        }
    }

    fn is_connected(&self) -> bool {
        self.connection.is_some()
    }

    async fn connect(&mut self) -> bool {
        match timeout(CONNECT, open(&self.sharing)).await {
            Ok(Ok((connection, server))) => {
                self.connection = Some(connection);
                self.server = server;
            }
            Ok(Err(error)) => self.failed(&error),
            Err(_) => self.failed(&RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut))),
        }
        self.is_connected()
    }

    /// `None` if no answer came in time.
    async fn call(&mut self, ask: &mut Ask) -> Option<Answer> {
        ask.server = self.server;
        let connection = self.connection.as_mut()?;
        let mut call = self.script.key(&self.key);
        call.arg(&*self.sharing.redis.instance).arg(ask.purpose.name()).arg(ask.args());
        match timeout(TIMEOUT, call.invoke_async::<Vec<i64>>(connection)).await {
            Ok(Ok(numbers)) => {
                (self.failures, self.complained) = (0, false);
                Answer::read(&numbers)
            }
            Ok(Err(error)) => {
                self.failed(&error);
                None
            }
            Err(_) => {
                self.failures += 1;
                // One late answer is no reason to connect anew; several may mean that nobody is there any more.
                if self.failures >= FAILURES {
                    self.connection = None;
                    self.failures = 0;
                }
                None
            }
        }
    }

    fn failed(&mut self, error: &RedisError) {
        self.connection = None;
        self.failures = 0;
        if !std::mem::replace(&mut self.complained, true) {
            tracing::warn!(scope = %self.sharing.scope, error = %error, "the ledger can't be asked");
        }
    }

    /// Logs how things stand, once for each change.
    fn tell(&mut self, standing: Standing) {
        let before = self.standing.replace(standing);
        // Before the first answer there is nothing to tell.
        if before == Some(standing) || (before.is_none() && standing == Standing::Silent) {
            return;
        }
        let scope = &*self.sharing.scope;
        match standing {
            Standing::Joined => tracing::info!(scope, "the rate is shared with the other replicas"),
            Standing::Silent => tracing::warn!(scope, "the ledger does not answer: what it granted runs out"),
            Standing::Share => tracing::warn!(scope, "without the ledger: keeping to this replica's share of the rate"),
            Standing::Closed => {
                tracing::error!(scope, "without the ledger, and with no share of the rate to use: stopped")
            }
        }
    }
}

/// A connection, and which server it leads to.
async fn open(sharing: &Sharing) -> Result<(MultiplexedConnection, i64), RedisError> {
    let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
    let mut connection = sharing.redis.client.get_multiplexed_async_connection_with_config(&config).await?;
    let info: Result<String, _> = redis::cmd("INFO").arg("server").query_async(&mut connection).await;
    match info {
        Ok(info) => Ok((connection, number(&info))),
        Err(error) if error.is_io_error() || error.is_connection_dropped() => Err(error),
        Err(error) => {
            // Without it, all there is to tell an older copy by is that it knows less than whoever asks.
            tracing::warn!(error = %error, "Redis does not tell which server it is: allow INFO to its user");
            Ok((connection, 0))
        }
    }
}

/// A server draws a name each time it is started. As much of it as the script's numbers can hold.
fn number(info: &str) -> i64 {
    let name = info.lines().find_map(|line| line.strip_prefix("run_id:"));
    name.and_then(|name| i64::from_str_radix(name.get(..12)?, 16).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_known_by_its_run_id() {
        let info = "# Server\r\nredis_version:7.0.15\r\nrun_id:9f2ab4d1e0c377777777777777777777777777\r\n";
        assert_eq!(number(info), 0x9f2a_b4d1_e0c3);
        assert_eq!(number("# Server\r\nredis_version:7.0.15\r\n"), 0);
    }
}
