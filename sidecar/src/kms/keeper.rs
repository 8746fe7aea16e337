use std::time::Duration;

use sealtrail_keyring::{Custody, Kek, Refusal};
use zeroize::Zeroizing;

use super::aws::Aws;
use super::wrapped::Wrapped;
use crate::code::Code;
use crate::error::{Error, Result};

/// How the file of a key-encryption key holds it: as it is, or wrapped by a KMS.
///
/// What is there already is opened as it says itself. So what is configured holds from the next change of the
/// key-encryption key on, and there is no step of its own from one to the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keeper {
    /// Names the keyring: what is wrapped for one is not unwrapped for another.
    pub origin: String,
    /// Nobody, if there is none.
    pub wraps: Option<AwsKey>,
}

/// A key of AWS KMS, as the configuration names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsKey {
    /// An ARN, an id, or `alias/…`.
    pub key: String,
    /// For one key-encryption key to be wrapped or unwrapped, tries and credentials and all.
    pub timeout: Duration,
}

impl AwsKey {
    /// Where nothing else is said.
    pub const TIMEOUT: Duration = Duration::from_secs(10);
}

impl Keeper {
    fn make(&self) -> Result<(Kek, Zeroizing<Vec<u8>>)> {
        let Some(AwsKey { key, timeout }) = &self.wraps else {
            let kek = Kek::generate()?;
            let mut line = Zeroizing::new(Vec::with_capacity(64));
            line.extend_from_slice(kek.to_text().as_bytes());
            line.push(b'\n');
            return Ok((kek, line));
        };
        let (kek, wrapped) = Aws::of(key, *timeout)?.generate(key, &self.origin)?;
        Ok((kek, wrapped.to_line()))
    }

    fn open(&self, held: &[u8]) -> Result<Kek> {
        let Some(wrapped) = Wrapped::parse(held)? else {
            let text = std::str::from_utf8(held).unwrap_or_default();
            return Kek::parse(text).map_err(|e| Error::new(Code::KeyFile, e.to_string()));
        };
        let timeout = self.wraps.as_ref().map_or(AwsKey::TIMEOUT, |wraps| wraps.timeout);
        Aws::of(&wrapped.key, timeout)?.unwrap(&wrapped, &self.origin)
    }
}

impl Custody for Keeper {
    fn generate(&self) -> Result<(Kek, Zeroizing<Vec<u8>>), Refusal> {
        Ok(self.make()?)
    }

    fn unwrap(&self, held: &[u8]) -> Result<Kek, Refusal> {
        Ok(self.open(held)?)
    }
}
