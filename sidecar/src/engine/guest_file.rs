//! A guest from a file, in place of the one in the binary: only one whose digest the configuration names.
//!
//! The file is machine code, what `sealtrail guest` writes of the guest in another binary. Whoever may change it could
//! do with the process what he likes, so its digest is compared before a byte of it is interpreted.

use std::fmt::Display;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::embedded::SHA256 as GUEST_SHA256;
use crate::code::Code;
use crate::config::Engine;
use crate::error::{Error, Result};

/// Nobody's core is larger; a file that is would only fill the memory.
const MAX_BYTES: u64 = 64 << 20;

/// What to run.
pub enum GuestFile {
    /// The one in the binary, or the WebAssembly that it was compiled from.
    Embedded,
    Other {
        code: Vec<u8>,
        sha256: String,
    },
}

impl GuestFile {
    pub fn sha256(&self) -> &str {
        match self {
            Self::Embedded => GUEST_SHA256,
            Self::Other { sha256, .. } => sha256,
        }
    }
}

/// The guest that a configuration names, if it allows that one.
pub fn read(engine: &Engine) -> Result<GuestFile> {
    let Some(path) = &engine.guest else {
        expect_allowed("the guest in this binary", GUEST_SHA256, &engine.allow)?;
        return Ok(GuestFile::Embedded);
    };
    let unreadable =
        |e: std::io::Error| Error::new(Code::ConfigInvalid, e.to_string()).context(path.display());
    let code = read_bounded(path).map_err(unreadable)?;
    let sha256 = sha256_of(&code);
    expect_allowed(path.display(), &sha256, &engine.allow)?;
    Ok(match sha256 == GUEST_SHA256 {
        true => GuestFile::Embedded,
        false => GuestFile::Other { code, sha256 },
    })
}

/// In lower case.
pub fn sha256_of(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn read_bounded(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut code = Vec::new();
    File::open(path)?.take(MAX_BYTES + 1).read_to_end(&mut code)?;
    if code.len() as u64 > MAX_BYTES {
        let message = format!("it is larger than {MAX_BYTES} bytes, and no guest is");
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, message));
    }
    Ok(code)
}

fn expect_allowed(what: impl Display, sha256: &str, allow: &[String]) -> Result<()> {
    let allowed = match allow {
        [] if sha256 == GUEST_SHA256 => return Ok(()),
        [] => format!("the one in this binary, `{GUEST_SHA256}`; engine.allow lists others"),
        _ if allow.iter().any(|allowed| allowed == sha256) => return Ok(()),
        _ => format!("`{}`, by engine.allow", allow.join("`, `")),
    };
    let message = format!("{what} has the SHA-256 `{sha256}`, allowed is {allowed}");
    Err(Error::new(Code::ConfigInvalid, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_list_only_the_one_in_the_binary() {
        let other = "0".repeat(64);
        assert!(expect_allowed("it", GUEST_SHA256, &[]).is_ok());
        let said = expect_allowed("it", &other, &[]).unwrap_err().to_string();
        assert!(said.contains(&other) && said.contains(GUEST_SHA256), "{said}");
    }

    #[test]
    fn with_a_list_only_what_it_lists() {
        let (one, other) = ("1".repeat(64), "2".repeat(64));
        let allow = [one.clone(), other.clone()];
        assert!(expect_allowed("it", &one, &allow).is_ok());
        assert!(expect_allowed("it", &other, &allow).is_ok());
        let said = expect_allowed("it", GUEST_SHA256, &allow).unwrap_err().to_string();
        for digest in [&one, &other, GUEST_SHA256] {
            assert!(said.contains(digest), "{said}");
        }
    }

    #[test]
    fn a_file_that_is_too_large_is_not_read_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("guest.wasm");
        File::create(&path).unwrap().set_len(MAX_BYTES + 1).unwrap();
        let engine = Engine { guest: Some(path), allow: Vec::new() };
        let said = read(&engine).err().unwrap().to_string();
        assert!(said.contains("is larger than"), "{said}");
    }
}
