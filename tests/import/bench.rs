//! An input, a gateway, a stand-in, and what a run of `import` leaves of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use group_import_gateway::sandbox::{self, Sandbox};
use serde_json::Value;
use tempfile::TempDir;

use crate::binary::{KEY, Running, SDK_APP_ID, binary, write_config};

/// Whose groups the stand-in takes.
const OWNER: &str = "owner";

pub(crate) struct Bench {
    pub(crate) folder: TempDir,
    pub(crate) sandbox: Sandbox,
    pub(crate) gateway: Running,
    address: String,
}

/// What a run showed.
pub(crate) struct Shown {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Bench {
    /// A gateway that makes so many calls a second, to a stand-in that takes any number.
    pub(crate) async fn at(calls_per_second: u32) -> Self {
        Self::with(&format!("calls_per_second = {calls_per_second}")).await
    }

    /// A gateway with this at the end of its configuration, which is within its app.
    pub(crate) async fn with(more: &str) -> Self {
        let mut app = sandbox::App::new(SDK_APP_ID, KEY, "administrator");
        app.accounts = Some([OWNER.to_owned()].into());
        let settings = sandbox::Settings { apps: vec![app], calls_per_second: 1_000_000, ..Default::default() };
        let sandbox = Sandbox::start(settings).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let config = write_config(folder.path(), &sandbox.base_url(), more);
        let gateway = serve(&config, "127.0.0.1:0");
        let address = gateway.value("listening for gRPC", "address");
        Self { folder, sandbox, gateway, address }
    }

    /// Kills the gateway as nothing can prevent, and waits until it is gone.
    pub(crate) fn kill_gateway(&mut self) {
        self.gateway.child.kill().unwrap();
        self.gateway.child.wait().unwrap();
    }

    /// Another gateway where the first one was.
    pub(crate) fn restart_gateway(&mut self) {
        self.gateway = serve(self.path("gateway.toml").to_str().unwrap(), &self.address);
        self.gateway.value("listening for gRPC", "address");
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, text: &str) {
        fs::write(self.path("groups.jsonl"), text).unwrap();
    }

    /// `import` of the input, with results.
    pub(crate) fn import(&self, more: &[&str]) -> Command {
        let mut command = self.import_without_results(more);
        command.arg("--results").arg(self.path("results.jsonl"));
        command
    }

    pub(crate) fn import_without_results(&self, more: &[&str]) -> Command {
        let mut command = binary();
        command.arg("import").arg(self.path("groups.jsonl")).args(["--endpoint", &self.endpoint()]).args(more);
        command
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Runs it to its end.
    pub(crate) fn run(&self, more: &[&str]) -> Shown {
        Shown::of(self.import(more))
    }

    /// Calls that would make a group.
    pub(crate) fn calls(&self) -> usize {
        self.sandbox.call_count("import_group")
    }

    pub(crate) fn standing(&self) -> usize {
        self.sandbox.group_count(SDK_APP_ID)
    }

    /// Waits until so many groups stand.
    pub(crate) async fn until_standing(&self, groups: usize) {
        let until = Instant::now() + Duration::from_secs(60);
        while self.standing() < groups {
            assert!(Instant::now() < until, "{} groups stand\n{}", self.standing(), self.gateway.text());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// The results by line; no line stands twice.
    pub(crate) fn results(&self) -> BTreeMap<u64, Value> {
        let mut results = BTreeMap::new();
        for text in fs::read_to_string(self.path("results.jsonl")).unwrap().lines() {
            let result: Value = serde_json::from_str(text).unwrap();
            let line = result["line"].as_u64().unwrap();
            assert!(results.insert(line, result).is_none(), "line {line} stands twice");
        }
        results
    }

    /// Lines that the journal knows as sent, and of which it does not know what came.
    pub(crate) fn under_way(&self) -> BTreeSet<u64> {
        let journal = fs::read(self.path("groups.jsonl.journal")).unwrap_or_default();
        let mut under_way = BTreeSet::new();
        for record in journal.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n")) {
            let Ok(record) = serde_json::from_slice::<Value>(record.get(9..).unwrap_or_default()) else { continue };
            under_way.extend(lines_of(&record["sent"]["lines"]));
            for line in lines_of(&record["back"]).chain(record["done"]["line"].as_u64()) {
                under_way.remove(&line);
            }
        }
        under_way
    }

    /// Of the lines under way those that Chat has heard of, or may have: only these can cost another call.
    pub(crate) async fn heard_of(&self, lines: &[Line]) -> usize {
        self.until_quiet().await;
        let standing: BTreeSet<_> = self.sandbox.groups(SDK_APP_ID).into_iter().map(|group| group.name).collect();
        let under_way = self.under_way();
        let under_way = under_way.iter().map(|number| &lines[*number as usize - 1]);
        under_way.filter(|line| line.reason.is_some() || standing.contains(&line.name)).count()
    }

    /// Waits until the gateway, whose caller is gone, has nothing more to do.
    async fn until_quiet(&self) {
        let mut before = usize::MAX;
        while before != self.calls() {
            before = self.calls();
            tokio::time::sleep(Duration::from_millis(150)).await;
        }
    }

    /// Every line of these is in the results once and as it should be, and exactly the groups of the good ones stand.
    pub(crate) fn assert_imported_once(&self, lines: &[Line]) {
        let results = self.results();
        assert_eq!(results.len(), lines.len());
        let mut expected = Vec::new();
        for (line, number) in lines.iter().zip(1..) {
            let result = &results[&number];
            match line.reason {
                None => {
                    assert_eq!(result["status"], "OK", "{result}");
                    expected.push(line.name.clone());
                }
                Some(reason) => assert_eq!(result["reason"], reason, "{result}"),
            }
        }
        self.assert_stand(expected);
    }

    /// Groups of these names stand, and no others.
    pub(crate) fn assert_stand(&self, mut names: Vec<String>) {
        let mut standing: Vec<_> = self.sandbox.groups(SDK_APP_ID).into_iter().map(|group| group.name).collect();
        standing.sort_unstable();
        names.sort_unstable();
        assert_eq!(standing.len(), names.len());
        assert!(standing == names, "as many groups, but others");
    }
}

fn serve(config: &str, listen: &str) -> Running {
    let mut command = binary();
    command.args(["serve", "--config", config]).env("GATEWAY_SERVER__LISTEN", listen);
    Running::start(command)
}

/// The numbers in a list of ranges.
fn lines_of(ranges: &Value) -> impl Iterator<Item = u64> + '_ {
    let ranges = ranges.as_array().into_iter().flatten();
    ranges.flat_map(|range| range[0].as_u64().unwrap()..=range[1].as_u64().unwrap())
}

impl Shown {
    pub(crate) fn of(mut command: Command) -> Self {
        command.output().unwrap().into()
    }

