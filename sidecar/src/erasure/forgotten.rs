use std::collections::HashSet;

use sealtrail_record::json::{Member, Value};
use sealtrail_record::pointer;

use super::Destroyed;

/// Where a record says who acted.
const ACTOR: [&str; 2] = ["/authid", "/data/actor/id"];

/// Stands for a pseudonym whose key is gone.
const ERASED: &str = "[erased]";

/// Puts `nobody` in the place of the actor's id, if the key is destroyed that it was sealed with or is a pseudonym by; false
/// if it says of nobody that he is forgotten.
///
/// A pseudonym tells who did the same things before, also when nobody can find out any more who that was.
pub fn anonymise(record: &mut Value<'_>, destroyed: &Destroyed, nobody: &str) -> bool {
    if destroyed.is_empty() {
        return false;
    }
    let by_seal = items(record, "/data/seals")
        .iter()
        .filter(|seal| texts(seal, "kids").any(|kid| destroyed.contains(kid)));
    let by_seal = by_seal.flat_map(|seal| texts(seal, "at").map(str::to_owned));
    let gone: HashSet<String> = by_seal.chain(pseudonyms(record, destroyed)).collect();
    let [authid, id] = ACTOR.map(|place| record.pointer(place).and_then(Value::as_str));
    // The first is the second, and listed nowhere.
    let is_repeated = authid.is_some() && authid == id && gone.contains(ACTOR[1]);
    let is_gone = |place: &&str| gone.contains(*place) || is_repeated;
    let places: Vec<_> = ACTOR.into_iter().filter(is_gone).collect();
    for place in &places {
        replace(record, place, nobody);
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

/// Who acted, in a record that is [anonymised](anonymise): a sealed id is named by its group, `[sealed actor]`, as everywhere.
pub fn actor_of(record: &Value<'_>, destroyed: &Destroyed, nobody: &str) -> Option<String> {
    // All that is said of an actor may be sealed as one.
    let places = ACTOR.into_iter().chain(["/data/actor"]);
    let text = |place: &'static str| Some((place, record.pointer(place)?.as_str()?));
    let (place, id) = places.into_iter().find_map(text)?;
    let holds = |seal: &&Value<'_>| texts(seal, "at").any(|at| at == place);
    let Some(seal) = items(record, "/data/seals").iter().find(holds) else {
        return Some(id.to_owned());
    };
    if texts(seal, "kids").any(|kid| destroyed.contains(kid)) {
        return Some(nobody.to_owned());
    }
    let group = seal.get("group").and_then(Value::as_str).unwrap_or_default();
    Some(format!("[sealed {group}]"))
}

/// Puts `[erased]` in the place of every pseudonym that was made with a destroyed key, but for that of the actor, who is
/// [anonymised](anonymise); false if there is none. A pseudonym shows which values were equal, also when nobody can find
/// out any more what they were.
pub fn erase_pseudonyms(record: &mut Value<'_>, destroyed: &Destroyed) -> bool {
    let places = pseudonyms_of_others(record, destroyed);
    for place in &places {
        replace(record, place, ERASED);
    }
    !places.is_empty()
}

/// Makes values sealed for this group of them, for who shows what is sealed by its group and has one for what is erased.
pub fn seal_pseudonyms(record: &mut Value<'_>, destroyed: &Destroyed, group: &str) {
    let places = pseudonyms_of_others(record, destroyed);
    if places.is_empty() {
        return;
    }
    for place in &places {
        replace(record, place, "st1.");
    }
    let text = |text: &str| Value::String(text.to_owned().into());
    let member = |key: &'static str, value| Member { key: key.into(), value };
    let places = places.iter().map(|place| text(place)).collect();
    let seal =
        Value::Object(vec![member("group", text(group)), member("at", Value::Array(places))]);
    match at(record, "/data/seals") {
        Some(Value::Array(seals)) => seals.push(seal),
        _ => {
            if let Some(Value::Object(data)) = at(record, "/data") {
                data.push(member("seals", Value::Array(vec![seal])));
            }
        }
    }
}

fn pseudonyms_of_others(record: &Value<'_>, destroyed: &Destroyed) -> Vec<String> {
    let mut places = pseudonyms(record, destroyed);
    places.retain(|place| !ACTOR.contains(&place.as_str()));
    places
}

/// Where the pseudonyms stand that were made with these keys.
fn pseudonyms(record: &Value<'_>, of: &Destroyed) -> Vec<String> {
    let made = items(record, "/data/pseudonyms")
        .iter()
        .filter(|made| made.get("kid").and_then(Value::as_str).is_some_and(|kid| of.contains(kid)));
    made.flat_map(|made| texts(made, "at")).map(str::to_owned).collect()
}

fn items<'v, 'a>(record: &'v Value<'a>, at: &str) -> &'v [Value<'a>] {
    record.pointer(at).map(Value::items).unwrap_or_default()
}

fn texts<'v>(value: &'v Value<'_>, name: &str) -> impl Iterator<Item = &'v str> {
    value.get(name).map(Value::items).unwrap_or_default().iter().filter_map(Value::as_str)
}

fn replace(record: &mut Value<'_>, place: &str, text: &str) {
    if let Some(value) = at(record, place) {
        *value = Value::String(text.to_owned().into());
    }
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
    use sealtrail_record::json;

    use super::*;
    use crate::questions::STORED;

    const NOBODY: &str = "00000000-0000-0000-0000-000000000000";
    const LINE: &[u8] = br#"{"authid":"ps1.a","data":{"actor":{"id":"ps1.a","name":"st1.0.x"},"tenant":"ps1.b","changes":[{"op":"add","path":"/tax","new":"ps1.c"}],"seals":[{"group":"g","kids":["k_1","t_1"],"at":["/data/actor/name"]}],"pseudonyms":[{"group":"actor","kid":"k_2","at":["/data/actor/id","/data/changes/0/new","/data/none"]},{"group":"x","kid":"k_3","at":["/data/tenant"]}]}}"#;

    fn after(
        line: &[u8],
        kid: &str,
        forget: impl Fn(&mut Value<'_>, &Destroyed) -> bool,
    ) -> Option<String> {
        let mut record = json::parse(line, &STORED).unwrap();
        forget(&mut record, &Destroyed::from([kid])).then(|| record.to_json())
    }

    fn anonymised(record: &mut Value<'_>, destroyed: &Destroyed) -> bool {
        anonymise(record, destroyed, NOBODY)
    }

    #[test]
    fn only_whoever_is_forgotten_is_nobody() {
        let text = after(LINE, "k_2", anonymised).unwrap();
        assert!(!text.contains("ps1.a"), "{text}");
        assert!(text.contains("ps1.b") && text.contains("ps1.c"), "{text}");
        assert!(text.contains(&format!(r#""authid":"{NOBODY}""#)), "{text}");
        assert!(text.contains(&format!(r#""actor":{{"id":"{NOBODY}","name""#)), "{text}");
        for other in ["k_1", "k_3", "t_1", "k_9"] {
            assert_eq!(after(LINE, other, anonymised), None, "{other}");
        }
    }

    #[test]
    fn one_that_was_sealed_is_not_shown_as_sealed_any_more() {
        let line = br#"{"data":{"actor":{"id":"st1.0.x"},"seals":[{"group":"actor","kids":["k_1","t_1"],"at":["/data/actor/id","/data/x"]}]}}"#;
        let text = after(line, "k_1", anonymised).unwrap();
        assert!(text.contains(r#""at":["/data/x"]"#) && text.contains(NOBODY), "{text}");
    }

    #[test]
    fn an_actor_is_named_sealed_or_nobody() {
        let shown = |line: &[u8], kid: &str| {
            let (mut record, destroyed) =
                (json::parse(line, &STORED).unwrap(), Destroyed::from([kid]));
            anonymise(&mut record, &destroyed, NOBODY);
            actor_of(&record, &destroyed, NOBODY)
        };
        assert_eq!(shown(LINE, "k_9").as_deref(), Some("ps1.a"));
        assert_eq!(shown(LINE, "k_2").as_deref(), Some(NOBODY));
        for (id, whole) in
            [(r#"{"id":"st1.0.x"}"#, "/data/actor/id"), (r#""st1.0.x""#, "/data/actor")]
        {
            let line = format!(
                r#"{{"data":{{"actor":{id},"seals":[{{"group":"who","kids":["k_1","t_1"],"at":["{whole}"]}}]}}}}"#
            );
            assert_eq!(shown(line.as_bytes(), "k_9").as_deref(), Some("[sealed who]"));
            assert_eq!(shown(line.as_bytes(), "t_1").as_deref(), Some(NOBODY));
        }
        assert_eq!(shown(br#"{"data":{"actor":{"type":"user"}}}"#, "k_1"), None);
    }

    #[test]
    fn other_pseudonyms_are_erased_wherever_they_stand() {
        let text = after(LINE, "k_2", erase_pseudonyms).unwrap();
        assert!(text.contains(r#""new":"[erased]""#), "{text}");
        assert!(text.contains("ps1.a") && text.contains("ps1.b"), "{text}");
        let text = after(LINE, "k_3", erase_pseudonyms).unwrap();
        assert!(text.contains(r#""tenant":"[erased]""#) && text.contains("ps1.c"), "{text}");
        assert_eq!(after(LINE, "k_1", erase_pseudonyms), None);
    }
}
