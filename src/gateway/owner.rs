//! Hands a socket's file to a user and a group, by name or number.

use std::{fs, io, os::unix::fs::chown, path::Path};

/// Gives the file away. Names are looked up in `/etc/passwd` and `/etc/group`,
/// which is where a service's accounts are; others can be given as numbers.
///
/// # Errors
/// When a name is not known, or the file is not ours to give away.
pub(super) fn give(path: &Path, owner: Option<&str>, group: Option<&str>) -> io::Result<()> {
    let id = |name: Option<&str>, file: &str| name.map(|name| find(name, file)).transpose();
    chown(path, id(owner, "/etc/passwd")?, id(group, "/etc/group")?)
}

fn find(name: &str, file: &str) -> io::Result<u32> {
    if let Ok(number) = name.parse() {
        return Ok(number);
    }
    let lines = fs::read_to_string(file)?;
    let known = lines.lines().find_map(|line| id_in(line, name));
    known.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("{file} has no {name:?}")))
}

/// Both files have the name first, and the number third.
fn id_in(line: &str, name: &str) -> Option<u32> {
    let mut fields = line.split(':');
    (fields.next()? == name).then(|| fields.nth(1))?.and_then(|id| id.parse().ok())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn names_and_numbers_are_found_and_others_named() {
        assert_eq!(find("4711", "/etc/passwd").unwrap(), 4711);
        assert_eq!(find("root", "/etc/passwd").unwrap(), 0);
        assert_eq!(find("root", "/etc/group").unwrap(), 0);
        let error = find("nobody-by-this-name", "/etc/passwd").unwrap_err();
        assert!(error.to_string().contains("/etc/passwd has no \"nobody-by-this-name\""), "{error}");
        assert_eq!(id_in("daemon:x:1:1:daemon:/:/bin/sh", "daemon"), Some(1));
        assert_eq!(id_in("daemons:x:1:1:daemon:/:/bin/sh", "daemon"), None);
        assert_eq!(id_in("broken", "broken"), None);
    }
}
