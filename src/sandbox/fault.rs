//! The ways in which a call can go wrong on purpose, and how they are written: `close_after=1%`.

use std::{fmt, str::FromStr};

use super::command::Command;

mod error;

pub use self::error::FaultError;

/// What goes wrong with one call. `Display` and `FromStr` use the names of the command line.
///
/// "Made" means that the command was carried out in full before things went wrong: the group is
/// there (if the request was a right one), only the caller cannot know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// `none`: the call passes untouched.
    None,
    /// `close_before`: not made; the connection is cut.
    CloseBefore,
    /// `close_after`: made, then the connection is cut without an answer.
    CloseAfter,
    /// `stall_before`: not made; no answer until the client goes or [`Settings::stall`] is over.
    ///
    /// [`Settings::stall`]: super::Settings::stall
    StallBefore,
    /// `stall_after`: made; then as `stall_before`.
    StallAfter,
    /// `cut_body`: made; `Content-Length` promises more than is sent before the connection is cut.
    CutBody,
    /// `garbage`: made; HTTP 200 with a body that is no JSON.
    Garbage,
    /// `empty`: made; HTTP 200 with an empty body.
    Empty,
    /// `oversized`: made; HTTP 200 with a right answer padded to 200 KiB.
    Oversized,
    /// `http_N`: not made; an HTML page with that status. A 3xx carries a `Location` on this
    /// server that must never be asked for ([`Sandbox::redirect_hits`]).
    ///
    /// [`Sandbox::redirect_hits`]: super::Sandbox::redirect_hits
    Http(u16),
    /// `http_N_after`: made; then as `http_N`.
    HttpAfter(u16),
    /// `no_code`: made; a right answer without `ErrorCode`.
    NoCode,
    /// `no_group_id`: made; a right answer without `GroupId`.
    NoGroupId,
    /// `code_N`: not made; that `ErrorCode`.
    Code(u32),
    /// `code_N_after`: made; then that `ErrorCode` all the same.
    CodeAfter(u32),
}

/// The kinds without a number, by name.
const NAMED: [(&str, FaultKind); 11] = [
    ("none", FaultKind::None),
    ("close_before", FaultKind::CloseBefore),
    ("close_after", FaultKind::CloseAfter),
    ("stall_before", FaultKind::StallBefore),
    ("stall_after", FaultKind::StallAfter),
    ("cut_body", FaultKind::CutBody),
    ("garbage", FaultKind::Garbage),
    ("empty", FaultKind::Empty),
    ("oversized", FaultKind::Oversized),
    ("no_code", FaultKind::NoCode),
    ("no_group_id", FaultKind::NoGroupId),
];

impl FaultKind {
    /// Whether the command is carried out in spite of the fault.
    pub fn makes(self) -> bool {
        !matches!(self, Self::CloseBefore | Self::StallBefore | Self::Http(_) | Self::Code(_))
    }

    /// `http_N`, `code_N` and their `_after` forms.
    fn numbered(name: &str) -> Option<Self> {
        let (head, after) = match name.strip_suffix("_after") {
            Some(head) => (head, true),
            None => (name, false),
        };
        if let Some(status) = head.strip_prefix("http_") {
            let status = status.parse().ok().filter(|s| (300..600).contains(s))?;
            return Some(if after { Self::HttpAfter(status) } else { Self::Http(status) });
        }
        let code = head.strip_prefix("code_")?.parse().ok()?;
        Some(if after { Self::CodeAfter(code) } else { Self::Code(code) })
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(status) => write!(f, "http_{status}"),
            Self::HttpAfter(status) => write!(f, "http_{status}_after"),
            Self::Code(code) => write!(f, "code_{code}"),
            Self::CodeAfter(code) => write!(f, "code_{code}_after"),
            named => {
                let name = NAMED.iter().find(|(_, kind)| kind == named);
                f.write_str(name.map_or("none", |(name, _)| name))
            }
        }
    }
}

impl FromStr for FaultKind {
    type Err = FaultError;

    fn from_str(name: &str) -> Result<Self, FaultError> {
        let named = NAMED.iter().find(|(known, _)| *known == name);
        named.map(|(_, kind)| *kind).or_else(|| Self::numbered(name)).ok_or_else(|| FaultError::Kind(name.to_owned()))
    }
}

/// A kind of fault, and the share of calls it befalls.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fault {
    /// What goes wrong.
    pub kind: FaultKind,
    /// The share of calls, 0 to 1.
    pub rate: f64,
    /// The only command it befalls; `None`: every command.
    pub command: Option<Command>,
}

