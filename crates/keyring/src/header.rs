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
/// ```
///
/// Both are random keys, wrapped under the names `check` and `index`. The index key is in use; the check
/// value only tells a wrong key-encryption key (neither opens) from an edited file (one does).
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Header {
    format: String,
    check: String,
    index: String,
}

impl Header {
    const FORMAT: &str = "sealtrail keyring v1";

    /// The text of a new header.
    pub(crate) fn write(wrapper: &Wrapper) -> Result<String> {
        let wrapped = |name| Ok(Base64::encode_string(&wrapper.wrap(name, &Key::random()?)));
        let header = Self {
            format: Self::FORMAT.into(),
            check: wrapped("check")?,
            index: wrapped("index")?,
        };
        let mut line = serde_json::to_string(&header).expect("texts are always JSON");
        line.push('\n');
        Ok(line)
    }

    /// Opens the header that was read, and gives the index key.
    pub(crate) fn open(text: &[u8], wrapper: &Wrapper, layout: &Layout) -> Result<Key> {
        let path = layout.header();
        let header: Self = serde_json::from_slice(text).map_err(|_| {
            Error::edited(&path, "one JSON object with `format`, `check` and `index`")
        })?;
        if header.format != Self::FORMAT {
            return Err(Error::edited(&path, format!("format `{}`", Self::FORMAT)));
        }
        let opened = |name, text: &str| {
            let mut wrapped = [0; WRAPPED];
            match Base64::decode(text, &mut wrapped) {
                Ok(bytes) if bytes.len() == WRAPPED => Ok(wrapper.unwrap(name, &wrapped).ok()),
                _ => Err(Error::edited(&path, format!("{WRAPPED} bytes of base64 as `{name}`"))),
            }
        };
        match (opened("check", &header.check)?, opened("index", &header.index)?) {
            (Some(_), Some(index_key)) => Ok(index_key),
            (None, None) => Err(Error::new(Kind::WrongKek { path: layout.root().to_owned() })),
            (None, Some(_)) => Err(Error::edited(
                &path,
                "a `check` that passes the integrity check of its wrapping",
            )),
            (Some(_), None) => Err(Error::edited(
                &path,
                "an `index` that passes the integrity check of its wrapping",
            )),
        }
    }
}
