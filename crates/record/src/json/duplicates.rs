//! Keys that an object has twice.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::scan::Entry;
use super::text::decode;

/// The first key of the object at `container` that an earlier one is equal to. All entries behind the
/// container are in it. `keys` is room to work in.
pub(super) fn first(
    text: &[u8],
    entries: &[Entry],
    container: u32,
    keys: &mut Vec<(u64, u32)>,
) -> Option<u32> {
    keys.clear();
    let mut at = container + 1;
    while (at as usize) < entries.len() {
        keys.push((hash(&key(text, entries, at)), at));
        at = entries[at as usize + 1].next();
    }
    // By hash first, so that texts are compared only where they are likely to be the same.
    keys.sort_unstable_by(|(a_hash, a), (b_hash, b)| {
        a_hash
            .cmp(b_hash)
            .then_with(|| match entries[*a as usize].twin == entries[*b as usize].twin {
                true => Ordering::Equal,
                false => key(text, entries, *a).cmp(&key(text, entries, *b)),
            })
            .then(a.cmp(b))
    });
    let same = |pair: &&[(u64, u32)]| {
        pair[0].0 == pair[1].0 && key(text, entries, pair[0].1) == key(text, entries, pair[1].1)
    };
    keys.windows(2).filter(same).map(|pair| pair[1].1).min()
}

fn key<'t>(text: &'t [u8], entries: &[Entry], at: u32) -> Cow<'t, str> {
    let entry = entries[at as usize];
    let raw = &text[entry.start as usize + 1..entry.end() as usize - 1];
    let raw = std::str::from_utf8(raw).unwrap_or_default();
    if entry.is_escaped() { decode(raw) } else { Cow::Borrowed(raw) }
}

fn hash(key: &str) -> u64 {
    let (words, rest) = key.as_bytes().as_chunks::<8>();
    let mut all = key.len() as u64;
    for word in words {
        all = (all ^ u64::from_le_bytes(*word)).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29);
    }
    rest.iter().fold(all, |all, b| (all ^ u64::from(*b)).wrapping_mul(0x0100_0000_01B3))
}
