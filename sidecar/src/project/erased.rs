use std::collections::{HashMap, HashSet};

use sealtrail_record::json::{self, Member, Value};
use sealtrail_record::pointer;

use crate::questions::STORED;

/// Stands for a pseudonym whose key is gone.
const ERASED: &str = "[erased]";

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

/// The ids of the keys that a record says were destroyed.
pub fn destroyed_by(line: &[u8]) -> Vec<String> {
    // Most records are of other types, and none is read in vain.
    let is_of = |word: &[u8]| memchr::memmem::find(line, word).is_some();
    if !is_of(b"sealtrail.shred.v1") && !is_of(b"sealtrail.expire.v1") {
        return Vec::new();
    }
    let Ok(record) = json::parse(line, &STORED) else { return Vec::new() };
    let kind = record.get("type").and_then(Value::as_str);
    if !matches!(kind, Some("sealtrail.shred.v1" | "sealtrail.expire.v1")) {
        return Vec::new();
    }
    let kids = record.pointer("/data/kids").map(Value::items).unwrap_or_default();
    kids.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// A record without the pseudonyms that were made with destroyed keys, `nobody` in the place of a user's id; `None` where
/// it has none.
pub fn without_pseudonyms(
    record: &Value<'_>,
    destroyed: &HashSet<String>,
    nobody: &str,
) -> Option<Vec<u8>> {
    let made = record.pointer("/data/pseudonyms").map(Value::items).unwrap_or_default();
    let is_gone = |made: &&Value<'_>| {
        made.get("kid").and_then(Value::as_str).is_some_and(|kid| destroyed.contains(kid))
    };
    let mut instead = HashMap::new();
    for place in made.iter().filter(is_gone).flat_map(|made| {
        made.get("at").map(Value::items).unwrap_or_default().iter().filter_map(Value::as_str)
    }) {
        let is_user = matches!(place, "/authid" | "/data/actor/id");
        instead.insert(place, if is_user { nobody } else { ERASED });
    }
    if instead.is_empty() {
        return None;
    }
    // The record has the actor's id twice, and lists one place of it.
    let actor = |at| record.pointer(at).and_then(Value::as_str);
    if instead.contains_key("/data/actor/id") && actor("/authid") == actor("/data/actor/id") {
        instead.insert("/authid", nobody);
    }
    let mut record = record.clone();
    for (place, text) in instead {
        if let Some(value) = at(&mut record, place) {
            *value = Value::String(text.to_owned().into());
        }
    }
    Some(record.to_json().into_bytes())
}

fn at<'v, 'a>(value: &'v mut Value<'a>, place: &str) -> Option<&'v mut Value<'a>> {
    pointer::tokens(place)?.iter().try_fold(value, |value, token| match value {
        Value::Object(members) => {
            let found = members.iter_mut().find(|Member { key, .. }| key == token);
            found.map(|member| &mut member.value)
        }
        Value::Array(items) => items.get_mut(pointer::index(token)?),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &[u8] = br#"{"type":"sealtrail.change.update.v1","authid":"ps1.a","data":{"actor":{"id":"ps1.a"},"tenant":"ps1.b","changes":[{"op":"add","path":"/tax","new":"ps1.c"}],"seals":[{"group":"g","kids":["k_1","t_1"],"at":[]}],"pseudonyms":[{"group":"actor","kid":"k_2","at":["/data/actor/id","/data/changes/0/new","/data/none"]},{"group":"x","kid":"k_3","at":["/data/tenant"]}]}}"#;

    #[test]
    fn only_what_the_destroyed_key_made_goes() {
        let record = json::parse(LINE, &STORED).unwrap();
        let of =
            |kid: &str| without_pseudonyms(&record, &HashSet::from([kid.to_owned()]), "NOBODY");
        let text = String::from_utf8(of("k_2").unwrap()).unwrap();
        assert!(!text.contains("ps1.a") && !text.contains("ps1.c"), "{text}");
        assert!(text.contains(r#""authid":"NOBODY""#), "{text}");
        assert!(text.contains(r#""new":"[erased]""#) && text.contains("ps1.b"), "{text}");
        assert_eq!(of("k_1"), None);
        let mut keys: Vec<_> = keys_of(&record).into_iter().collect();
        keys.sort();
        assert_eq!(keys, ["k_1", "k_2", "k_3", "t_1"]);
    }

    #[test]
    fn an_erasure_is_told_from_a_record_that_speaks_of_one() {
        let shred = br#"{"type":"sealtrail.shred.v1","data":{"kids":["k_1","k_2"]}}"#;
        assert_eq!(destroyed_by(shred), ["k_1", "k_2"]);
        let other = br#"{"type":"sealtrail.change.update.v1","data":{"kids":["k_1"],"x":"sealtrail.shred.v1"}}"#;
        assert!(destroyed_by(other).is_empty() && destroyed_by(LINE).is_empty());
        assert!(destroyed_by(b"sealtrail.shred.v1").is_empty());
    }
}
