//! `import FILE`: brings a file of groups over, through a gateway, however long
//! that takes and however often it is cut off.
//!
//! A client of the gateway's own gRPC service: of this crate it needs `proto`
//! and nothing else, so it runs from any machine that reaches the gateway. A
//! line's way:
//!
//! ```text
//! input  unpack → tape → lines or table → draft     bytes to a group, or to all that is wrong
//! feed     a thread that reads a little ahead and leaves out what is done
//! session  the one task that decides; item judges an answer by reasons
//! recorder   a thread: into the journal before it is sent, and the results after
//! link     the stream to the gateway
//! screen, summary                                   what whoever waits sees
//! ```

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Instant,
};

use tokio::sync::mpsc;

pub use self::{groups::Groups, input::Form, options::Options, screen::Screen, unpack::Packing};
use self::{
    input::{Input, Records, Survey},
    journal::{Header, Identity, Journal, Past},
    link::Link,
    recorder::{Recorder, Results},
    session::{Ended, Plan, Session},
    summary::Subject,
};

mod draft;
mod ending;
mod feed;
mod groups;
mod input;
mod interrupts;
mod item;
mod journal;
mod json;
mod lines;
mod link;
mod names;
mod options;
mod reasons;
mod recorder;
mod screen;
mod session;
mod summary;
mod table;
mod tally;
mod tape;
mod unpack;
mod words;

/// How an import ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Every line is imported, by this run or an earlier one.
    AllImported,
    /// Lines were refused, or are unknown, or left.
    NotAll,
    /// It could not start.
    NotStarted,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::AllImported => Self::SUCCESS,
            Exit::NotAll => Self::from(1),
            Exit::NotStarted => Self::from(2),
        }
    }
}

/// Runs the command: the summary goes to `out`, all else to the screen. Ends
/// early at Ctrl-C or SIGTERM, once what is under way has been answered.
pub async fn run(options: Options, out: &mut (dyn Write + Send), screen: Screen) -> Exit {
    if let Some(example) = options.example {
        // A reader that has seen enough is no failure of ours.
        let _ = out.write_all(example.text().as_bytes());
        return Exit::AllImported;
    }
    run_until(options, out, screen, interrupts::listen).await
}

async fn run_until(
    options: Options,
    out: &mut (dyn Write + Send),
    mut screen: Screen,
    interrupts: impl FnOnce() -> mpsc::Receiver<()>,
) -> Exit {
    let import = match Import::prepare(&options, &mut screen) {
        Ok(import) => import,
        Err(fault) => {
            screen.notice(&format!("error: {fault}"));
            return Exit::NotStarted;
        }
    };
    // Only from here on: until now nothing was sent, and Ctrl-C may just end it.
    let interrupts = interrupts();
    let (source, recorder) = match feed::start(import.records, Arc::new(import.past))
        .and_then(|source| Ok((source, Recorder::start(import.journal, import.results)?)))
    {
        Ok(started) => started,
        Err(error) => {
            screen.notice(&format!("error: cannot start a thread: {error}"));
            return Exit::NotStarted;
        }
    };
    let subject = Subject {
        input: import.input.name(),
        total: import.plan.total,
        validate_only: options.validate_only,
        results: options.results.as_deref(),
    };
    let session = Session::new(import.plan, import.link, source, recorder, interrupts, screen, import.tally);
    conclude(out, &subject, session.run().await)
}

/// Tells the end, and makes an exit of it.
fn conclude(out: &mut (dyn Write + Send), subject: &Subject<'_>, mut ended: Ended) -> Exit {
    if let Some(stop) = &ended.stop {
        ended.screen.notice(&summary::reason(stop));
    }
    // The journal holds it all: a summary that nobody can read is no failure.
    let _ = summary::write(out, subject, &ended).and_then(|()| out.flush());
    let tally = &ended.tally;
    let failed = tally.refusals() + tally.unknown + ended.given_up.total();
    let left = summary::left(subject, &ended).unwrap_or_default();
    if failed + left == 0 && ended.stop.is_none() { Exit::AllImported } else { Exit::NotAll }
}

