//! The way to the gateway and back: connections, and streams over them.

use std::{pin::pin, time::Duration};

use futures_util::{Stream, StreamExt as _};
use tokio::{sync::mpsc, time::timeout};
use tonic::{Status, transport::Channel};

use super::{Session, Stop, board::MOST, read, ticks};
use crate::{import::link::Broken, proto::ImportGroupsResponse};

impl Session {
    /// A connection to the gateway, however long that takes; none after Ctrl-C.
    pub(super) async fn connect(&mut self) -> Option<Channel> {
        while self.stop.is_none() {
            let connected = tokio::select! {
                biased;
                Some(()) = self.interrupts.recv() => {
                    self.interrupted();
                    continue;
                }
                connected = self.link.connect() => connected,
            };
            match connected {
                Ok(channel) => return Some(channel),
                Err(broken) => {
                    let text = format!("cannot reach {}: {}", self.link.name(), broken.text);
                    if self.gives_up(&text, &broken) {
                        return None;
                    }
                    self.screen.notice_now_and_then(&format!("{text}; trying again"));
                    self.rest().await;
                }
            }
        }
        None
    }

    /// Stops where waiting won't help, and says what does. A gateway that has
    /// answered before will again: its certificate may be just being changed.
    pub(super) fn gives_up(&mut self, text: &str, broken: &Broken) -> bool {
        let Some(advice) = broken.advice.filter(|_| !self.heard) else { return false };
        self.stop = Some(Stop::Gateway(format!("{text}\n  {advice}")));
        true
    }

    /// Waits before the next try to connect.
    pub(super) async fn rest(&mut self) {
        tokio::select! {
            () = tokio::time::sleep(self.backoff.next()) => {}
            Some(()) = self.interrupts.recv() => self.interrupted(),
        }
    }

    /// One stream, from its opening to its end.
    pub(super) async fn fly(&mut self, channel: Channel) {
        let (to, requests) = mpsc::channel(MOST);
        let mut wire = Some(to);
        let mut answers = pin!(self.link.open(channel, requests));
        let mut ticks = ticks();
        while !self.quit {
            self.send_due();
            if self.stop.is_some() || self.is_done() {
                wire = None; // half-closes the stream: the gateway answers what it has
                if self.board.under_way() == 0 {
                    let _ = timeout(Duration::from_secs(1), answers.next()).await;
                    return;
                }
            }
            let room = if self.may_take_in() { self.board.room(self.meter.rate()) } else { 0 };
            let mut entries = Vec::new();
            tokio::select! {
                biased;
                Some(()) = self.interrupts.recv() => self.interrupted(),
                answer = next(&mut answers) => match answer {
                    Ok(answer) => self.answered(answer),
                    Err(status) => return self.stream_ended(status).await,
                },
                recorded = self.recorder.recorded() => self.recorded(recorded, wire.as_ref()),
                _ = ticks.tick() => self.show(),
                read = read(&mut self.source, &mut entries, room), if room > 0 => self.take_in(read, entries),
            }
        }
    }
}

/// The next answer, or the status that the stream ended with.
async fn next(
    answers: &mut (impl Stream<Item = Result<ImportGroupsResponse, Status>> + Unpin),
) -> Result<ImportGroupsResponse, Option<Status>> {
    answers.next().await.ok_or(None)?.map_err(Some)
}
