//! Where an app's secret key comes from: a file or an environment variable.

use std::{
    error::Error,
    fmt, io,
    os::unix::fs::MetadataExt as _,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use crate::config::{Environment, KeySource};

/// The longest key that is believed: Chat's have 64 characters.
const MAX_BYTES: usize = 4096;

/// Seconds: no file system that is in use has a coarser clock.
const COARSE: i64 = 2;

/// Reads the key. White space around it, such as the newline that editors
/// add, is not part of it.
///
/// # Errors
/// When it can't be read, or can't be a key. The error never holds the key.
pub fn read(source: &KeySource, env: &dyn Environment) -> Result<SecretString, KeyError> {
    match source {
        KeySource::File(path) => from_file(path),
        KeySource::Env(name) => {
            let text = env.get(name).map(Zeroizing::new).ok_or_else(|| KeyError::Unset(name.clone()))?;
            checked(&text, || format!("environment variable {name}"))
        }
    }
}

/// What tells a file's content from another without reading it: which file it is, how long, and when it changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    device: u64,
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    /// The stamp of a key's file as it is now. None where there is no file, or where it changed a moment ago: then it
    /// may change again without another stamp, since a file system's clock is coarse.
    pub fn of(source: &KeySource) -> Option<Self> {
        Self::at(source, SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs() as i64)
    }

    /// At a time, in Unix seconds.
    fn at(source: &KeySource, now: i64) -> Option<Self> {
        let KeySource::File(path) = source else { return None };
        let file = std::fs::metadata(path).ok()?;
        let stamp = Self {
            device: file.dev(),
            inode: file.ino(),
            bytes: file.size(),
            modified: (file.mtime(), file.mtime_nsec()),
            changed: (file.ctime(), file.ctime_nsec()),
        };
        (file.ctime() + COARSE < now).then_some(stamp)
    }
}

fn from_file(path: &Path) -> Result<SecretString, KeyError> {
    let place = || path.display().to_string();
    let bytes = std::fs::read(path).map(Zeroizing::new).map_err(|cause| KeyError::Unreadable(place(), cause))?;
    let text = std::str::from_utf8(&bytes).map_err(|_| KeyError::NoKey(place(), "it is no text"))?;
    checked(text, place)
}

fn checked(text: &str, place: impl Fn() -> String) -> Result<SecretString, KeyError> {
    let key = text.trim();
    let fault = if key.is_empty() {
        Some("it is empty")
    } else if key.len() > MAX_BYTES {
        Some("it is longer than 4096 bytes")
    } else if !key.bytes().all(|b| b.is_ascii_graphic()) {
        Some("a key is one word of printable ASCII")
    } else {
        None
    };
    match fault {
        Some(fault) => Err(KeyError::NoKey(place(), fault)),
        None => Ok(key.into()),
    }
}

/// Whether two keys are the same.
pub fn same(one: &SecretString, other: &SecretString) -> bool {
    one.expose_secret() == other.expose_secret()
}

/// Why there is no key. Says where it was looked for, never what was found.
#[derive(Debug)]
pub enum KeyError {
    /// The environment variable is not set.
    Unset(String),
    /// The file can't be read.
    Unreadable(String, io::Error),
    /// What is there is no key.
    NoKey(String, &'static str),
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unset(name) => write!(f, "environment variable {name}, which should hold the secret key, is not set"),
            Self::Unreadable(path, _) => write!(f, "the secret key can't be read from {path}"),
            Self::NoKey(place, fault) => write!(f, "no secret key in {place}: {fault}"),
        }
    }
}

impl Error for KeyError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Unreadable(_, cause) => Some(cause),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs::{self, File, FileTimes};

    use super::*;

    #[test]
    fn a_file_has_a_stamp_once_it_is_old_and_another_one_after_a_change() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let source = KeySource::File(path.clone());
        assert_eq!(Stamp::of(&source), None, "there is no file");
        fs::write(&path, "one").unwrap();
        assert_eq!(Stamp::of(&source), None, "it may change again within the same tick of its file system's clock");
        let later = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64 + 60;
        let old = Stamp::at(&source, later);
        assert!(old.is_some() && old == Stamp::at(&source, later));

        // The same length and the same time of modification, as a copy that preserves times leaves them.
        let modified = fs::metadata(&path).unwrap().modified().unwrap();
        fs::write(folder.path().join("next"), "two").unwrap();
        let next = File::options().write(true).open(folder.path().join("next")).unwrap();
        next.set_times(FileTimes::new().set_modified(modified)).unwrap();
        fs::rename(folder.path().join("next"), &path).unwrap();
        let new = Stamp::at(&source, later);
        assert!(new.is_some() && new != old);
    }
}
