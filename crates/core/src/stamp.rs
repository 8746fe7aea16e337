//! What a host gives for a record beside its change: where it goes, when it was made, and the keys.

use sealtrail_record::json::write_string;
use sealtrail_record::{id, time};

use crate::Error;
use crate::change::MAX_NAME;
use crate::seal::Key;

/// What the host knows of the record: where it goes, what it is called and when it was made.
#[derive(Clone, Copy)]
pub struct Stamp<'a> {
    /// Name of the log.
    pub origin: &'a str,
    /// UUIDv7 of the record.
    pub id: &'a str,
    /// RFC 3339, in UTC.
    pub recorded_time: &'a str,
    pub engine_version: &'a str,
    /// Digest of the wasm file that makes the record, in hexadecimal.
    pub engine_sha256: &'a str,
}

/// The two keys of one [`Need`], with their ids.
pub struct KeyPair<'a> {
    pub subject_kid: &'a str,
    pub subject: Key,
    pub period_kid: &'a str,
    pub period: Key,
}

impl Stamp<'_> {
    pub(crate) fn check(&self) -> Result<(), Error> {
        let bad = |what: &str, wanted: &str| Err(Error::field(what, wanted, "another text"));
        if self.origin.is_empty() || self.origin.len() > MAX_NAME {
            return bad("/origin", "the name of the log");
        }
        if !id::is_uuid(self.id) {
            return bad("/id", "a UUID in lower case");
        }
        if time::month(self.recorded_time).is_none() {
            return bad("/recorded_time", "an RFC 3339 date-time in UTC");
        }
        let digest = self.engine_sha256;
        if digest.len() != 64 || !digest.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return bad("/engine/sha256", "64 hexadecimal digits in lower case");
        }
        Ok(())
    }

    pub(crate) fn write_engine(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b",\"engine\":{\"version\":");
        write_string(self.engine_version, out);
        out.extend_from_slice(b",\"sha256\":");
        write_string(self.engine_sha256, out);
        out.push(b'}');
    }
}