/// Everything opened and compared, and nothing sent yet.
struct Import {
    input: Input,
    records: Records<'static>,
    journal: Option<Journal>,
    results: Option<Results>,
    past: Past,
    tally: tally::Tally,
    plan: Plan,
    link: Link,
}

impl Import {
    fn prepare(options: &Options, screen: &mut Screen) -> Result<Self, String> {
        let file = options.file.as_deref().ok_or("no FILE")?;
        let input = Input::named(file)?;
        let link = Link::new(options)?;
        if link.is_exposed() {
            screen.notice("warning: the token goes to the gateway without encryption (http://)");
        }
        let place = journal_path(options, &input)?;
        distinct(file, place.as_deref(), options.results.as_deref())?;
        let unreadable = |error: std::io::Error| format!("{}: {error}", input.name());
        let begun = Instant::now();
        let survey = input.survey(|records| screen.reading(begun, records)).map_err(unreadable)?;
        let (form, records) = input.open(survey.as_ref().map(|survey| survey.bytes)).map_err(unreadable)?;
        let mut journal =
            place.map(|place| Journal::open(&place, header(options, form, survey.as_ref()))).transpose()?;
        // Not before the journal is known to be this input's: it would be the loss of another's results.
        let mut results = options.results.as_deref().map(Results::create).transpose()?;
        let past = replay(journal.as_mut(), results.as_mut(), screen)?;
        let plan = Plan {
            app: options.app.clone(),
            validate_only: options.validate_only,
            assigned_ids: options.assigned_ids,
            max_errors: options.max_errors,
            id: journal.as_ref().map_or_else(journal::uuid, |journal| journal.id().to_owned()),
            total: survey.map(|survey| survey.records),
        };
        let tally = past.tally.clone();
        Ok(Self { input, records, journal, results, past, tally, plan, link })
    }
}

fn header(options: &Options, form: Form, survey: Option<&Survey>) -> Header {
    let identity =
        survey.map_or(Identity::Stdin, |survey| Identity::File { sha256: survey.sha256.clone(), bytes: survey.bytes });
    Header::new(identity, form, &options.app, options.assigned_ids)
}

fn replay(journal: Option<&mut Journal>, results: Option<&mut Results>, screen: &mut Screen) -> Result<Past, String> {
    let Some(journal) = journal else { return Ok(Past::default()) };
    let mut results = results;
    let past = journal.replay(|ending| results.as_mut().map_or(Ok(()), |results| results.write(ending)))?;
    if past.torn > 0 {
        screen.notice(&format!(
            "the journal's last record was cut short ({} bytes); going on from the one before it",
            past.torn
        ));
    }
    let done = past.tally.total();
    if done > 0 {
        screen.notice(&format!("going on: {} done by earlier runs", words::lines(done)));
    }
    Ok(past)
}

fn journal_path(options: &Options, input: &Input) -> Result<Option<PathBuf>, String> {
    match (options.validate_only, &options.journal, input) {
        (true, _, _) => Ok(None),
        (false, Some(path), _) => Ok(Some(path.clone())),
        (false, None, Input::File { path, .. }) => {
            let mut name = path.clone().into_os_string();
            name.push(".journal");
            Ok(Some(name.into()))
        }
        (false, None, Input::Stdin) => {
            Err("standard input needs --journal FILE, to go on from if it is cut off".to_owned())
        }
    }
}

/// The results are written over whatever is there, so they must be no other of the files.
fn distinct(file: &Path, journal: Option<&Path>, results: Option<&Path>) -> Result<(), String> {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let Some(results) = results else { return Ok(()) };
    if real(results) == real(file) || journal.is_some_and(|journal| real(journal) == real(results)) {
        return Err(format!("--results {}: that is the input or the journal", results.display()));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
