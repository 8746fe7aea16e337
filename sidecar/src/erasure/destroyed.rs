use std::collections::HashSet;

use sealtrail_record::json::{self, Value};

use crate::questions::STORED;

/// The types of the records that tell of keys that were destroyed: of a data subject or a month, and of months that
/// are over.
const ERASURES: [&str; 2] = ["sealtrail.shred.v1", "sealtrail.expire.v1"];

/// The ids of the keys that a record says were destroyed; none of a line that is no such record.
pub fn destroyed_by(line: &[u8]) -> Vec<String> {
    // Most records are of other types, and none is read in vain.
    if !ERASURES.iter().any(|kind| memchr::memmem::find(line, kind.as_bytes()).is_some()) {
        return Vec::new();
    }
    let Ok(record) = json::parse(line, &STORED) else { return Vec::new() };
    if !record.get("type").and_then(Value::as_str).is_some_and(|kind| ERASURES.contains(&kind)) {
        return Vec::new();
    }
    let kids = record.pointer("/data/kids").map(Value::items).unwrap_or_default();
    kids.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The keys that something in a record was sealed or named with, each once.
pub fn keys_of(record: &Value<'_>) -> HashSet<String> {
    let list = |at| record.pointer(at).map(Value::items).unwrap_or_default();
    let kids = list("/data/seals").iter().flat_map(|seal| {
        seal.get("kids").map(Value::items).unwrap_or_default().iter().filter_map(Value::as_str)
    });
    let kid = |made: &'_ Value<'_>| made.get("kid").and_then(Value::as_str).map(str::to_owned);
    let of_pseudonyms = list("/data/pseudonyms").iter().filter_map(kid);
    kids.map(str::to_owned).chain(of_pseudonyms).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_of_erasures_are_told_by_their_type() {
        let line = |kind: &str| format!(r#"{{"type":"{kind}","data":{{"kids":["k_1","t_2"]}}}}"#);
        for erasure in ERASURES {
            assert_eq!(destroyed_by(line(erasure).as_bytes()), ["k_1", "t_2"]);
        }
        for other in ["sealtrail.change.update.v1", "x.sealtrail.shred.v1", ""] {
            assert!(destroyed_by(line(other).as_bytes()).is_empty(), "{other}");
        }
        assert!(destroyed_by(b"sealtrail.shred.v1").is_empty());
    }

    #[test]
    fn keys_are_of_seals_and_of_pseudonyms() {
        let line = br#"{"data":{"seals":[{"kids":["k_1","t_1"]},{"kids":["k_1"]}],"pseudonyms":[{"kid":"k_2"},{"kid":"k_3"}]}}"#;
        let mut keys: Vec<_> = keys_of(&json::parse(line, &STORED).unwrap()).into_iter().collect();
        keys.sort();
        assert_eq!(keys, ["k_1", "k_2", "k_3", "t_1"]);
    }
}
