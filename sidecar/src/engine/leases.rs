//! Keys of one record for whoever seals or opens it elsewhere, and the check of what comes back.

use sealtrail_record::frame::Frame;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use super::calls::{Guest, Kids, json, read};
use crate::error::Result;

/// Whose keys one lease comes from, and what for.
pub struct Leasing {
    pub group: String,
    pub is_pseudonym: bool,
    pub keys: Kids,
}

/// A key of one record in base64url; `commit` is there where it is for sealing.
#[derive(Serialize, Deserialize)]
pub struct LeasedKey {
    #[serde(serialize_with = "write_secret", deserialize_with = "read_secret")]
    key: Zeroizing<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}

/// What a record that was sealed elsewhere says of itself.
#[derive(Debug, Deserialize)]
pub struct Admitted {
    pub correlation_id: String,
    pub source: String,
    pub change_id: Option<String>,
    pub entity: Entity,
    pub action: String,
}

#[derive(Debug, Deserialize)]
pub struct Entity {
    #[serde(rename = "type")]
    pub kind: String,
    pub id: String,
}

impl Guest {
    /// The keys of one record, in the order of `leasings`.
    pub fn lease(
        &mut self,
        origin: &str,
        record: &str,
        leasings: &[Leasing],
    ) -> Result<Vec<LeasedKey>> {
        let mut frame = Frame::new().part(origin.as_bytes()).part(record.as_bytes());
        for Leasing { group, is_pseudonym, keys } in leasings {
            frame = frame.part(if *is_pseudonym { b"pseudonym" } else { b"seal" });
            frame = frame.part(group.as_bytes());
            for (kid, key) in keys {
                frame = frame.part(kid.as_str().as_bytes()).part(key.expose());
            }
        }
        let frame = Zeroizing::new(frame.into_bytes());
        read(&Zeroizing::new(self.call_with("lease", &frame)?))
    }

    /// Refuses a record that is not what these terms allow.
    pub fn admit(&mut self, terms: &impl Serialize, line: &[u8]) -> Result<Admitted> {
        let frame = Frame::new().part(&json(terms)?).part(line).into_bytes();
        read(&self.call_with("admit", &frame)?)
    }
}

impl std::fmt::Debug for LeasedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a leased key")
    }
}

fn write_secret<S: Serializer>(secret: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret)
}

fn read_secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Zeroizing<String>, D::Error> {
    String::deserialize(deserializer).map(Zeroizing::new)
}
