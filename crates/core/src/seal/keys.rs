use aes_gcm::Nonce;
use aes_gcm::aead::{AeadInOut, KeyInit};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::gcm::{FieldCipher, KeyStream};
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
    cipher: FieldCipher,
    commit: [u8; 32],
}

impl RecordKeys {
    /// From the subject's key and the period's.
    pub fn derive(subject: &Key, period: &Key, scope: &Scope<'_>) -> Self {
        Source::new(subject, period).record_keys(scope, &mut Vec::new())
    }

    /// From what a [lease](Source::lease) says.
    pub(crate) fn leased(key: &Key, commit: [u8; 32]) -> Self {
        Self { cipher: FieldCipher::new(&key.0, AAD_HEAD), commit }
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
        let mut stream = KeyStream::default();
        self.key_stream([(nonce, plaintext.len())].into_iter(), &mut stream)?;
        let (mut out, mut room) = (Vec::new(), Vec::new());
        self.write_token(index, location, plaintext, nonce, &mut stream, &mut room, &mut out);
        Ok(String::from_utf8(out).unwrap_or_default())
    }

    /// Takes the keys of another record in place of these.
    pub(crate) fn rekey(&mut self, source: &Source, scope: &Scope<'_>, room: &mut Vec<u8>) {
        scope.write(room);
        self.cipher.rekey(&source.expand(RECORD_KEY_HEAD, room));
        self.commit = *source.expand(COMMIT_HEAD, room);
    }

    /// Forgets the key.
    pub(crate) fn wipe(&mut self) {
        self.cipher.wipe();
    }

    /// Makes `stream` what encrypts fields of these lengths, in this order, by
    /// [`write_token`](Self::write_token).
    pub(crate) fn key_stream<'n>(
        &self,
        fields: impl Iterator<Item = (&'n [u8; NONCE_BYTES], usize)> + Clone,
        stream: &mut KeyStream,
    ) -> Result<(), Error> {
        self.cipher.key_stream(fields, stream)
    }

    /// Appends the token of the next field; `room` is to work in.
    #[allow(clippy::too_many_arguments, reason = "each is a thing of its own")]
    pub(crate) fn write_token(
        &self,
        index: usize,
        location: &str,
        plaintext: &[u8],
        nonce: &[u8; NONCE_BYTES],
        stream: &mut KeyStream,
        room: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) {
        room.clear();
        room.extend_from_slice(nonce);
        let len = (location.len() as u64).to_le_bytes();
        self.cipher.encrypt(stream, [&len, location.as_bytes()], plaintext, room);
        token::write(index, room, out);
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
        let aad = [AAD_HEAD, &(location.len() as u64).to_le_bytes(), location.as_bytes()].concat();
        self.cipher
            .aes_gcm()
            .decrypt_in_place(&Nonce::from(*nonce), &aad, &mut *buffer)
            .map_err(|_| tampered())?;
        Ok(buffer)
    }
}

/// A subject's key and a period's, from which the keys of records come.
pub(crate) struct Source(Box<Hkdf<Sha256>>);

impl Source {
    pub(crate) fn new(subject: &Key, period: &Key) -> Self {
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(b"sealtrail/seal/v1")
            .unwrap_or_else(|_| unreachable!("HMAC takes a key of any length"));
        mac.update(&subject.0);
        mac.update(&period.0);
        let mut prk = mac.finalize().into_bytes();
        let hkdf = Hkdf::<Sha256>::from_prk(&prk)
            .unwrap_or_else(|_| unreachable!("an HMAC-SHA256 is as long as a PRK must be"));
        prk.zeroize();
        Self(Box::new(hkdf))
    }

    /// `room` is to work in.
    pub(crate) fn record_keys(&self, scope: &Scope<'_>, room: &mut Vec<u8>) -> RecordKeys {
        scope.write(room);
        let cipher = FieldCipher::new(&self.expand(RECORD_KEY_HEAD, room), AAD_HEAD);
        RecordKeys { cipher, commit: *self.expand(COMMIT_HEAD, room) }
    }

    /// The record key and its commitment, for whoever seals or opens this one record elsewhere.
    pub(crate) fn lease(&self, scope: &Scope<'_>) -> (Zeroizing<[u8; 32]>, [u8; 32]) {
        let mut room = Vec::new();
        scope.write(&mut room);
        (self.expand(RECORD_KEY_HEAD, &room), *self.expand(COMMIT_HEAD, &room))
    }

    fn expand(&self, head: &[u8], scope: &[u8]) -> Zeroizing<[u8; 32]> {
        let mut key = Zeroizing::new([0; 32]);
        self.0
            .expand_multi_info(&[head, scope], &mut *key)
            .unwrap_or_else(|_| unreachable!("32 bytes are within HKDF's bound"));
        key
    }
}

impl Scope<'_> {
    /// What its PAE has behind the label, which is the same for both keys.
    fn write(&self, out: &mut Vec<u8>) {
        out.clear();
        for part in [self.origin, self.record_id, self.group, self.kids[0], self.kids[1]] {
            out.extend_from_slice(&(part.len() as u64).to_le_bytes());
            out.extend_from_slice(part.as_bytes());
        }
    }
}

/// The PAEs of the record key and of the commitment, up to their labels.
const RECORD_KEY_HEAD: &[u8] = b"\x06\0\0\0\0\0\0\0\x1c\0\0\0\0\0\0\0sealtrail/seal/v1/record-key";
const COMMIT_HEAD: &[u8] = b"\x06\0\0\0\0\0\0\0\x18\0\0\0\0\0\0\0sealtrail/seal/v1/commit";

/// The PAE of the associated data, up to the length of the location.
const AAD_HEAD: &[u8] = b"\x02\0\0\0\0\0\0\0\x17\0\0\0\0\0\0\0sealtrail/seal/v1/field";

#[cfg(test)]
mod tests {
    use super::super::pae::pae;
    use super::*;

    #[test]
    fn the_associated_data_are_a_pae() {
        let parts: [&[u8]; 2] = [b"sealtrail/seal/v1/field", b"old:/email"];
        let whole = [AAD_HEAD, &10u64.to_le_bytes(), b"old:/email"].concat();
        assert_eq!(whole, pae(parts.into_iter()));
    }

    #[test]
    fn what_keys_are_bound_to_is_a_pae() {
        let kids = ["k_1", "t_1"];
        let scope = Scope { origin: "log", record_id: "id", group: "contact", kids };
        let mut rest = Vec::new();
        scope.write(&mut rest);
        for (head, label) in [
            (RECORD_KEY_HEAD, "sealtrail/seal/v1/record-key"),
            (COMMIT_HEAD, "sealtrail/seal/v1/commit"),
        ] {
            let parts = [label, "log", "id", "contact", "k_1", "t_1"].map(str::as_bytes);
            assert_eq!([head, &rest].concat(), pae(parts.into_iter()));
        }
    }
}
