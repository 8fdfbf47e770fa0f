//! Sees each attempt as the wire sees it: counts it, logs how it ended, and is
//! its span.

use std::{borrow::Cow, sync::Arc, time::Duration};

use tokio::time::Instant;
use tracing::{debug, field::display, warn};

use super::{
    audit,
    call::{Answer, Command, Signed},
    record::Record,
    step::{Next, Outcome},
};
use crate::{
    errors::{CallError, Lost},
    telemetry::{
        ChatMetrics,
        traces::{
            Notes,
            parts::{Name, attribute},
        },
    },
    wire::Needs,
};

/// The step.
pub(super) fn observe(
    metrics: ChatMetrics,
    host: Arc<str>,
    signed: Signed,
    next: Next<Signed>,
) -> impl Future<Output = Outcome> + Send {
    let (command, record) = (signed.attempt.command, signed.attempt.record.clone());
    let part = record.trace().part(Name::Attempt);
    let number = record.attempts();
    let since = Instant::now();
    let running = next.run(signed);
    async move {
        let outcome = running.await;
        let took = since.elapsed();
        part.end(|notes| {
            notes.put(attribute::APP, metrics.app().clone());
            notes.put(attribute::COMMAND, command.name);
            notes.count(attribute::ATTEMPT, number);
            notes.put(attribute::HTTP_REQUEST_METHOD, "POST");
            // Of the URL no more than this: the query is a secret.
            notes.put(attribute::URL_TEMPLATE, format!("/v4/{}/{}", command.service, command.name));
            notes.put(attribute::SERVER_ADDRESS, host);
            say_outcome(&outcome, notes);
        });
        metrics.called(command.name, error_code(&outcome), took);
        log(&metrics, command, &record, took, &outcome);
        if let Ok(Answer { group_id: Some(group_id), .. }) = &outcome
            && matches!(command.needs, Needs::GroupId)
        {
            audit::imported(&record, group_id, false);
        }
        outcome
    }
}

fn error_code(outcome: &Outcome) -> Option<u32> {
    match outcome {
        Ok(_) => Some(0),
        Err(CallError::Refused(refusal)) => Some(refusal.code),
        Err(_) => None,
    }
}

fn log(metrics: &ChatMetrics, command: &Command, record: &Record, took: Duration, outcome: &Outcome) {
    let (app, command, took_ms) = (metrics.app(), command.name, took.as_millis());
    let trace_id = record.trace().id().map(display);
    match outcome {
        Ok(_) => debug!(%app, command, took_ms, trace_id, "Chat answered OK"),
        Err(CallError::Refused(refusal)) => {
            debug!(%app, command, error_code = refusal.code, took_ms, trace_id, "{refusal}");
        }
        Err(error) => {
            let cause = std::error::Error::source(error).map(ToString::to_string);
            warn!(%app, command, took_ms, cause, trace_id, "no answer from Chat: {error}");
        }
    }
}

/// Chat's own words are left out: they may quote what a caller sent.
fn say_outcome(outcome: &Outcome, notes: &mut Notes) {
    if let Some(code) = error_code(outcome) {
        notes.count(attribute::HTTP_RESPONSE_STATUS_CODE, 200);
        notes.count(attribute::CHAT_ERROR_CODE, code);
    }
    match outcome {
        Ok(_) => notes.put(attribute::OUTCOME, "ok"),
        Err(CallError::Refused(refusal)) => {
            let meaning = refusal.row.map_or("a code that is in no table", |row| row.meaning);
            notes.put(attribute::OUTCOME, "refused");
            notes.fail(refusal.code.to_string(), meaning);
        }
        Err(CallError::NotSent(_)) => {
            notes.put(attribute::OUTCOME, "not_sent");
            notes.fail("unreachable", "no connection to Chat");
        }
        Err(CallError::Lost(lost)) => {
            if let Lost::HttpStatus(status) = lost {
                notes.count(attribute::HTTP_RESPONSE_STATUS_CODE, *status);
            }
            notes.put(attribute::OUTCOME, "lost");
            notes.fail(kind(lost), lost.to_string());
        }
        Err(error) => notes.fail("fault", error.to_string()),
    }
}

/// How an answer was lost, in a word; an HTTP status is one by itself.
fn kind(lost: &Lost) -> Cow<'static, str> {
    Cow::Borrowed(match lost {
        Lost::Late => "late",
        Lost::Broken(_) => "broken",
        Lost::CutOff(_) => "cut_off",
        Lost::HttpStatus(status) => return Cow::Owned(status.to_string()),
        Lost::TooLong => "too_long",
        Lost::NotJson => "not_json",
        Lost::Incomplete => "incomplete",
        Lost::Abandoned => "abandoned",
        Lost::Panicked => "panicked",
    })
}
