use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;

/// The SHA-256 of a token, by which it is known.
///
/// There is no `==` of it, and nobody else sees its bytes: what is compared takes as long wherever it differs, and
/// tells nobody how much of a digest he has guessed.
pub struct Digest([u8; 32]);

impl Digest {
    pub fn of(token: &str) -> Self {
        Self(Sha256::digest(token).into())
    }

    /// Of 64 hexadecimal digits in lower case.
    pub fn parse(hex: &str) -> Option<Self> {
        let digit = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        if hex.len() != 64 || !hex.bytes().all(digit) {
            return None;
        }
        let mut digest = [0; 32];
        for (i, byte) in digest.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).ok()?;
        }
        Some(Self(digest))
    }

    pub fn to_hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Whether they are the same, in constant time.
    pub fn is(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

#[cfg(test)]
mod tests {
    use std::marker::PhantomData;

    use super::*;

    /// Whether a type has `==`: the constant of the type is taken before that of the trait, where its bound holds.
    struct Compared<T>(PhantomData<T>);

    impl<T: PartialEq> Compared<T> {
        const HAS_EQ: bool = true;
    }

    trait NotCompared {
        const HAS_EQ: bool = false;
    }

    impl<T> NotCompared for Compared<T> {}

    #[test]
    #[expect(clippy::assertions_on_constants, reason = "another derive would make them others")]
    fn it_can_be_compared_in_constant_time_only() {
        assert!(Compared::<[u8; 32]>::HAS_EQ, "the test sees `==` where it is");
        assert!(!Compared::<Digest>::HAS_EQ, "a `==` ends at the first byte that differs");
    }

    #[test]
    fn one_bit_is_another_digest() {
        let digest = Digest::of("st_abc");
        assert!(digest.is(&Digest::of("st_abc")) && !digest.is(&Digest::of("st_abd")));
        for bit in 0..256 {
            let mut other = digest.0;
            other[bit / 8] ^= 1 << (bit % 8);
            assert!(!digest.is(&Digest(other)), "bit {bit}");
        }
        assert!(digest.is(&Digest::parse(&digest.to_hex()).unwrap()));
    }
}
