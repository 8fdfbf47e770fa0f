//! The end of a run: a table of what came of the lines, and what to do next.

use std::{
    io::{self, Write},
    path::Path,
};

use super::{
    reasons::advice,
    session::{Ended, Stop},
    words::{count, lines},
};

/// What the table is about.
pub(super) struct Subject<'a> {
    pub(super) input: String,
    /// Lines with groups in it, where known.
    pub(super) total: Option<u64>,
    pub(super) validate_only: bool,
    pub(super) results: Option<&'a Path>,
}

/// Why it stopped early, for whoever watches.
pub(super) fn reason(stop: &Stop) -> String {
    match stop {
        Stop::Interrupted => "stopped by a signal".to_owned(),
        Stop::Failures(number) => format!("stopped after {} failed (--max-errors)", lines(*number)),
        Stop::Refused(failure) => {
            let advice = advice(&failure.reason).map(|advice| format!("\n  {advice}")).unwrap_or_default();
            let reason = if failure.reason.is_empty() { &failure.status } else { &failure.reason };
            format!("stopped, because it would meet every line: {reason}: {}{advice}", failure.message)
        }
        Stop::Gateway(text) => format!("stopped: {text}"),
        Stop::Recorder(text) => format!("stopped: {text}"),
        Stop::Input(text) => format!("stopped: the input: {text}"),
    }
}

/// Writes the table.
pub(super) fn write(out: &mut dyn Write, subject: &Subject<'_>, ended: &Ended) -> io::Result<()> {
    let tally = &ended.tally;
    match subject.total {
        Some(total) => writeln!(out, "{}: {}", subject.input, lines(total))?,
        None => writeln!(out, "{}", subject.input)?,
    }
    row(out, if subject.validate_only { "valid" } else { "imported" }, tally.imported)?;
    if tally.reconciled > 0 {
        row(out, "  stood already", tally.reconciled)?;
    }
    row(out, "refused", tally.refusals())?;
    for (reason, number) in tally.reasons() {
        row(out, &format!("  {reason}"), number)?;
    }
    let open = ended.given_up.total();
    if tally.unknown + open > 0 {
        row(out, "unknown", tally.unknown + open)?;
    }
    if let Some(left) = left(subject, ended).filter(|left| *left > 0) {
        row(out, "left", left)?;
    }
    if ended.lines > 0 {
        let seconds = ended.time.as_secs_f64();
        let rate = count((ended.lines as f64 / seconds.max(0.001)).round() as u64);
        writeln!(out, "  this run: {} in {seconds:.1} s, {rate}/s", lines(ended.lines))?;
    }
    first_failures(out, ended)?;
    next_steps(out, subject, ended)
}

/// Lines that no run has dealt with yet.
pub(super) fn left(subject: &Subject<'_>, ended: &Ended) -> Option<u64> {
    Some(subject.total?.saturating_sub(ended.tally.total() + ended.given_up.total()))
}

fn row(out: &mut dyn Write, name: &str, number: u64) -> io::Result<()> {
    writeln!(out, "  {name:<28}{:>12}", count(number))
}

fn first_failures(out: &mut dyn Write, ended: &Ended) -> io::Result<()> {
    let mut failures: Vec<_> = ended.tally.first.iter().chain(&ended.given_up.first).take(5).collect();
    failures.sort_unstable_by_key(|(line, _)| *line);
    if !failures.is_empty() {
        writeln!(out, "\nfirst failures")?;
    }
    for (line, text) in failures {
        // Names of fields and words of Chat's are in it, which are not ours to pass on to a terminal as they are.
        writeln!(out, "  line {line}: {}", text.replace(char::is_control, " "))?;
    }
    Ok(())
}

fn next_steps(out: &mut dyn Write, subject: &Subject<'_>, ended: &Ended) -> io::Result<()> {
    let (tally, open) = (&ended.tally, ended.given_up.total());
    let unwritten = matches!(ended.stop, Some(Stop::Recorder(_)));
    if tally.refusals() + tally.unknown + open > 0 {
        match subject.results {
            Some(_) if unwritten => {} // whatever they hold, it is not all of them
            Some(path) => writeln!(out, "\nall of them: grep -v '\"status\":\"OK\"' '{}'", path.display())?,
            None if subject.validate_only => writeln!(out, "\nall of them: the same command with --results FILE")?,
            None => writeln!(
                out,
                "\nall of them: the same command with --results FILE, which sends no line again that is done"
            )?,
        }
    }
    if tally.unknown > 0 {
        writeln!(
            out,
            "{} may have made a group, and will not be sent again: see in Chat whether it exists",
            lines(tally.unknown)
        )?;
    }
    match left(subject, ended).map(|left| left + open) {
        Some(0) if unwritten => writeln!(out, "every line is done; the same command writes down what is missing"),
        Some(0) => Ok(()),
        _ if subject.validate_only => Ok(()),
        Some(left) => writeln!(out, "the same command goes on with the {} left", lines(left)),
        None if matches!(ended.stop, Some(Stop::Input(_))) => {
            writeln!(out, "the same command goes on, given the same input")
        }
        None if open > 0 || ended.stop.is_some() => writeln!(out, "the same command goes on"),
        None => Ok(()),
    }
}
