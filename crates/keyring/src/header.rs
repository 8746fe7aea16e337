use base64ct::{Base64, Encoding};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind, Result};
use crate::key::Key;
use crate::layout::Layout;
use crate::wrap::{WRAPPED, Wrapper};

/// `keyring.json`: what makes a folder a keyring.
///
/// ```text
/// {"format":"sealtrail keyring v1","check":"<base64>","index":"<base64>"}LF
/// {"format":…,"check":…,"index":…,"generation":<n>,"next":{"check":"<base64>","index":"<base64>"}}LF
/// ```
///
/// Both are random keys, wrapped under the names `check` and `index`. The index key is in use; the check
/// value only tells a wrong key-encryption key (neither opens) from an edited file (one does).
///
/// `generation` counts the key-encryption keys before this one, and is left out while there are none. `next` is
/// there while the key-encryption key is being changed: the same index key, wrapped by the new one.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Header {
    format: String,
    check: String,
    index: String,
    #[serde(default, skip_serializing_if = "is_zero")]
    generation: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    next: Option<Next>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Next {
    check: String,
    index: String,
}

/// What a header says under the key-encryption keys that were given.
pub(crate) struct Opened {
    pub(crate) index_key: Key,
    pub(crate) generation: u64,
    pub(crate) state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// The first key-encryption key is that of the keyring.
    First,
    /// The second is, because a change to it was completed.
    Second,
    /// The keyring is on its way from the first to the second.
    Between,
}

impl Header {
    const FORMAT: &str = "sealtrail keyring v1";

    /// The text of the header of a new keyring.
    pub(crate) fn write(wrapper: &Wrapper) -> Result<String> {
        Self::of(wrapper, &Key::random()?, 0, None)
    }

    /// The text of a header; with `next` while the key-encryption key is being changed to that.
    pub(crate) fn of(
        wrapper: &Wrapper,
        index_key: &Key,
        generation: u64,
        next: Option<&Wrapper>,
    ) -> Result<String> {
        let check = |wrapper: &Wrapper| wrapped(wrapper, "check", &Key::random()?);
        let next = next.map(|next| {
            Ok::<_, Error>(Next { check: check(next)?, index: wrapped(next, "index", index_key)? })
        });
        let header = Self {
            format: Self::FORMAT.into(),
            check: check(wrapper)?,
            index: wrapped(wrapper, "index", index_key)?,
            generation,
            next: next.transpose()?,
        };
        let mut line = serde_json::to_string(&header).expect("texts are always JSON");
        line.push('\n');
        Ok(line)
    }

    /// Opens the header that was read, with the key-encryption key and the one that may take its place.
    pub(crate) fn open(
        text: &[u8],
        first: &Wrapper,
        second: Option<&Wrapper>,
        layout: &Layout,
    ) -> Result<Opened> {
        let path = layout.header();
        let header: Self = serde_json::from_slice(text).map_err(|_| {
            Error::edited(&path, "one JSON object with `format`, `check` and `index`")
        })?;
        if header.format != Self::FORMAT {
            return Err(Error::edited(&path, format!("format `{}`", Self::FORMAT)));
        }
        let generation = header.generation;
        let of = |index_key, state| Ok(Opened { index_key, generation, state });
        let by_first = opened(&header.check, &header.index, first, layout)?;
        match (&header.next, by_first, second) {
            (None, Some(index_key), _) => of(index_key, State::First),
            (None, None, Some(second)) => {
                match opened(&header.check, &header.index, second, layout)? {
                    Some(index_key) => of(index_key, State::Second),
                    None => Err(Error::new(Kind::WrongKek { path: layout.root().to_owned() })),
                }
            }
            (None, None, None) => {
                Err(Error::new(Kind::WrongKek { path: layout.root().to_owned() }))
            }
            (Some(next), Some(index_key), Some(second)) => {
                match opened(&next.check, &next.index, second, layout)? {
                    Some(_) => of(index_key, State::Between),
                    None => Err(Error::new(Kind::Between { path: layout.root().to_owned() })),
                }
            }
            // The first may be the new one already, for whoever has lost the old one.
            (Some(_), _, _) => Err(Error::new(Kind::Between { path: layout.root().to_owned() })),
        }
    }
}

fn wrapped(wrapper: &Wrapper, name: &str, key: &Key) -> Result<String> {
    Ok(Base64::encode_string(&wrapper.wrap(name, key)))
}

/// The index key, if the check value opens too; none if neither does.
fn opened(check: &str, index: &str, wrapper: &Wrapper, layout: &Layout) -> Result<Option<Key>> {
    let path = layout.header();
    let open = |name, text: &str| {
        let mut wrapped = [0; WRAPPED];
        match Base64::decode(text, &mut wrapped) {
            Ok(bytes) if bytes.len() == WRAPPED => Ok(wrapper.unwrap(name, &wrapped).ok()),
            _ => Err(Error::edited(&path, format!("{WRAPPED} bytes of base64 as `{name}`"))),
        }
    };
    match (open("check", check)?, open("index", index)?) {
        (Some(_), Some(index_key)) => Ok(Some(index_key)),
        (None, None) => Ok(None),
        (None, Some(_)) => {
            Err(Error::edited(&path, "a `check` that passes the integrity check of its wrapping"))
        }
        (Some(_), None) => {
            Err(Error::edited(&path, "an `index` that passes the integrity check of its wrapping"))
        }
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}
