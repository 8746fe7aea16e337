use sha2::{Digest, Sha256};

/// Something that a record can be found by.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Question<'a> {
    Entity { kind: &'a str, id: &'a str },
    Correlation(&'a str),
    Record(&'a str),
}

/// Which log an index is of: the hash of its origin. It keys every hash and every checksum, so that a file of
/// one index means nothing in another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct OriginHash(pub(crate) [u8; 32]);

impl OriginHash {
    pub(crate) fn new(origin: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"sealtrail/history/v1/origin\0");
        hash.update(origin);
        Self(hash.finalize().into())
    }
}

impl Question<'_> {
    /// What the question is called in the index.
    ///
    /// ```text
    /// hash = first 8 bytes, as a big-endian number, of
    ///        SHA-256("sealtrail/history/v1/" kind ‖ 0x00 ‖ origin hash(32) ‖ for each part: BE64(length) ‖ bytes)
    /// kind and parts: `entity` (type, id) | `correlation` (id) | `record` (id)
    /// ```
    pub(crate) fn hash(&self, origin: &OriginHash) -> u64 {
        let (kind, parts) = match self {
            Self::Entity { kind, id } => ("entity", [Some(*kind), Some(*id)]),
            Self::Correlation(id) => ("correlation", [Some(*id), None]),
            Self::Record(id) => ("record", [Some(*id), None]),
        };
        let mut hash = Sha256::new();
        hash.update(b"sealtrail/history/v1/");
        hash.update(kind);
        hash.update(b"\0");
        hash.update(origin.0);
        for part in parts.into_iter().flatten() {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let digest: [u8; 32] = hash.finalize().into();
        u64::from_be_bytes(digest[..8].try_into().expect("8 of 32 bytes"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_questions_are_one() {
        let origin = OriginHash::new("example.com/shop");
        let entity = |kind, id| Question::Entity { kind, id }.hash(&origin);
        let all = [
            entity("product", "1"),
            entity("product1", ""),
            entity("", "product1"),
            entity("produc", "t1"),
            Question::Correlation("product").hash(&origin),
            Question::Record("product").hash(&origin),
            Question::Record("product").hash(&OriginHash::new("example.com/other")),
        ];
        let distinct: std::collections::HashSet<_> = all.into_iter().collect();
        assert_eq!(distinct.len(), all.len());
    }
}
