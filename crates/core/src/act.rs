//! Records that are no change of an entity: somebody read sealed fields, a key was destroyed or changed, a retention period is
//! over, records were removed or are kept from it, or somebody was refused one of these.

use std::borrow::Cow;

use sealtrail_record::json::{self, Limits, Value, write_string};
use sealtrail_record::time;

use crate::Error;
use crate::change::read_name;
use crate::stamp::Stamp;

/// The record of an act, one line without its line feed. `act` is
/// `{"act":…,"reason":…,"actor":{"type":…,"id":…},"correlation_id":…}` with what the act is about:
///
/// | `act` | |
/// |---|---|
/// | `reveal` | `"record":…,"group":…` |
/// | `shred` | `"kids":[…],"hard":…` |
/// | `expire` | `"class":…,"period":…,"kids":["t_<class>.<period>"]` |
/// | `prune` | `"first_removed":0,"first_kept":300,"older_than":…` |
/// | `hold`, `hold-released` | `"hold":…,"from":0` |
/// | `rotate` | `"keys":15,"generation":2` of the key-encryption key |
/// | `refused` | `"attempt":…,"unrecorded":0`, of a reveal also `"record":…` and, if known, `"group":…` |
///
/// The reason of a refusal is what was missing, and `unrecorded` how many refusals there were before it that
/// have no record of their own.
///
/// A shredding names the keys that are gone and not whose they were: the name itself may be
/// personal.
pub fn act(stamp: &Stamp<'_>, act: &[u8]) -> Result<Vec<u8>, Error> {
    stamp.check()?;
    let act = json::parse(act, &Limits { max_bytes: 64 << 10, max_depth: 8, max_values: 10_000 })
        .map_err(|e| Error::json("the act", e))?;
    if let Some(other) = act.members().iter().find(|m| !KNOWN.contains(&m.key.as_ref())) {
        return Err(Error::new("invalid_field", format!("an act does not know `{}`", other.key)));
    }
    let (kind, reason) = (name(&act, "act")?, name(&act, "reason")?);
    let mut data = b"\"act\":".to_vec();
    write_string(&kind, &mut data);
    data.extend_from_slice(b",\"reason\":");
    write_string(&reason, &mut data);
    let subject = write_what(&kind, &act, &mut data)?;
    let actor = act.get("actor").map(|actor| {
        let part =
            |key: &str| actor.get(key).map(|v| read_name(v, &format!("/actor/{key}"))).transpose();
        Ok::<_, Error>((part("type")?.unwrap_or_else(|| "unknown".into()), part("id")?))
    });
    let actor = actor.transpose()?;
    let correlation =
        act.get("correlation_id").map(|_| name(&act, "correlation_id")).transpose()?;

    let mut out = Vec::with_capacity(512);
    let record_type = format!("sealtrail.{kind}.v1");
    let attributes = [
        ("{\"specversion\":", Some("1.0")),
        (",\"id\":", Some(stamp.id)),
        (",\"source\":", Some(stamp.origin)),
        (",\"type\":", Some(record_type.as_str())),
        (",\"subject\":", Some(subject.as_str())),
        (",\"time\":", Some(stamp.recorded_time)),
        (",\"datacontenttype\":", Some("application/json")),
        (",\"recordedtime\":", Some(stamp.recorded_time)),
        (",\"correlationid\":", correlation.as_deref()),
        (",\"authtype\":", actor.as_ref().map(|(kind, _)| kind.as_ref())),
        (",\"authid\":", actor.as_ref().and_then(|(_, id)| id.as_deref())),
    ];
    for (name, text) in attributes {
        if let Some(text) = text {
            out.extend_from_slice(name.as_bytes());
            write_string(text, &mut out);
        }
    }
    out.extend_from_slice(b",\"data\":{");
    out.extend_from_slice(&data);
    stamp.write_engine(&mut out);
    out.extend_from_slice(b"}}");
    Ok(out)
}

const KNOWN: [&str; 19] = [
    "act",
    "reason",
    "actor",
    "record",
    "group",
    "kids",
    "hard",
    "class",
    "period",
    "first_removed",
    "first_kept",
    "older_than",
    "hold",
    "from",
    "attempt",
    "unrecorded",
    "keys",
    "generation",
    "correlation_id",
];

/// What can be refused.
const ATTEMPTS: [&str; 8] =
    ["reveal", "shred", "expire", "hold", "hold-release", "prune", "compress", "rotate"];

