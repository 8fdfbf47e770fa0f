//! What is told of a call once it has ended: its line in the access log, and
//! its span.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tonic::Code;

use crate::{
    outbound::record::Record,
    telemetry::{
        Method, codes,
        logs::{ACCESS, milliseconds},
        traces::{Notes, Trace, parts::attribute},
    },
};

/// Goes with a call through the stack, and those on its way put in what they
/// know, so that it can be told even of a call that was refused on the way in,
/// was no message at all, or was given up in the middle.
#[derive(Debug, Default)]
pub struct Entry {
    trace: Trace,
    caller: OnceLock<Arc<str>>,
    outcome: OnceLock<&'static str>,
    record: OnceLock<Arc<Record>>,
    items: Items,
}

/// What became of a stream's items.
#[derive(Debug, Default)]
pub struct Items {
    begun: AtomicU64,
    ok: AtomicU64,
    failed: AtomicU64,
}

impl Items {
    /// One was read.
    pub fn begin(&self) {
        self.begun.fetch_add(1, Ordering::Relaxed);
    }

    /// One was answered.
    pub fn end(&self, is_ok: bool) {
        let count = if is_ok { &self.ok } else { &self.failed };
        count.fetch_add(1, Ordering::Relaxed);
    }

    fn counts(&self) -> [u64; 3] {
        [&self.begun, &self.ok, &self.failed].map(|count| count.load(Ordering::Relaxed))
    }
}

impl Entry {
    /// Nothing known but where the call stands in its trace.
    pub fn new(trace: Trace) -> Self {
        Self { trace, ..Self::default() }
    }

    /// Where the call stands in its trace.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// Who calls.
    pub fn set_caller(&self, caller: &Arc<str>) {
        // Whoever comes first knows best.
        let _ = self.caller.set(caller.clone());
    }

    /// How it ended: `OK`, or an error's reason.
    pub fn set_outcome(&self, outcome: &'static str) {
        // Whoever comes first knows best.
        let _ = self.outcome.set(outcome);
    }

    /// Where a unary call's attempts are noted.
    pub fn set_record(&self, record: &Arc<Record>) {
        // A call has one.
        let _ = self.record.set(record.clone());
    }

    /// A stream's items.
    pub fn items(&self) -> &Items {
        &self.items
    }

    /// Tells of the call. Without a code it was not us who ended it.
    pub(super) fn tell(&self, method: Method, code: Option<Code>, took: Duration) {
        let code = code.unwrap_or(Code::Cancelled);
        let outcome = self.outcome.get().copied().unwrap_or_else(|| codes::in_logs(code));
        if method.is_business() {
            match method {
                Method::ImportGroups => self.log_stream(method, outcome, took),
                _ => self.log_call(method, outcome, took),
            }
        }
        self.trace.end(|notes| self.say(method, code, outcome, notes));
    }

    fn log_call(&self, method: Method, outcome: &str, took: Duration) {
        let record = self.record.get().map(|record| &**record);
        tracing::info!(
            target: ACCESS,
            method = method.name(),
            caller = self.caller.get().map(|caller| &**caller),
            app = record.and_then(Record::app).map(|app| &**app),
            outcome,
            attempts = record.map_or(0, Record::attempts),
            wait_ms = milliseconds(record.map(Record::wait).unwrap_or_default()),
            chat_ms = milliseconds(record.map(Record::time_at_chat).unwrap_or_default()),
            took_ms = milliseconds(took),
            chat_error_code = record.and_then(Record::error_code),
            group_id = record.and_then(Record::group_id),
            trace_id = self.trace.id().map(tracing::field::display),
            "call ended"
        );
    }

    fn log_stream(&self, method: Method, outcome: &str, took: Duration) {
        let [items, ok, failed] = self.items.counts();
        tracing::info!(
            target: ACCESS,
            method = method.name(),
            caller = self.caller.get().map(|caller| &**caller),
            outcome,
            items,
            ok,
            failed,
            took_ms = milliseconds(took),
            trace_id = self.trace.id().map(tracing::field::display),
            "stream ended"
        );
    }

    fn say(&self, method: Method, code: Code, outcome: &'static str, notes: &mut Notes) {
        notes.count(attribute::RPC_GRPC_STATUS_CODE, code as i32);
        if let Some(caller) = self.caller.get() {
            notes.put(attribute::CALLER, caller.clone());
        }
        if method == Method::ImportGroups {
            let [items, ok, _] = self.items.counts();
            notes.count(attribute::ITEMS, items);
            notes.count(attribute::ITEMS_OK, ok);
        }
        if let Some(record) = self.record.get() {
            say_record(record, notes);
        }
        say_outcome(code, outcome, notes);
    }
}

/// Tells of one item of a stream. One that ended well has its audit line; its
/// own is for those who look closely.
pub fn tell_item(item_id: &str, record: &Record, code: Code, outcome: &'static str, took: Duration) {
    macro_rules! line {
        ($level:ident) => {
            tracing::$level!(
                target: ACCESS,
                item_id,
                caller = &*record.origin().caller,
                app = record.app().map(|app| &**app),
                outcome,
                attempts = record.attempts(),
                wait_ms = milliseconds(record.wait()),
                chat_ms = milliseconds(record.time_at_chat()),
                took_ms = milliseconds(took),
                chat_error_code = record.error_code(),
                group_id = record.group_id(),
                trace_id = record.trace().id().map(tracing::field::display),
                "item ended"
            )
        };
    }
    if code == Code::Ok {
        line!(debug);
    } else {
        line!(info);
    }
    record.trace().end(|notes| {
        notes.put(attribute::CALLER, record.origin().caller.clone());
        say_record(record, notes);
        say_outcome(code, outcome, notes);
    });
}

fn say_record(record: &Record, notes: &mut Notes) {
    if let Some(app) = record.app() {
        notes.put(attribute::APP, app.clone());
    }
    if let Some(group_id) = record.group_id() {
        notes.put(attribute::GROUP_ID, group_id.to_owned());
    }
    if let Some(request_id) = record.request_id() {
        notes.put(attribute::REQUEST_ID, request_id.to_owned());
    }
    if let Some(code) = record.error_code() {
        notes.count(attribute::CHAT_ERROR_CODE, code);
    }
    notes.count(attribute::ATTEMPTS, record.attempts());
    notes.put(attribute::WAIT_MS, milliseconds(record.wait()));
    notes.put(attribute::CHAT_MS, milliseconds(record.time_at_chat()));
}

/// Of a server's span OpenTelemetry calls those codes errors that say
/// something of the server, not of what it was asked.
fn say_outcome(code: Code, outcome: &'static str, notes: &mut Notes) {
    notes.put(attribute::OUTCOME, outcome);
    let is_ours = matches!(
        code,
        Code::Unknown
            | Code::DeadlineExceeded
            | Code::Unimplemented
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss
    );
    if is_ours {
        notes.fail(outcome, codes::in_logs(code));
    }
}
