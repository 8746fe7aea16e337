//! A sealed field, format "seal v1".
//!
//! ```text
//! PAE(p1..pn) = LE64(n) ‖ for each part LE64(length) ‖ bytes
//! PRK         = HMAC-SHA256("sealtrail/seal/v1", K1 ‖ K2)              the shape of NIST SP 800-133r2 §6.3
//! record key  = HKDF-Expand(PRK, PAE("sealtrail/seal/v1/record-key", origin, record id, group, kids…), 32)
//! commit      = HKDF-Expand(PRK, PAE("sealtrail/seal/v1/commit",     origin, record id, group, kids…), 32)
//! AAD         = PAE("sealtrail/seal/v1/field", location)
//! token       = "st1." index "." base64url(nonce(12) ‖ AES-256-GCM ciphertext ‖ tag(16))
//! ```
//!
//! K1 is the key of the data subject, K2 that of the retention period: without either, the field
//! is gone. AES-GCM does not commit to its key (a ciphertext can be made to open under two), so
//! `commit` is compared first; that also tells "not this key" from "not this text".
//!
//! `location` is `old:` or `new:` and the attribute's pointer for a value of a change, `rec:` and
//! the pointer in the record for anything else. What it binds cannot be moved to another field,
//! record, group or log.
//!
//! A pseudonym says that two values are the same and nothing else, for as long as the data subject's
//! key lives; it has no part in the retention period, because equality over the years is its use.
//!
//! ```text
//! PRK       = HMAC-SHA256("sealtrail/pseudonym/v1", K1)
//! key       = HKDF-Expand(PRK, PAE("sealtrail/pseudonym/v1/key", origin, group), 32)
//! pseudonym = "ps1." base64url(first 16 bytes of HMAC-SHA256(key, PAE("sealtrail/pseudonym/v1/value", value)))
//! ```
//!
//! `value` is the value's JSON text without white space; of numbers, sign, significant digits and a
//! power of ten, so that 1 and 1.0 have one. A record lists its pseudonyms in `data.pseudonyms`, with
//! the id of the key that they die with.

mod gcm;
mod keys;
mod pae;
mod pseudonym;
mod token;

pub(crate) use gcm::KeyStream;
pub(crate) use keys::Source;
pub use keys::{Key, RecordKeys, Scope};
pub use pseudonym::PseudonymKey;
pub use token::{nonce, parse, seal_index};

/// Bytes of an AES-GCM nonce (NIST SP 800-38D §5.2.1.1).
pub const NONCE_BYTES: usize = 12;

/// Bytes of an AES-GCM tag, of full length (NIST SP 800-38D §5.2.1.2).
pub(crate) const TAG_BYTES: usize = 16;

#[cfg(test)]
mod tests {
    use std::fmt::Debug;
    use std::marker::PhantomData;

    use super::gcm::FieldCipher;
    use super::{Key, KeyStream, PseudonymKey, RecordKeys};
    use crate::{Draft, KeyPair, LeasedKey, LeasedOpening, Leasing, Opening, Plan, Session};

    struct Probe<T>(PhantomData<T>);

    /// What a type has that has nothing better.
    trait Silent {
        const PRINTS: bool = false;
    }

    impl<T> Silent for Probe<T> {}

    impl<T: Debug> Probe<T> {
        const PRINTS: bool = true;
    }

    /// Neither a panic message nor a log line can hold what cannot be printed.
    #[test]
    fn nothing_that_holds_a_key_or_clear_text_can_be_printed() {
        macro_rules! printed {
            ($($name:ty),+) => { [$((stringify!($name), Probe::<$name>::PRINTS)),+] };
        }
        for (name, prints) in printed![
            Key,
            RecordKeys,
            PseudonymKey,
            FieldCipher,
            KeyStream,
            KeyPair<'_>,
            Leasing<'_>,
            LeasedKey<'_>,
            Opening,
            LeasedOpening<'_>,
            Draft,
            Plan,
            Session
        ] {
            assert!(!prints, "{name}");
        }
        assert!(printed![u8][0].1, "the probe sees what can be printed");
    }
}
