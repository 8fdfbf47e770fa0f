//! The commands the stand-in knows, by their names in Chat's URLs.

use std::fmt;

/// The service both commands belong to: the part of the path before them.
pub(super) const SERVICE: &str = "group_open_http_svc";

/// One of the commands that the stand-in serves; each has a rate of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Command {
    /// Makes a group.
    ImportGroup,
    /// Reads up to 50 groups.
    GetGroupInfo,
}

impl Command {
    /// Every command.
    pub const ALL: [Self; 2] = [Self::ImportGroup, Self::GetGroupInfo];

    /// Its name in the URL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ImportGroup => "import_group",
            Self::GetGroupInfo => "get_group_info",
        }
    }

    /// The command of that name, case-sensitive as Chat is.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|command| command.as_str() == name)
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
