//! An event as a line of text, just as `tracing-subscriber` writes it without colours. Its own way costs each call more
//! than all its metrics do, since it asks for the colour of everything; here a number is a few digits.

use std::{
    fmt::{self, Debug, Write as _},
    time::SystemTime,
};

use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    field::RecordFields,
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::{Format, Writer},
        time::FormatTime,
    },
    registry::LookupSpan,
};

/// For logs that no person reads on a terminal.
pub(super) struct Plain;

impl FormatTime for Plain {
    fn format_time(&self, out: &mut Writer<'_>) -> fmt::Result {
        write!(out, "{}", humantime::format_rfc3339_micros(SystemTime::now()))
    }
}

impl<S, N> FormatEvent<S, N> for Plain
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        // What is rare: an event in some library's span, or a record of the `log` crate.
        if context.event_scope().is_some() || event.metadata().target() == "log" {
            return Format::default().with_timer(Plain).format_event(context, out, event);
        }
        self.format_time(&mut out)?;
        out.write_str(match *event.metadata().level() {
            Level::TRACE => " TRACE ",
            Level::DEBUG => " DEBUG ",
            Level::INFO => "  INFO ",
            Level::WARN => "  WARN ",
            Level::ERROR => " ERROR ",
        })?;
        out.write_str(event.metadata().target())?;
        out.write_str(": ")?;
        context.format_fields(out.by_ref(), event)?;
        out.write_str("\n")
    }
}

impl<'writer> FormatFields<'writer> for Plain {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'writer>, fields: R) -> fmt::Result {
        let mut text = Text { writer, first: true, result: Ok(()) };
        fields.record(&mut text);
        text.result
    }
}

struct Text<'writer> {
    writer: Writer<'writer>,
    first: bool,
    result: fmt::Result,
}

impl Text<'_> {
    /// The message stands first, and alone has no name.
    fn write(&mut self, field: &Field, value: impl FnOnce(&mut Writer<'_>) -> fmt::Result) {
        if self.result.is_err() || field.name().starts_with("log.") {
            return; // the head of a record of the `log` crate, whose event has it already
        }
        let gap = if std::mem::take(&mut self.first) { "" } else { " " };
        let name = match field.name() {
            "message" => "",
            name => name.strip_prefix("r#").unwrap_or(name),
        };
        let equals = if name.is_empty() { "" } else { "=" };
        let parts = [gap, name, equals];
        let head = parts.iter().try_for_each(|part| self.writer.write_str(part));
        self.result = head.and_then(|()| value(&mut self.writer));
    }
}

impl Visit for Text<'_> {
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.write(field, |out| out.write_str(itoa::Buffer::new().format(value)));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.write(field, |out| out.write_str(itoa::Buffer::new().format(value)));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // Times have one decimal; the shortest digits of any number take ten times as long to find.
        let tenths = (value * 10.0).round();
        if tenths / 10.0 != value || !(0.0..1e15).contains(&tenths) || value.is_sign_negative() {
            return self.record_debug(field, &value);
        }
        let tenths = tenths as u64;
        self.write(field, |out| {
            out.write_str(itoa::Buffer::new().format(tenths / 10))?;
            out.write_str(".")?;
            out.write_str(itoa::Buffer::new().format(tenths % 10))
        });
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            return self.record_debug(field, &format_args!("{value}"));
        }
        let plain = |b: u8| matches!(b, b' '..=b'~') && b != b'"' && b != b'\\';
        if value.bytes().all(plain) {
            return self.write(field, |out| ["\"", value, "\""].iter().try_for_each(|part| out.write_str(part)));
        }
        self.record_debug(field, &value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.write(field, |out| write!(Harmless(out), "{value:?}"));
    }
}

/// Takes what could steer a terminal out of others' words.
struct Harmless<'a, 'writer>(&'a mut Writer<'writer>);

impl fmt::Write for Harmless<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let steers = |c: char| matches!(c, '\x07' | '\x08' | '\x0c' | '\x1b' | '\x7f'..='\u{9f}');
        if text.bytes().all(|b| matches!(b, b' '..=b'~')) {
            return self.0.write_str(text);
        }
        text.chars().try_for_each(|c| match c {
            '\u{80}'.. if steers(c) => write!(self.0, "\\u{{{:x}}}", u32::from(c)),
            c if steers(c) => write!(self.0, "\\x{:02x}", u32::from(c)),
            c => self.0.write_char(c),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use tracing::Dispatch;
    use tracing_subscriber::fmt::MakeWriter;

    use super::*;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Page {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(text)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl MakeWriter<'_> for Page {
        type Writer = Self;

        fn make_writer(&self) -> Self {
            self.clone()
        }
    }

    impl Page {
        /// What was written, by lines, each without its time.
        fn lines(&self) -> Vec<String> {
            let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
            text.lines().map(|line| line.split_once("Z ").unwrap().1.to_owned()).collect()
        }
    }

    fn events() {
        let (app, none) = (Some("prod"), None::<&str>);
        tracing::info!(app, none, caller = %"billing", command = "import_group", attempts = 1, wait_ms = 12_u64, "ended");
        tracing::warn!(r#type = "a\"b\\c", skew = -3_i64, share = 0.5, ok = true, group = ?["é", "\n"], "odd {}", "\u{1b}[31m\u{9b}é");
        tracing::error!(code = 7);
        tracing::debug!(target: "another", "and its level");
        tracing::info_span!("span", of = "a library").in_scope(|| tracing::info!("within"));
        for ms in [0.0, 0.1, 12.3, 41.25, 60_000.0, 1e9, 1e22, -0.0, -1.5, f64::NAN, f64::INFINITY] {
            tracing::info!(ms);
        }
    }

    #[test]
    fn lines_are_those_of_tracing_subscriber_itself() {
        let (theirs, ours) = (Page::default(), Page::default());
        let builder = || tracing_subscriber::fmt().with_ansi(false).with_max_level(Level::DEBUG);
        tracing::dispatcher::with_default(&Dispatch::new(builder().with_writer(theirs.clone()).finish()), events);
        let plain = builder().fmt_fields(Plain).event_format(Plain).with_writer(ours.clone()).finish();
        tracing::dispatcher::with_default(&Dispatch::new(plain), events);
        assert_eq!(ours.lines(), theirs.lines());
        assert!(!ours.lines().concat().contains('\u{1b}'));
    }

    #[test]
    fn a_value_can_steer_no_terminal() {
        let page = Page::default();
        let plain = tracing_subscriber::fmt().with_ansi(false).fmt_fields(Plain).with_writer(page.clone()).finish();
        tracing::dispatcher::with_default(&Dispatch::new(plain), || tracing::info!(caller = %"\u{1b}[2J", "came"));
        assert!(page.lines()[0].ends_with("came caller=\\x1b[2J"), "{:?}", page.lines());
    }
}
