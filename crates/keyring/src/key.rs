use std::sync::Arc;

use zeroize::Zeroizing;

use crate::error::{Error, Kind, Result};

/// A 32-byte subject or period key, in clear. The memory is wiped when the last holder lets go.
///
/// It has no `Debug`, so that it cannot slip into a log line:
///
/// ```compile_fail,E0277
/// fn print(key: sealtrail_keyring::Key) {
///     println!("{key:?}");
/// }
/// ```
// Shared, not copied: the cache and its callers hold one place in memory, and moving a `Key` moves a pointer
// instead of leaving a second copy of the bytes on the stack or in a table that has grown.
pub struct Key(Arc<Zeroizing<[u8; 32]>>);

impl Key {
    /// The key itself. Whoever has these bytes and the other key of a seal can open its fields.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// A new key, written by `fill` into the place where it stays.
    pub(crate) fn fill(fill: impl FnOnce(&mut [u8; 32]) -> Result<()>) -> Result<Self> {
        let mut place = Arc::new(Zeroizing::new([0; 32]));
        fill(Arc::get_mut(&mut place).expect("a new place has one holder"))?;
        Ok(Self(place))
    }

    /// A new random key that no keyring knows: for a trial whose result nobody shall open.
    pub fn random() -> Result<Self> {
        Self::fill(|bytes| random(bytes))
    }

    pub(crate) fn share(&self) -> Self {
        Self(Arc::clone(&self.0))
    }

    #[cfg(test)]
    pub(crate) fn watch(&self) -> std::sync::Weak<Zeroizing<[u8; 32]>> {
        Arc::downgrade(&self.0)
    }
}

/// Fills `bytes` from the operating system's source.
pub(crate) fn random(bytes: &mut [u8]) -> Result<()> {
    getrandom::fill(bytes).map_err(|_| Error::new(Kind::Entropy))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_fill_gives_no_key() {
        assert!(Key::fill(|_| Err(Error::new(Kind::Entropy))).is_err());
    }

    #[test]
    fn two_random_keys_differ() {
        assert_ne!(Key::random().unwrap().expose(), Key::random().unwrap().expose());
    }
}