/// Writes the members that say what the act is about, and returns the subject of the record.
fn write_what(kind: &str, act: &Value<'_>, data: &mut Vec<u8>) -> Result<String, Error> {
    let mut write = |member: &str, json: &dyn Fn(&mut Vec<u8>)| {
        data.extend_from_slice(format!(",\"{member}\":").as_bytes());
        json(data);
    };
    match kind {
        "reveal" => {
            let (record, group) = (name(act, "record")?, name(act, "group")?);
            write("record", &|out| write_string(&record, out));
            write("group", &|out| write_string(&group, out));
            Ok(format!("record/{record}"))
        }
        "shred" => {
            let kids = kids(act)?;
            let first = kids.first().ok_or_else(|| Error::missing("/kids/0"))?;
            write("kids", &|out| write_names(&kids, out));
            let hard = matches!(act.get("hard"), Some(Value::Bool(true)));
            write("hard", &|out| out.extend_from_slice(if hard { b"true" } else { b"false" }));
            Ok(format!("key/{first}"))
        }
        "expire" => {
            let (class, period, kids) = (name(act, "class")?, name(act, "period")?, kids(act)?);
            // One key for each period of a class; a record about another one would tell of what did not happen.
            let kid = format!("t_{class}.{period}");
            if kids != [kid.as_str()] {
                return Err(Error::field("/kids", &format!("`{kid}` alone"), "others"));
            }
            write("class", &|out| write_string(&class, out));
            write("period", &|out| write_string(&period, out));
            write("kids", &|out| write_names(&kids, out));
            Ok(format!("key/{kid}"))
        }
        "prune" => {
            let (removed, kept) = (index(act, "first_removed")?, index(act, "first_kept")?);
            if removed >= kept {
                let wanted = format!("above `/first_removed`, which is {removed}");
                return Err(Error::field("/first_kept", &wanted, &kept.to_string()));
            }
            let older_than = name(act, "older_than")?;
            if !time::is_rfc3339(&older_than) {
                let wanted = "an RFC 3339 date-time";
                return Err(Error::field("/older_than", wanted, "another text"));
            }
            write("first_removed", &|out| out.extend_from_slice(removed.to_string().as_bytes()));
            write("first_kept", &|out| out.extend_from_slice(kept.to_string().as_bytes()));
            write("older_than", &|out| write_string(&older_than, out));
            Ok(format!("records/{removed}-{}", kept - 1))
        }
        "hold" | "hold-released" => {
            let (hold, from) = (name(act, "hold")?, index(act, "from")?);
            write("hold", &|out| write_string(&hold, out));
            write("from", &|out| out.extend_from_slice(from.to_string().as_bytes()));
            Ok(format!("hold/{hold}"))
        }
        "rotate" => {
            let (keys, generation) = (number(act, "keys")?, number(act, "generation")?);
            write("keys", &|out| out.extend_from_slice(keys.to_string().as_bytes()));
            write("generation", &|out| out.extend_from_slice(generation.to_string().as_bytes()));
            Ok(format!("kek/{generation}"))
        }
        "refused" => {
            let attempt = name(act, "attempt")?;
            if !ATTEMPTS.contains(&attempt.as_ref()) {
                let wanted = format!("one of {}", ATTEMPTS.join(", "));
                return Err(Error::field("/attempt", &wanted, "another text"));
            }
            write("attempt", &|out| write_string(&attempt, out));
            let unrecorded = index(act, "unrecorded")?;
            let mut subject = format!("attempt/{attempt}");
            for key in ["record", "group"] {
                if act.get(key).is_some() {
                    let text = name(act, key)?;
                    write(key, &|out| write_string(&text, out));
                    if key == "record" {
                        subject = format!("record/{text}");
                    }
                }
            }
            write("unrecorded", &|out| out.extend_from_slice(unrecorded.to_string().as_bytes()));
            Ok(subject)
        }
        _ => {
            let wanted = "`reveal`, `shred`, `expire`, `prune`, `hold`, `hold-released`, `rotate` or `refused`";
            Err(Error::field("/act", wanted, "another text"))
        }
    }
}

fn kids<'a>(act: &Value<'a>) -> Result<Vec<Cow<'a, str>>, Error> {
    let kids = act.get("kids").map(Value::items).unwrap_or_default();
    kids.iter().map(|kid| read_name(kid, "/kids")).collect()
}

fn write_names(names: &[Cow<'_, str>], out: &mut Vec<u8>) {
    out.push(b'[');
    for (i, name) in names.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        write_string(name, out);
    }
    out.push(b']');
}

fn name<'a>(act: &Value<'a>, key: &str) -> Result<Cow<'a, str>, Error> {
    let at = format!("/{key}");
    act.get(key).ok_or_else(|| Error::missing(&at)).and_then(|value| read_name(value, &at))
}

fn index(act: &Value<'_>, key: &str) -> Result<u64, Error> {
    whole(act, key, "the index of a record")
}

fn number(act: &Value<'_>, key: &str) -> Result<u64, Error> {
    whole(act, key, "a whole number")
}

/// Decimal digits that a u64 holds, without a leading zero.
fn whole(act: &Value<'_>, key: &str, wanted: &str) -> Result<u64, Error> {
    let at = format!("/{key}");
    let value = act.get(key).ok_or_else(|| Error::missing(&at))?;
    let digits = if let Value::Number(digits) = value { digits } else { "" };
    let index = digits.parse::<u64>().ok().filter(|_| digits.bytes().all(|b| b.is_ascii_digit()));
    index.ok_or_else(|| Error::field(&at, wanted, value.kind()))
}
