//! Secrets come from a file of their own or from the environment, never from the configuration.

use std::path::{Path, PathBuf};

use sealtrail_keyring::Kek;
use zeroize::Zeroizing;

use crate::code::Code;
use crate::error::{Error, Result};

/// Where the key-encryption key is: 32 bytes in base64.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KekSource {
    File(PathBuf),
    Env(String),
}

impl KekSource {
    pub fn read(&self) -> Result<Kek> {
        let (name, text) = match self {
            KekSource::File(path) => (path.display().to_string(), read_secret_file(path)?),
            KekSource::Env(name) => {
                let text = std::env::var(name).map_err(|_| {
                    refused(format!("the environment has no `{name}` with the key-encryption key"))
                })?;
                (format!("the environment's `{name}`"), Zeroizing::new(text.into_bytes()))
            }
        };
        let text = std::str::from_utf8(&text).unwrap_or_default();
        Kek::parse(text).map_err(|e| refused(e.to_string()).context(name))
    }
}

/// Reads a small file that holds a secret; refuses one that everybody on the machine can read.
pub fn read_secret_file(path: &Path) -> Result<Zeroizing<Vec<u8>>> {
    const AT_MOST: u64 = 64 << 10;
    let named = |error: std::io::Error| refused(format!("{}: {error}", path.display()));
    let metadata = std::fs::metadata(path).map_err(named)?;
    if metadata.len() > AT_MOST {
        return Err(refused(format!("{}: too large for a key", path.display())));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = metadata.permissions().mode() & 0o777;
        if mode & 0o007 != 0 {
            return Err(refused(format!(
                "{}: readable by everybody (mode {mode:03o}); `chmod 600` it",
                path.display()
            )));
        }
    }
    std::fs::read(path).map(Zeroizing::new).map_err(named)
}

fn refused(message: String) -> Error {
    Error::new(Code::KeyFile, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn missing_and_exposed_files_are_named() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("kek");
        let error = KekSource::File(path.clone()).read().err().unwrap();
        assert!(error.to_string().contains("kek: No such file"), "{error}");
        std::fs::write(&path, Kek::generate().unwrap().to_text().as_bytes()).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
        let error = KekSource::File(path.clone()).read().err().unwrap();
        assert!(error.to_string().contains("mode 644"), "{error}");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        assert!(KekSource::File(path.clone()).read().is_ok());
        std::fs::write(&path, "not a key").unwrap();
        let error = KekSource::File(path).read().err().unwrap();
        assert!(error.to_string().contains("expected 32 bytes as base64"), "{error}");
    }
}
