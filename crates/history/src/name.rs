//! What a record can be found by, and how that is called in the index.

use sha2::block_api::compress256;
use sha2::{Digest, Sha256};

/// Which log an index is of: the hash of its origin. It keys every hash and every checksum, so that a file of
/// one index means nothing in another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct OriginHash(pub(crate) [u8; 32]);

/// Something that a record says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Name<'a> {
    /// Its id.
    Record(&'a str),
    Entity {
        kind: &'a str,
        id: &'a str,
    },
    /// The type of its entity.
    Type(&'a str),
    Correlation(&'a str),
    Causation(&'a str),
    /// The id of who did it, as it stands in the record: a pseudonym where the policy makes one.
    Actor(&'a str),
    Tenant(&'a str),
    /// `update`; of an act what it is, `shred`; of an event also its own type.
    Action(&'a str),
    /// The pointer of a change.
    Attribute(&'a str),
    /// A pointer above that of a change.
    Above(&'a str),
    /// The id of the key of a data subject that something in it is protected with.
    Key(&'a str),
}

/// The kind of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Record,
    Entity,
    Type,
    Correlation,
    Causation,
    Actor,
    Tenant,
    Action,
    Attribute,
    Above,
    Key,
}

/// In the order of [`Kind`].
const KINDS: [&[u8]; 11] = [
    b"record",
    b"entity",
    b"type",
    b"correlation",
    b"causation",
    b"actor",
    b"tenant",
    b"action",
    b"attribute",
    b"above",
    b"key",
];

/// A name as the bytes that it is hashed from.
pub(crate) type Parts<'a> = (Kind, &'a [u8], Option<&'a [u8]>);

/// Hashes the names of one log.
pub(crate) struct Hashes {
    /// The first block of each kind.
    blocks: [[u8; 64]; KINDS.len()],
    /// The state of the hash behind it.
    states: [[u32; 8]; KINDS.len()],
}

/// The hashes of names that come again and again: attributes, actions, tenants. Of kinds that have too many names for
/// that it is the last one: the records of a request come together.
pub(crate) struct Repeated {
    places: Vec<Remembered>,
    last: [Remembered; KINDS.len()],
}

/// A name with all that is known of it in one place, which is one look into the memory.
#[derive(Clone, Copy)]
struct Remembered {
    kind: Kind,
    length: u8,
    text: [u8; LONGEST],
    hash: u64,
    list: ListPlace,
}

/// Where whoever is told of a name [keeps](crate::active::Active) its records.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ListPlace {
    pub(crate) list: u32,
    /// Of which lists it is a place: none, at first.
    pub(crate) lists: u32,
}

/// What a name is called, and where its records are kept if it was seen before.
pub(crate) struct Called<'r> {
    pub(crate) hash: u64,
    pub(crate) often: Option<&'r mut ListPlace>,
}

impl OriginHash {
    pub(crate) fn new(origin: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"sealtrail/history/v2/origin\0");
        hash.update(origin);
        Self(hash.finalize().into())
    }
}

impl<'a> Name<'a> {
    pub(crate) fn parts(&self) -> Parts<'a> {
        let (kind, text) = match *self {
            Self::Entity { kind, id } => {
                return (Kind::Entity, kind.as_bytes(), Some(id.as_bytes()));
            }
            Self::Record(text) => (Kind::Record, text),
            Self::Type(text) => (Kind::Type, text),
            Self::Correlation(text) => (Kind::Correlation, text),
            Self::Causation(text) => (Kind::Causation, text),
            Self::Actor(text) => (Kind::Actor, text),
            Self::Tenant(text) => (Kind::Tenant, text),
            Self::Action(text) => (Kind::Action, text),
            Self::Attribute(text) => (Kind::Attribute, text),
            Self::Above(text) => (Kind::Above, text),
            Self::Key(text) => (Kind::Key, text),
        };
        (kind, text.as_bytes(), None)
    }
}

/// How many names are remembered. Actors are the most of them.
const ROOM: usize = 1 << 14;

/// A longer name is not remembered, so that what is takes 1 MB.
const LONGEST: usize = 46;

impl Hashes {
    pub(crate) fn new(origin: &OriginHash) -> Self {
        let blocks = KINDS.map(|kind| {
            let mut block = [0; 64];
            block[..21].copy_from_slice(b"sealtrail/history/v2/");
            block[21..21 + kind.len()].copy_from_slice(kind);
            block[32..].copy_from_slice(&origin.0);
            block
        });
        let states = blocks.map(|block| {
            let mut state = INITIAL;
            compress256(&mut state, &[block]);
            state
        });
        Self { blocks, states }
    }

    /// What a name is called in the index.
    ///
    /// ```text
    /// hash = first 8 bytes, as a big-endian number, of SHA-256(
    ///        "sealtrail/history/v2/" kind, with NULs to 32 bytes ‖ origin hash(32) ‖ for each part: BE64(length) ‖ bytes)
    /// ```
    pub(crate) fn of(&self, (kind, first, second): Parts<'_>) -> u64 {
        let parts = [Some(first), second];
        let parts = parts.into_iter().flatten();
        let length: usize = parts.clone().map(|part| 8 + part.len()).sum();
        if length > SHORT {
            let mut hash = Sha256::new_with_prefix(self.blocks[kind as usize]);
            for part in parts {
                hash.update((part.len() as u64).to_be_bytes());
                hash.update(part);
            }
            let digest: [u8; 32] = hash.finalize().into();
            return u64::from_be_bytes(*digest.first_chunk().expect("8 of 32 bytes"));
        }
        // The same of one block more, as FIPS 180-4 pads it: a few names of every record are new, and the rest of
        // what a hash does costs as much as the block.
        let mut block = [0; 64];
        let mut at = 0;
        for part in parts {
            block[at..at + 8].copy_from_slice(&(part.len() as u64).to_be_bytes());
            block[at + 8..at + 8 + part.len()].copy_from_slice(part);
            at += 8 + part.len();
        }
        block[at] = 0x80;
        block[56..].copy_from_slice(&(8 * (64 + length) as u64).to_be_bytes());
        let mut state = self.states[kind as usize];
        compress256(&mut state, &[block]);
        u64::from(state[0]) << 32 | u64::from(state[1])
    }
}

/// The longest end of a message that one block has room for.
const SHORT: usize = 55;

/// What SHA-256 begins with (FIPS 180-4, 5.3.3).
const INITIAL: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

impl Repeated {
    pub(crate) fn new() -> Self {
        Self { places: vec![NOTHING; ROOM], last: [NOTHING; KINDS.len()] }
    }

    /// What [`Hashes::of`] gives.
    pub(crate) fn of(&mut self, hashes: &Hashes, parts: Parts<'_>) -> Called<'_> {
        let seldom = |hash| Called { hash, often: None };
        let (kind, text) = match parts {
            (Kind::Record | Kind::Entity, ..) | (.., Some(_)) => return seldom(hashes.of(parts)),
            (_, text, None) if text.len() > LONGEST => return seldom(hashes.of(parts)),
            (kind, text, None) => (kind, text),
        };
        let is_often = !matches!(kind, Kind::Correlation | Kind::Causation | Kind::Key);
        let place = match is_often {
            true => &mut self.places[place_of(kind, text)],
            false => &mut self.last[kind as usize],
        };
        if place.kind != kind || place.text() != text {
            *place = Remembered::new(kind, text, hashes.of(parts));
            return seldom(place.hash);
        }
        Called { hash: place.hash, often: is_often.then_some(&mut place.list) }
    }
}

/// No name of this kind is remembered.
const NOTHING: Remembered = Remembered {
    kind: Kind::Record,
    length: 0,
    text: [0; LONGEST],
    hash: 0,
    list: ListPlace { list: 0, lists: 0 },
};

impl Remembered {
    fn new(kind: Kind, name: &[u8], hash: u64) -> Self {
        let mut text = [0; LONGEST];
        text[..name.len()].copy_from_slice(name);
        Self { kind, length: name.len() as u8, text, hash, list: ListPlace::default() }
    }

    fn text(&self) -> &[u8] {
        &self.text[..usize::from(self.length)]
    }
}

/// Where a name is remembered. Whoever makes texts that fall into one place makes it as slow as [`Hashes::of`].
fn place_of(kind: Kind, text: &[u8]) -> usize {
    let (words, rest) = text.as_chunks();
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    let mix = |hash: u64, word: &[u8; 8]| {
        (hash ^ u64::from_le_bytes(*word)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
    };
    let hash = words.iter().chain([&last]).fold(kind as u64 + 16 * text.len() as u64, mix);
    (hash >> 32) as usize % ROOM
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_names_are_one() {
        let hashes = Hashes::new(&OriginHash::new("example.com/shop"));
        let entity = |kind, id| hashes.of(Name::Entity { kind, id }.parts());
        let one = |name: Name<'_>| hashes.of(name.parts());
        let other = Hashes::new(&OriginHash::new("example.com/other"));
        let all = [
            entity("product", "1"),
            entity("product1", ""),
            entity("", "product1"),
            entity("produc", "t1"),
            one(Name::Correlation("product")),
            one(Name::Causation("product")),
            one(Name::Record("product")),
            one(Name::Type("product")),
            one(Name::Actor("product")),
            one(Name::Tenant("product")),
            one(Name::Action("product")),
            one(Name::Attribute("product")),
            one(Name::Above("product")),
            one(Name::Key("product")),
            other.of(Name::Record("product").parts()),
        ];
        let distinct: std::collections::HashSet<_> = all.into_iter().collect();
        assert_eq!(distinct.len(), all.len());
    }

    #[test]
    fn a_hash_is_what_is_written_of_it() {
        let origin = OriginHash::new("example.com/shop");
        let hashes = Hashes::new(&origin);
        let text = "x".repeat(200);
        for length in 0..text.len() {
            for second in [None, Some(&text.as_bytes()[..length / 3])] {
                let first = &text.as_bytes()[..length];
                let mut message = b"sealtrail/history/v2/entity".to_vec();
                message.resize(32, 0);
                message.extend(origin.0);
                for part in [Some(first), second].into_iter().flatten() {
                    message.extend((part.len() as u64).to_be_bytes());
                    message.extend(part);
                }
                let digest: [u8; 32] = Sha256::digest(message).into();
                let expected = u64::from_be_bytes(*digest.first_chunk().unwrap());
                assert_eq!(hashes.of((Kind::Entity, first, second)), expected, "{length}");
            }
        }
    }

    #[test]
    fn what_is_remembered_is_what_is_hashed() {
        let hashes = Hashes::new(&OriginHash::new("example.com/shop"));
        let mut repeated = Repeated::new();
        for _ in 0..2 {
            for n in 0..2 * ROOM {
                let text = format!(
                    "/attribute/{n}{}",
                    ["", "/of/a/long/path/to/what/is/remembered/no/more"][n % 2]
                );
                for kind in [Kind::Attribute, Kind::Above, Kind::Key, Kind::Causation] {
                    let parts = (kind, text.as_bytes(), None);
                    assert_eq!(repeated.of(&hashes, parts).hash, hashes.of(parts));
                }
            }
        }
    }
}
