use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::pae::pae;
use super::{NONCE_BYTES, token};
use crate::Error;

/// 32 secret bytes of a data subject or of a retention period.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Key([u8; 32]);

impl Key {
    /// The error names what the key was meant for, never its bytes.
    pub fn from_slice(bytes: &[u8], what: &str) -> Result<Self, Error> {
        let bytes = bytes.try_into().map_err(|_| {
            let message = format!("{what} must be 32 bytes, got {}", bytes.len());
            Error::new("invalid_field", message)
        })?;
        Ok(Self(bytes))
    }

    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// What the keys of one seal are bound to.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    pub origin: &'a str,
    pub record_id: &'a str,
    pub group: &'a str,
    /// Subject key first, then period key.
    pub kids: [&'a str; 2],
}

/// The keys that open one data group of one record, and nothing else.
pub struct RecordKeys {
    // Boxed so that moving the value leaves no copy of the key schedule behind.
    cipher: Box<Aes256Gcm>,
    commit: [u8; 32],
}

impl RecordKeys {
    /// From the subject's key and the period's.
    pub fn derive(subject: &Key, period: &Key, scope: &Scope<'_>) -> Self {
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(b"sealtrail/seal/v1")
            .unwrap_or_else(|_| unreachable!("HMAC takes a key of any length"));
        mac.update(&subject.0);
        mac.update(&period.0);
        let mut prk = mac.finalize().into_bytes();
        let hkdf = Hkdf::<Sha256>::from_prk(&prk)
            .unwrap_or_else(|_| unreachable!("an HMAC-SHA256 is as long as a PRK must be"));
        let record_key = expand(&hkdf, b"sealtrail/seal/v1/record-key", scope);
        let commit = *expand(&hkdf, b"sealtrail/seal/v1/commit", scope);
        prk.zeroize();
        Self { cipher: Box::new(Aes256Gcm::new((&*record_key).into())), commit }
    }

    /// Names the keys without giving them away.
    pub fn commit(&self) -> &[u8; 32] {
        &self.commit
    }

    /// Encrypts one field and gives its token. `plaintext` is JSON text, already padded.
    pub fn seal(
        &self,
        index: usize,
        location: &str,
        plaintext: &[u8],
        nonce: &[u8; NONCE_BYTES],
    ) -> Result<String, Error> {
        let mut buffer = Vec::with_capacity(plaintext.len() + 16);
        buffer.extend_from_slice(plaintext);
        self.cipher
            .encrypt_in_place(&Nonce::from(*nonce), &aad(location), &mut buffer)
            .map_err(|_| Error::new("too_large", "a field is too long for AES-GCM"))?;
        Ok(token::write(index, nonce, &buffer))
    }

    /// The JSON text of a field, with its padding.
    ///
    /// Fails with `wrong_key` where the keys are not those that sealed it, with `tampered` where
    /// they are and the token, its place or its record is not what was sealed.
    pub fn open(
        &self,
        commit: &[u8],
        location: &str,
        token: &str,
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        if !bool::from(self.commit.ct_eq(commit)) {
            let message = "these keys did not seal this field: shredded, expired or another's";
            return Err(Error::new("wrong_key", message));
        }
        let tampered = || {
            Error::new("tampered", format!("the sealed field at `{location}` was altered or moved"))
        };
        let (_, bytes) = token::parse(token).ok_or_else(tampered)?;
        let (nonce, sealed) = token::nonce(&bytes).ok_or_else(tampered)?;
        let mut buffer = Zeroizing::new(sealed.to_vec());
        self.cipher
            .decrypt_in_place(&Nonce::from(*nonce), &aad(location), &mut *buffer)
            .map_err(|_| tampered())?;
        Ok(buffer)
    }
}

fn expand(hkdf: &Hkdf<Sha256>, label: &[u8], scope: &Scope<'_>) -> Zeroizing<[u8; 32]> {
    let parts = [
        label,
        scope.origin.as_bytes(),
        scope.record_id.as_bytes(),
        scope.group.as_bytes(),
        scope.kids[0].as_bytes(),
        scope.kids[1].as_bytes(),
    ];
    let mut key = Zeroizing::new([0; 32]);
    hkdf.expand(&pae(parts.into_iter()), &mut *key)
        .unwrap_or_else(|_| unreachable!("32 bytes are within HKDF's bound"));
    key
}

fn aad(location: &str) -> Vec<u8> {
    let parts: [&[u8]; 2] = [b"sealtrail/seal/v1/field", location.as_bytes()];
    pae(parts.into_iter())
}
