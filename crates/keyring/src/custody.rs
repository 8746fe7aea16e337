use zeroize::Zeroizing;

use crate::kek::Kek;

/// Why somebody does not wrap or unwrap. Its text may be shown and logged, so it holds no key.
pub type Refusal = Box<dyn std::error::Error + Send + Sync>;

/// Somebody who keeps a key-encryption key from being read in its file, a KMS for example.
///
/// The file then holds what only he can open, and says itself who wrapped it: so one can take the place of another,
/// and of one that nobody wraps, by the same steps ([`KekFile::kept_by`](crate::KekFile::kept_by)).
pub trait Custody: Send + Sync {
    /// A new key-encryption key, and what its file shall hold, of at most 16 KiB.
    fn generate(&self) -> Result<(Kek, Zeroizing<Vec<u8>>), Refusal>;

    /// The key-encryption key of a file, whoever wrote it: this, another, or nobody.
    fn unwrap(&self, held: &[u8]) -> Result<Kek, Refusal>;
}
