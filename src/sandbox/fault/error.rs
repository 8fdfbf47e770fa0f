//! What can be wrong with a fault, or with a set of them.

use std::{error::Error, fmt};

use super::{Command, NAMED};

/// Why a fault, or a set of them, cannot be.
#[derive(Debug, Clone, PartialEq)]
pub enum FaultError {
    /// No `=` in it.
    Form(String),
    /// No such command.
    Command(String),
    /// No such kind.
    Kind(String),
    /// No share of calls.
    Rate(String),
    /// The shares of one command's faults add up to more than all its calls.
    Sum {
        /// The command.
        command: Command,
        /// What they add up to.
        sum: f64,
    },
}

impl fmt::Display for FaultError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form(text) => write!(f, "fault `{text}` is not of the form KIND=RATE"),
            Self::Command(name) => {
                let [a, b] = Command::ALL;
                write!(f, "unknown command `{name}` of a fault (use one of: {a}, {b})")
            }
            Self::Kind(name) => {
                write!(f, "unknown kind of fault `{name}` (use one of: ")?;
                for (known, _) in NAMED {
                    write!(f, "{known}, ")?;
                }
                f.write_str(
                    "http_N, http_N_after with a status of 300 to 599, \
                     code_N, code_N_after with a code of Chat's)",
                )
            }
            Self::Rate(rate) => {
                write!(f, "rate `{rate}` of a fault is neither 0 to 1 nor 0% to 100%")
            }
            Self::Sum { command, sum } => {
                write!(f, "rates of the faults of {command} add up to {sum}, more than 1")
            }
        }
    }
}

impl Error for FaultError {}
