//! Reading sealed fields back.

use base64ct::{Base64UrlUnpadded, Encoding};
use sealtrail_record::json::{self, Limits, Value, write_string};
use sealtrail_record::pointer;

use crate::Error;
use crate::lease::LeasedKey;
use crate::seal::{Key, RecordKeys, Scope, seal_index};

/// The keys for one entry of a record's `seals`.
pub struct Opening {
    pub seal: usize,
    pub subject: Key,
    pub period: Key,
}

/// The leased key for one entry of a record's `seals`.
pub struct LeasedOpening<'a> {
    pub seal: usize,
    pub leased: LeasedKey<'a>,
}

/// Opens the fields of a record that these keys protect, as a JSON array of
/// `{"at":…,"path":…,"side":…,"group":…,"value":…}`.
///
/// Only the pointers that a seal lists are read: a text that looks like a token stays a text.
pub fn open(origin: &str, line: &[u8], openings: &[Opening]) -> Result<Vec<u8>, Error> {
    let record = json::parse(line, &limits()).map_err(|e| Error::json("the record", e))?;
    let id = text(&record, "/id")?;
    let seals = openings.iter().map(|opening| {
        let derive = |group: &str, kids: [&str; 2]| {
            let scope = Scope { origin, record_id: id, group, kids };
            Ok(RecordKeys::derive(&opening.subject, &opening.period, &scope))
        };
        (opening.seal, derive)
    });
    open_seals(&record, seals)
}

/// The same with keys that were leased for this record; one that was leased for other kids is refused.
pub fn open_leased(line: &[u8], openings: &[LeasedOpening<'_>]) -> Result<Vec<u8>, Error> {
    let record = json::parse(line, &limits()).map_err(|e| Error::json("the record", e))?;
    let seals = openings.iter().map(|LeasedOpening { seal, leased }| {
        let take = |_: &str, kids: [&str; 2]| {
            if kids != leased.kids {
                let message = "the leased key is not of this seal: it names other keys";
                return Err(Error::new("wrong_key", message));
            }
            Ok(RecordKeys::leased(&leased.key, leased.commit))
        };
        (*seal, take)
    });
    open_seals(&record, seals)
}

/// Opens each seal by its index with the keys that there are for its group and kids.
fn open_seals<K: FnOnce(&str, [&str; 2]) -> Result<RecordKeys, Error>>(
    record: &Value<'_>,
    openings: impl Iterator<Item = (usize, K)>,
) -> Result<Vec<u8>, Error> {
    let seals = record.pointer("/data/seals").map(Value::items).unwrap_or_default();
    let mut out = b"[".to_vec();
    for (index, keys) in openings {
        let seal =
            seals.get(index).ok_or_else(|| Error::missing(&format!("/data/seals/{index}")))?;
        open_seal(record, index, seal, keys, &mut out)?;
    }
    out.push(b']');
    Ok(out)
}

fn open_seal(
    record: &Value<'_>,
    index: usize,
    seal: &Value<'_>,
    keys: impl FnOnce(&str, [&str; 2]) -> Result<RecordKeys, Error>,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    if text(seal, "/alg")? != "A256GCM-HS256" {
        return Err(Error::field("/alg", "`A256GCM-HS256`", "another text"));
    }
    let group = text(seal, "/group")?;
    let kids = [text(seal, "/kids/0")?, text(seal, "/kids/1")?];
    let commit = Base64UrlUnpadded::decode_vec(text(seal, "/commit")?)
        .map_err(|_| Error::field("/commit", "base64url without padding", "another text"))?;
    let keys = keys(group, kids)?;
    for at in seal.pointer("/at").map(Value::items).unwrap_or_default() {
        let at = at.as_str().ok_or_else(|| Error::field("/at", "a list of pointers", at.kind()))?;
        let (location, path, side) = location(record, at)?;
        let token = text(record, at)?;
        if seal_index(token) != Some(index) {
            return Err(Error::new(
                "tampered",
                format!("the token at `{at}` belongs to another seal"),
            ));
        }
        let plaintext = keys.open(&commit, &location, token)?;
        let value = json::parse(&plaintext, &limits())
            .map_err(|_| Error::new("tampered", format!("the field at `{at}` is not JSON")))?;
        if out.len() > 1 {
            out.push(b',');
        }
        for (name, text) in [
            ("{\"at\":", at),
            (",\"path\":", path.as_str()),
            (",\"side\":", side),
            (",\"group\":", group),
        ] {
            out.extend_from_slice(name.as_bytes());
            write_string(text, out);
        }
        out.extend_from_slice(b",\"value\":");
        value.write(out);
        out.push(b'}');
    }
    Ok(())
}

/// A record is longer than its change, masks are longer than what they hide, and values stand deeper:
/// what was sealed must open.
fn limits() -> Limits {
    Limits { max_bytes: 64 << 20, max_depth: 160, max_values: 32 << 20 }
}

/// What a token at this place is bound to, and the attribute and side for a reader.
fn location(record: &Value<'_>, at: &str) -> Result<(String, String, &'static str), Error> {
    let in_change = at.strip_prefix("/data/changes/").and_then(|rest| {
        let (number, rest) = rest.split_once('/')?;
        let (side, below) = match rest.split_once('/') {
            Some((side, _)) => (side, &rest[side.len()..]),
            None => (rest, ""),
        };
        let side = if side == "old" { "old" } else { "new" };
        Some((pointer::index(number)?, side, below))
    });
    let Some((number, side, below)) = in_change else {
        return Ok((format!("rec:{at}"), at.to_owned(), "rec"));
    };
    let path = format!("{}{below}", text(record, &format!("/data/changes/{number}/path"))?);
    Ok((format!("{side}:{path}"), path, side))
}

fn text<'v>(value: &'v Value<'_>, at: &str) -> Result<&'v str, Error> {
    match value.pointer(at) {
        Some(Value::String(text)) => Ok(text),
        Some(other) => Err(Error::field(at, "a string", other.kind())),
        None => Err(Error::missing(at)),
    }
}
