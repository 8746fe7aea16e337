//! The folder of the index is emptied when the index is built again, so nothing else may be in it, and it
//! may be in nothing else.

use std::path::{Component, Path, PathBuf};

use crate::code::Code;
use crate::error::{Error, Result};

/// Refuses an `index_dir` that is, holds, or lies in one of the other paths, by their keys.
pub fn expect_apart<'p>(
    index_dir: &Path,
    others: impl IntoIterator<Item = (&'static str, &'p Path)>,
) -> Result<()> {
    let index = resolved(index_dir);
    for (key, other) in others {
        let path = resolved(other);
        let how = match () {
            () if index == path => "is",
            () if path.starts_with(&index) => "holds",
            () if index.starts_with(&path) => "lies in",
            () => continue,
        };
        let message = format!(
            "index_dir must be a folder of its own: `{}` {how} {key} `{}`",
            index_dir.display(),
            other.display()
        );
        return Err(Error::new(Code::ConfigInvalid, message));
    }
    Ok(())
}

/// Refuses a secret that lies in the folder of the log, by its key: who copies or serves the log would have it.
pub fn expect_outside_log<'p>(
    log_dir: &Path,
    secrets: impl IntoIterator<Item = (&'static str, &'p Path)>,
) -> Result<()> {
    let log = resolved(log_dir);
    for (key, secret) in secrets {
        if resolved(secret).starts_with(&log) {
            let message = format!(
                "{key} must lie outside of log_dir: `{}` is in `{}`, and every copy of the log would have it",
                secret.display(),
                log_dir.display()
            );
            return Err(Error::new(Code::ConfigInvalid, message));
        }
    }
    Ok(())
}

/// The path without `.`, `..` and symbolic links, as far as it exists.
pub(super) fn resolved(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut resolved = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                resolved.pop();
            }
            other => {
                resolved.push(other);
                if let Ok(real) = resolved.canonicalize() {
                    resolved = real;
                }
            }
        }
    }
    resolved
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(index: &str, log: &str) -> Option<String> {
        let at = |path: &str| Path::new("/nowhere/trail").join(path);
        expect_apart(&at(index), [("log_dir", at(log).as_path())]).err().map(|e| e.to_string())
    }

    #[test]
    fn however_it_is_spelled() {
        for (index, log, how) in [
            (".", "log", " holds log_dir "),
            ("..", "log", " holds log_dir "),
            ("log", "log", " is log_dir "),
            ("./x/../log/", "log", " is log_dir "),
            ("log/index", "log", " lies in log_dir "),
            ("/nowhere", "log", " holds log_dir "),
        ] {
            let said = refusal(index, log).unwrap_or_else(|| panic!("{index}"));
            assert!(said.contains(how), "{said}");
        }
        for (index, log) in [("index", "log"), ("logs", "log"), ("log", "logs"), ("../i", ".")] {
            assert_eq!(refusal(index, log), None);
        }
    }

    #[test]
    fn no_secret_is_in_the_log() {
        let refused = |secret: &str| {
            let at = |path: &str| Path::new("/nowhere/trail").join(path);
            let secret = at(secret);
            expect_outside_log(&at("log"), [("kek", secret.as_path())]).is_err()
        };
        for inside in ["log", "log/kek", "./x/../log/keyring/kek", "keys/../log/kek"] {
            assert!(refused(inside), "{inside}");
        }
        for outside in ["keys/kek", "logs/kek", "log/../kek", "."] {
            assert!(!refused(outside), "{outside}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn through_a_link() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("log")).unwrap();
        std::os::unix::fs::symlink("log", dir.path().join("index")).unwrap();
        let (index, log) = (dir.path().join("index"), dir.path().join("log"));
        assert!(expect_apart(&index, [("log_dir", log.as_path())]).is_err());
    }
}
