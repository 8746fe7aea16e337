use std::collections::HashSet;

use sealtrail_record::json::{Member, Value};
use sealtrail_record::pointer;

/// Where a record says who acted.
const ACTOR: [&str; 2] = ["/authid", "/data/actor/id"];

/// Puts `nobody` in the place of the actor's id, if the key is destroyed that it was sealed with or is a pseudonym by; false
/// if it says of nobody that he is forgotten.
///
/// A pseudonym tells who did the same things before, also when nobody can find out any more who that was.
pub fn anonymise(record: &mut Value<'_>, destroyed: &HashSet<String>, nobody: &str) -> bool {
    if destroyed.is_empty() {
        return false;
    }
    let list = |value: &Value<'_>, name| -> Vec<String> {
        let items = value.get(name).map(Value::items).unwrap_or_default();
        items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let all = |at| record.pointer(at).map(Value::items).unwrap_or_default();
    let by_pseudonym = all("/data/pseudonyms").iter().filter(|made| {
        made.get("kid").and_then(Value::as_str).is_some_and(|kid| destroyed.contains(kid))
    });
    let by_seal = all("/data/seals")
        .iter()
        .filter(|seal| list(seal, "kids").iter().any(|kid| destroyed.contains(kid)));
    let gone: HashSet<String> = by_pseudonym.chain(by_seal).flat_map(|of| list(of, "at")).collect();
    let [authid, id] = ACTOR.map(|place| record.pointer(place).and_then(Value::as_str));
    // The first is the second, and listed nowhere.
    let is_repeated = authid.is_some() && authid == id && gone.contains(ACTOR[1]);
    let is_gone = |place: &&str| gone.contains(*place) || is_repeated;
    let places: Vec<_> = ACTOR.into_iter().filter(is_gone).collect();
    for place in &places {
        if let Some(value) = at(record, place) {
            *value = Value::String(nobody.to_owned().into());
        }
    }
    // What is shown in clear is not shown as sealed.
    if let Some(Value::Array(seals)) = at(record, "/data/seals") {
        for seal in seals {
            if let Some(Value::Array(pointers)) = at(seal, "/at") {
                pointers.retain(|at| at.as_str().is_none_or(|at| !places.contains(&at)));
            }
        }
    }
    !places.is_empty()
}

fn at<'v, 'a>(value: &'v mut Value<'a>, place: &str) -> Option<&'v mut Value<'a>> {
    pointer::tokens(place)?.iter().try_fold(value, |value, token| match value {
        Value::Object(members) => {
            let found = members.iter_mut().find(|Member { key, .. }| key == token);
            found.map(|member| &mut member.value)
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use sealtrail_record::json;

    use super::*;
    use crate::questions::STORED;

    const NOBODY: &str = "00000000-0000-0000-0000-000000000000";
    const LINE: &[u8] = br#"{"authid":"ps1.a","data":{"actor":{"id":"ps1.a","name":"st1.0.x"},"tenant":"ps1.b","seals":[{"group":"g","kids":["k_1","t_1"],"at":["/data/actor/name"]}],"pseudonyms":[{"group":"actor","kid":"k_2","at":["/data/actor/id"]},{"group":"x","kid":"k_3","at":["/data/tenant"]}]}}"#;

    fn after(line: &[u8], kid: &str) -> Option<String> {
        let mut record = json::parse(line, &STORED).unwrap();
        let is_gone = anonymise(&mut record, &HashSet::from([kid.to_owned()]), NOBODY);
        is_gone.then(|| record.to_json())
    }

    #[test]
    fn only_whoever_is_forgotten_is_nobody() {
        let text = after(LINE, "k_2").unwrap();
        assert!(!text.contains("ps1.a") && text.contains("ps1.b"), "{text}");
        assert!(text.contains(&format!(r#""authid":"{NOBODY}""#)), "{text}");
        assert!(text.contains(&format!(r#""actor":{{"id":"{NOBODY}","name""#)), "{text}");
        for other in ["k_1", "k_3", "t_1", "k_9"] {
            assert_eq!(after(LINE, other), None, "{other}");
        }
    }

    #[test]
    fn one_that_was_sealed_is_not_shown_as_sealed_any_more() {
        let line = br#"{"data":{"actor":{"id":"st1.0.x"},"seals":[{"group":"actor","kids":["k_1","t_1"],"at":["/data/actor/id","/data/x"]}]}}"#;
        let text = after(line, "k_1").unwrap();
        assert!(text.contains(r#""at":["/data/x"]"#) && text.contains(NOBODY), "{text}");
    }
}
