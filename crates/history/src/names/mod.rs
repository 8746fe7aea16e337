//! The names of a record, read from its line without building the value of it: a record may be megabytes
//! long, and this is done for every one.
//!
//! Values are skipped and not checked. A line that is no JSON gives odd names or none, never an error; either
//! way the caller looks at the line that an answer points to.

mod change_id;
mod cursor;
#[cfg(test)]
mod tests;

pub use change_id::change_id;

use std::borrow::Cow;

use sealtrail_record::time::unix_millis;

use crate::name::{Kind, Parts};
use cursor::Cursor;

/// Gives every name of a record, some of them twice, and returns when it happened: its `time`, or else its
/// `recordedtime`, in milliseconds since 1970.
pub(crate) fn each(line: &[u8], found: &mut impl FnMut(Parts<'_>)) -> Option<i64> {
    let mut names = Names { found, times: [None, None], word: None, has_action: false };
    let mut at = Cursor::new(line);
    names.record(&mut at);
    if let (false, Some(word)) = (names.has_action, names.word) {
        (names.found)((Kind::Action, word, None));
    }
    let [written, recorded] = names.times;
    written.and_then(time).or_else(|| recorded.and_then(time))
}

struct Names<'l, 'f, F> {
    found: &'f mut F,
    /// `time` and `recordedtime` as they are written: mostly one of them is enough.
    times: [Option<&'l [u8]>; 2],
    /// `shred` of `sealtrail.shred.v1`.
    word: Option<&'l [u8]>,
    has_action: bool,
}

impl<'l, F: FnMut(Parts<'_>)> Names<'l, '_, F> {
    fn record(&mut self, at: &mut Cursor<'l>) -> Option<()> {
        at.enter(b'{')?;
        while let Some(key) = at.key() {
            match key {
                b"id" => self.text(Kind::Record, at)?,
                b"correlationid" => self.text(Kind::Correlation, at)?,
                b"causationid" => self.text(Kind::Causation, at)?,
                b"authid" => self.open_text(Kind::Actor, at)?,
                b"time" => self.times[0] = Some(at.value()?),
                b"recordedtime" => self.times[1] = Some(at.value()?),
                b"type" => {
                    let kind = at.value()?;
                    self.word = kind.rsplit(|byte| *byte == b'.').nth(1);
                }
                b"data" => self.data(at)?,
                _ => at.skip()?,
            }
        }
        Some(())
    }

    fn data(&mut self, at: &mut Cursor<'l>) -> Option<()> {
        if at.enter(b'{').is_none() {
            return at.skip();
        }
        while let Some(key) = at.key() {
            match key {
                b"entity" => self.entity(at)?,
                b"action" => {
                    self.has_action = true;
                    self.text(Kind::Action, at)?;
                }
                b"tenant" => self.open_text(Kind::Tenant, at)?,
                b"actor" => self.member(at, b"id", Kind::Actor)?,
                b"event" => self.member(at, b"type", Kind::Action)?,
                b"changes" => self.changes(at)?,
                b"seals" => self.keys(at, b"kids")?,
                b"pseudonyms" => self.keys(at, b"kid")?,
                _ => at.skip()?,
            }
        }
        Some(())
    }

    fn entity(&mut self, at: &mut Cursor<'l>) -> Option<()> {
        if at.enter(b'{').is_none() {
            return at.skip();
        }
        let (mut kind, mut id) = (None, None);
        while let Some(key) = at.key() {
            match key {
                b"type" => kind = text(at.value()?),
                b"id" => id = text(at.value()?),
                _ => at.skip()?,
            }
        }
        if let (Some(kind), Some(id)) = (kind, id) {
            (self.found)((Kind::Type, &kind, None));
            (self.found)((Kind::Entity, &kind, Some(&id)));
        }
        Some(())
    }

    fn changes(&mut self, at: &mut Cursor<'l>) -> Option<()> {
        if at.enter(b'[').is_none() {
            return at.skip();
        }
        while at.next_object()? {
            while let Some(key) = at.key() {
                match key {
                    b"path" | b"from" => {
                        let Some(path) = text(at.value()?) else { continue };
                        (self.found)((Kind::Attribute, &path, None));
                        for end in memchr::memchr_iter(b'/', &path).skip(1) {
                            (self.found)((Kind::Above, &path[..end], None));
                        }
                    }
                    _ => at.skip()?,
                }
            }
        }
        Some(())
    }

    /// Of each entry the text of a member, or the first of a list: the key of the data subject.
    fn keys(&mut self, at: &mut Cursor<'l>, name: &[u8]) -> Option<()> {
        if at.enter(b'[').is_none() {
            return at.skip();
        }
        while at.next_object()? {
            while let Some(key) = at.key() {
                if key != name {
                    at.skip()?;
                } else if at.enter(b'[').is_some() {
                    let mut is_first = true;
                    while at.item() {
                        let value = at.value()?;
                        if let (true, Some(kid)) = (is_first, text(value)) {
                            (self.found)((Kind::Key, &kid, None));
                        }
                        is_first = false;
                    }
                } else {
                    self.text(Kind::Key, at)?;
                }
            }
        }
        Some(())
    }

    /// One member of an object.
    fn member(&mut self, at: &mut Cursor<'l>, name: &[u8], kind: Kind) -> Option<()> {
        if at.enter(b'{').is_none() {
            return at.skip();
        }
        while let Some(key) = at.key() {
            if key == name { self.open_text(kind, at)? } else { at.skip()? }
        }
        Some(())
    }

    fn text(&mut self, kind: Kind, at: &mut Cursor<'l>) -> Option<()> {
        if let Some(text) = text(at.value()?) {
            (self.found)((kind, &text, None));
        }
        Some(())
    }

    /// A text that may be sealed: then it is another one in every record, and says nothing.
    fn open_text(&mut self, kind: Kind, at: &mut Cursor<'l>) -> Option<()> {
        if let Some(text) = text(at.value()?).filter(|text| !text.starts_with(b"st1.")) {
            (self.found)((kind, &text, None));
        }
        Some(())
    }
}

/// Longer than any name can be.
const LONGEST: usize = 64 << 10;

/// The text of a JSON string, which is mostly as it is written.
fn text(value: &[u8]) -> Option<Cow<'_, [u8]>> {
    let inside = value.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    if inside.len() > LONGEST {
        return None;
    }
    if memchr::memchr(b'\\', inside).is_none() {
        return Some(Cow::Borrowed(inside));
    }
    let limits =
        sealtrail_record::json::Limits { max_bytes: 64 << 10, max_depth: 1, max_values: 1 };
    let decoded = sealtrail_record::json::parse(value, &limits).ok()?;
    Some(Cow::Owned(decoded.as_str()?.as_bytes().to_vec()))
}

fn time(value: &[u8]) -> Option<i64> {
    unix_millis(str::from_utf8(&text(value)?).ok()?)
}