    /// The number in the summary's row of that name.
    pub(crate) fn row(&self, name: &str) -> Option<usize> {
        let row = self.out.lines().find_map(|line| line.trim_start().strip_prefix(name))?;
        row.trim().replace(',', "").parse().ok()
    }

    #[track_caller]
    pub(crate) fn assert_code(&self, code: i32) {
        assert_eq!(self.code, Some(code), "{}{}", self.out, self.err);
    }

    #[track_caller]
    pub(crate) fn assert_says(&self, part: &str) {
        assert!(self.out.contains(part) || self.err.contains(part), "{part:?} is not in\n{}{}", self.out, self.err);
    }
}

impl From<Output> for Shown {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

/// Starts it, and does not wait.
pub(crate) fn spawn(mut command: Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

pub(crate) fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([format!("-{name}"), child.id().to_string()]).status().unwrap().success());
}

/// A line of an input, and what becomes of it.
pub(crate) struct Line {
    pub(crate) text: String,
    pub(crate) name: String,
    /// Why it is refused, if it is.
    pub(crate) reason: Option<&'static str>,
}

/// So many good lines, every second one with a GroupId.
pub(crate) fn good(lines: u64) -> Vec<Line> {
    (1..=lines).map(Line::good).collect()
}

/// Good lines, and in every fifty one that can't be read, one that the gateway refuses and one that Chat refuses.
pub(crate) fn mixed(lines: u64) -> Vec<Line> {
    let line = |number: u64| match number % 50 {
        7 => Line::new(number, "\"Nmae\":\"a slip\"", Some("MALFORMED_LINE")),
        17 => Line::new(number, "\"MaxMemberCount\":7000", Some("INVALID_REQUEST")),
        27 => Line::new(number, "\"Owner_Account\":\"nobody\"", Some("ACCOUNT_NOT_FOUND")),
        _ => Line::good(number),
    };
    (1..=lines).map(line).collect()
}

/// Good lines for which Chat makes the IDs.
pub(crate) fn without_ids(lines: u64) -> Vec<Line> {
    (1..=lines).map(|number| Line::new(number, &owned(), None)).collect()
}

impl Line {
    fn good(number: u64) -> Self {
        match number % 2 {
            0 => Self::new(number, &format!("\"GroupId\":\"g{number}\""), None),
            _ => Self::new(number, &owned(), None),
        }
    }

    fn new(number: u64, more: &str, reason: Option<&'static str>) -> Self {
        let name = format!("n{number}");
        Self { text: format!("{{\"Type\":\"Public\",\"Name\":\"{name}\",{more}}}\n"), name, reason }
    }
}

fn owned() -> String {
    format!("\"Owner_Account\":\"{OWNER}\"")
}

pub(crate) fn text(lines: &[Line]) -> String {
    lines.iter().map(|line| line.text.as_str()).collect()
}

pub(crate) fn names(lines: &[Line]) -> Vec<String> {
    lines.iter().map(|line| line.name.clone()).collect()
}
