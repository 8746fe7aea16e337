//! The seals that a record lists in `data.seals`.

use sealtrail_keyring::KeyId;
use serde::Deserialize;

use crate::code::Code;
use crate::error::{Error, Result};

/// One seal: a data group, the ids of its two keys, and where its values stand.
#[derive(Debug, Deserialize)]
pub struct Seal {
    pub group: String,
    pub kids: [String; 2],
}

impl Seal {
    /// The subject key, then the period key.
    pub fn key_ids(&self) -> Result<[KeyId; 2]> {
        let [subject, period] = &self.kids;
        Ok([KeyId::parse(subject)?, KeyId::parse(period)?])
    }
}

/// The seals of a record's line, in their order; none in a record that has nothing sealed.
pub fn seals_of(line: &[u8]) -> Result<Vec<Seal>> {
    #[derive(Deserialize)]
    struct Record {
        data: Data,
    }
    #[derive(Deserialize)]
    struct Data {
        #[serde(default)]
        seals: Vec<Seal>,
    }
    serde_json::from_slice::<Record>(line)
        .map(|record| record.data.seals)
        .map_err(|_| Error::new(Code::LogDamaged, "the record's list of seals cannot be read"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_list_and_refuses_another_form() {
        let line = br#"{"id":"1","data":{"seals":[{"alg":"x","group":"contact","kids":["k_AAAAAAAAAAAAAAAAAAAAAA","t_a.2026-11"],"commit":"","at":["/data/x"]}]}}"#;
        let seals = seals_of(line).unwrap();
        assert_eq!(seals[0].group, "contact");
        assert_eq!(seals[0].key_ids().unwrap()[1].as_str(), "t_a.2026-11");
        assert!(seals_of(br#"{"data":{}}"#).unwrap().is_empty());
        assert!(seals_of(br#"{"data":{"seals":[{"group":"a","kids":["k"]}]}}"#).is_err());
    }
}
