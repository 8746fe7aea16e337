//! Secrets come from a file of their own or from the environment, never from the configuration.

use std::path::Path;

use zeroize::Zeroizing;

use crate::code::Code;
use crate::error::{Error, Result};

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
