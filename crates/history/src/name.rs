//! What a record can be found by, and how that is called in the index.

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
    begun: [Sha256; KINDS.len()],
}

/// The hashes of names that come again and again: attributes, actions, tenants.
pub(crate) struct Repeated(Vec<Option<(Kind, Vec<u8>, u64)>>);

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

/// How many names are remembered.
const ROOM: usize = 512;

impl Hashes {
    pub(crate) fn new(origin: &OriginHash) -> Self {
        let begun = KINDS.map(|kind| {
            let mut block = [0; 64];
            block[..21].copy_from_slice(b"sealtrail/history/v2/");
            block[21..21 + kind.len()].copy_from_slice(kind);
            block[32..].copy_from_slice(&origin.0);
            Sha256::new_with_prefix(block)
        });
        Self { begun }
    }

    /// What a name is called in the index.
    ///
    /// ```text
    /// hash = first 8 bytes, as a big-endian number, of SHA-256(
    ///        "sealtrail/history/v2/" kind, with NULs to 32 bytes ‖ origin hash(32) ‖ for each part: BE64(length) ‖ bytes)
    /// ```
    pub(crate) fn of(&self, (kind, first, second): Parts<'_>) -> u64 {
        let mut hash = self.begun[kind as usize].clone();
        for part in [Some(first), second].into_iter().flatten() {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let digest: [u8; 32] = hash.finalize().into();
        u64::from_be_bytes(*digest.first_chunk().expect("8 of 32 bytes"))
    }
}

impl Repeated {
    pub(crate) fn new() -> Self {
        Self(vec![None; ROOM])
    }

    /// What [`Hashes::of`] gives.
    pub(crate) fn of(&mut self, hashes: &Hashes, parts: Parts<'_>) -> u64 {
        let (kind, text, None) = parts else { return hashes.of(parts) };
        if !kind.is_repeated() {
            return hashes.of(parts);
        }
        // FNV-1a; whoever makes texts that fall into one place makes it as slow as `of`.
        let place = text.iter().fold(0xcbf2_9ce4_8422_2325_u64 ^ kind as u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let place = (place >> 32) as usize % ROOM;
        match &self.0[place] {
            Some((known, bytes, hash)) if *known == kind && bytes == text => *hash,
            _ => {
                let hash = hashes.of(parts);
                self.0[place] = Some((kind, text.to_vec(), hash));
                hash
            }
        }
    }
}

impl Kind {
    fn is_repeated(self) -> bool {
        matches!(
            self,
            Self::Type | Self::Tenant | Self::Action | Self::Attribute | Self::Above | Self::Actor
        )
    }
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
    fn what_is_remembered_is_what_is_hashed() {
        let hashes = Hashes::new(&OriginHash::new("example.com/shop"));
        let mut repeated = Repeated::new();
        for _ in 0..2 {
            for n in 0..2000_u32 {
                let text = format!("/attribute/{n}");
                for kind in [Kind::Attribute, Kind::Above] {
                    let parts = (kind, text.as_bytes(), None);
                    assert_eq!(repeated.of(&hashes, parts), hashes.of(parts));
                }
            }
        }
    }
}