impl Fault {
    /// A fault of every command.
    pub fn new(kind: FaultKind, rate: f64) -> Self {
        Self { kind, rate, command: None }
    }

    /// Whether calls of that command can meet it.
    pub(super) fn befalls(&self, command: Command) -> bool {
        self.command.is_none_or(|only| only == command)
    }

    /// Each rate must be a share, and no command's faults may add up to more than every call.
    pub(super) fn check_all(faults: &[Self]) -> Result<(), FaultError> {
        for fault in faults {
            check_rate(fault.rate).ok_or_else(|| FaultError::Rate(fault.rate.to_string()))?;
        }
        for command in Command::ALL {
            let of_it = faults.iter().filter(|fault| fault.befalls(command));
            let sum: f64 = of_it.map(|fault| fault.rate).sum();
            // Ten times 0.1 is a little more than 1 in binary.
            if sum > 1.0 + 1e-9 {
                return Err(FaultError::Sum { command, sum });
            }
        }
        Ok(())
    }
}

impl FromStr for Fault {
    type Err = FaultError;

    /// `[COMMAND:]KIND=RATE`, the rate as `0.05` or `5%`.
    fn from_str(text: &str) -> Result<Self, FaultError> {
        let (kind, rate) = text.split_once('=').ok_or_else(|| FaultError::Form(text.to_owned()))?;
        let (command, kind) = match kind.split_once(':') {
            Some((name, kind)) => {
                let command = Command::named(name);
                (Some(command.ok_or_else(|| FaultError::Command(name.to_owned()))?), kind)
            }
            None => (None, kind),
        };
        let kind = kind.parse()?;
        let rate = parse_rate(rate).ok_or_else(|| FaultError::Rate(rate.to_owned()))?;
        Ok(Self { kind, rate, command })
    }
}

fn parse_rate(text: &str) -> Option<f64> {
    let rate = match text.strip_suffix('%') {
        Some(percent) => percent.parse::<f64>().ok()? / 100.0,
        None => text.parse().ok()?,
    };
    check_rate(rate)
}

fn check_rate(rate: f64) -> Option<f64> {
    (0.0..=1.0).contains(&rate).then_some(rate)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn every_kind_reads_as_it_is_written() {
        let numbered = ["http_502", "http_503_after", "http_302", "code_60007", "code_10002_after"];
        for name in NAMED.iter().map(|(name, _)| *name).chain(numbered) {
            assert_eq!(name.parse::<FaultKind>().unwrap().to_string(), name);
        }
    }

    #[test]
    fn a_rate_is_a_share_or_a_percentage() {
        let fault: Fault = "close_after=0.01".parse().unwrap();
        assert_eq!(fault, Fault::new(FaultKind::CloseAfter, 0.01));
        assert_eq!("garbage=5%".parse::<Fault>().unwrap().rate, 0.05);
    }

    #[test]
    fn a_fault_can_be_of_one_command() {
        let fault: Fault = "get_group_info:code_60007=1".parse().unwrap();
        assert_eq!(fault.kind, FaultKind::Code(60007));
        assert!(fault.befalls(Command::GetGroupInfo) && !fault.befalls(Command::ImportGroup));
    }

    #[test]
    fn mistakes_are_named() {
        let error = |text: &str| text.parse::<Fault>().unwrap_err().to_string();
        assert!(error("close_after").contains("KIND=RATE"));
        assert!(error("close_afer=0.1").contains("`close_afer`"));
        assert!(error("close_afer=0.1").contains("close_before, close_after"));
        assert!(error("http_200=0.1").contains("300 to 599"));
        for rate in ["1.1", "-0.1", "NaN", "101%", "x"] {
            assert!(error(&format!("empty={rate}")).contains(rate));
        }
        assert!(error("group_info:empty=0").contains("`group_info`"));
    }

    #[test]
    fn the_rates_of_one_command_cannot_exceed_every_call() {
        let all = |texts: &[&str]| texts.iter().map(|t| t.parse().unwrap()).collect::<Vec<_>>();
        assert!(Fault::check_all(&vec![Fault::new(FaultKind::Empty, 0.1); 10]).is_ok());
        assert!(Fault::check_all(&all(&["empty=0.6", "get_group_info:empty=0.4"])).is_ok());
        let sum = Fault::check_all(&all(&["empty=0.6", "get_group_info:empty=0.6"]));
        assert!(sum.unwrap_err().to_string().contains("get_group_info"));
    }
}
