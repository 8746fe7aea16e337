//! Records that are no change of an entity: somebody read sealed fields, or a key was destroyed.

use sealtrail_record::json::{self, Limits, Value, write_string};

use crate::Error;
use crate::change::read_name;
use crate::stamp::Stamp;

/// The record of an act, one line without its line feed. `act` is
/// `{"act":"reveal"|"shred","reason":…,"actor":{"type":…,"id":…},"record":…,"group":…,"kids":[…],"hard":…,"correlation_id":…}`.
///
/// A shredding names the keys that are gone and not whose they were: the name itself may be
/// personal.
pub fn act(stamp: &Stamp<'_>, act: &[u8]) -> Result<Vec<u8>, Error> {
    stamp.check()?;
    let act = json::parse(act, &Limits { max_bytes: 64 << 10, max_depth: 8, max_values: 10_000 })
        .map_err(|e| Error::json("the act", e))?;
    let known = ["act", "reason", "actor", "record", "group", "kids", "hard", "correlation_id"];
    if let Some(other) = act.members().iter().find(|m| !known.contains(&m.key.as_ref())) {
        return Err(Error::new("invalid_field", format!("an act does not know `{}`", other.key)));
    }
    let required = |key: &str| {
        let at = format!("/{key}");
        act.get(key).ok_or_else(|| Error::missing(&at)).and_then(|value| read_name(value, &at))
    };
    let kind = required("act")?;
    let reason = required("reason")?;
    let mut data = b"\"act\":".to_vec();
    write_string(&kind, &mut data);
    data.extend_from_slice(b",\"reason\":");
    write_string(&reason, &mut data);
    let subject = match kind.as_ref() {
        "reveal" => {
            let (record, group) = (required("record")?, required("group")?);
            for (name, text) in [(",\"record\":", &record), (",\"group\":", &group)] {
                data.extend_from_slice(name.as_bytes());
                write_string(text, &mut data);
            }
            format!("record/{record}")
        }
        "shred" => {
            let kids = act.get("kids").map(Value::items).unwrap_or_default();
            let first = kids.first().ok_or_else(|| Error::missing("/kids/0"))?;
            data.extend_from_slice(b",\"kids\":[");
            for (i, kid) in kids.iter().enumerate() {
                if i > 0 {
                    data.push(b',');
                }
                write_string(&read_name(kid, "/kids")?, &mut data);
            }
            data.extend_from_slice(b"],\"hard\":");
            let hard = matches!(act.get("hard"), Some(Value::Bool(true)));
            data.extend_from_slice(if hard { b"true" } else { b"false" });
            format!("key/{}", read_name(first, "/kids/0")?)
        }
        _ => return Err(Error::field("/act", "`reveal` or `shred`", "another text")),
    };
    let actor = act.get("actor").map(|actor| {
        let part =
            |key: &str| actor.get(key).map(|v| read_name(v, &format!("/actor/{key}"))).transpose();
        Ok::<_, Error>((part("type")?.unwrap_or_else(|| "unknown".into()), part("id")?))
    });
    let actor = actor.transpose()?;
    let correlation = act.get("correlation_id").map(|_| required("correlation_id")).transpose()?;

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
