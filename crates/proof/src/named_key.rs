//! Ed25519 keys with a name and a signature type: what note keys and cosigner keys share.
//!
//! ```text
//! key id       first 4 bytes of SHA-256(name ‖ 0x0A ‖ type ‖ public key), big-endian
//! public key   <name>+<key id, 8 hex digits>+<base64(type ‖ public key)>
//! secret key   PRIVATE+KEY+<name>+<key id>+<base64(type ‖ seed)>
//! ```
//!
//! The type is part of the Rust type, so that a key of one kind is never asked about the other.

use std::fmt;

use base64ct::{Base64, Encoding};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::Error;

/// The signature type of notes (C2SP signed-note).
pub(crate) const NOTE: u8 = 0x01;

/// The signature type of timestamped cosignatures (C2SP tlog-cosignature).
pub(crate) const COSIGNATURE: u8 = 0x04;

/// Longer names are refused, so that no text of a stranger is carried around at any length.
const MAX_NAME: usize = 256;

/// What begins the text of a secret key.
const PRIVATE: &str = "PRIVATE+KEY+";

/// Refuses what cannot stand in a signature line: Unicode spaces, plus signs, control characters.
pub(crate) fn check_name(name: &str) -> Result<(), Error> {
    if name.is_empty() {
        return Err(Error::malformed("key name", "expected a name, got nothing"));
    }
    if name.len() > MAX_NAME {
        return Err(Error::malformed(
            "key name",
            format!("expected at most {MAX_NAME} bytes, got {}", name.len()),
        ));
    }
    if name.chars().any(|c| c == '+' || c.is_whitespace() || c.is_control()) {
        return Err(Error::malformed(
            "key name",
            format!("expected no space, plus or control character, got `{}`", name.escape_debug()),
        ));
    }
    Ok(())
}

#[derive(Clone, PartialEq, Eq)]
pub(crate) struct PublicKey<const TYPE: u8> {
    name: String,
    id: u32,
    key: VerifyingKey,
}

impl<const TYPE: u8> PublicKey<TYPE> {
    fn new(name: &str, key: VerifyingKey) -> Self {
        let digest = Sha256::new()
            .chain_update(name)
            .chain_update([b'\n', TYPE])
            .chain_update(key.as_bytes())
            .finalize();
        let id = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]);
        Self { name: name.into(), id, key }
    }

    /// White space around the text is taken for the end of a line in a file.
    pub(crate) fn parse(what: &'static str, text: &str) -> Result<Self, Error> {
        let (name, id, key) = split::<TYPE>(what, text.trim_ascii())?;
        let key = VerifyingKey::from_bytes(&key)
            .ok()
            .filter(|key| !key.is_weak())
            .ok_or_else(|| Error::malformed(what, "the bytes are no Ed25519 public key"))?;
        Self::new(name, key).with_id(what, id)
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    /// The key itself, without name and type.
    pub(crate) fn bytes(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    pub(crate) fn accepts(&self, message: &[u8], signature: &[u8]) -> bool {
        // Strict, so that every verifier agrees on every signature (RFC 8032 leaves room).
        Signature::from_slice(signature)
            .is_ok_and(|signature| self.key.verify_strict(message, &signature).is_ok())
    }

    fn with_id(self, what: &'static str, id: u32) -> Result<Self, Error> {
        if self.id == id {
            return Ok(self);
        }
        Err(Error::malformed(
            what,
            format!(
                "its id is {:08x}, but the text says {id:08x}; it was changed or mistyped",
                self.id
            ),
        ))
    }
}

impl<const TYPE: u8> fmt::Display for PublicKey<TYPE> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = [TYPE; 33];
        key[1..].copy_from_slice(self.bytes());
        write!(f, "{}+{:08x}+{}", self.name, self.id, Base64::encode_string(&key))
    }
}

/// Wiped from memory when dropped.
#[derive(Clone)]
pub(crate) struct SecretKey<const TYPE: u8> {
    secret: SigningKey,
    public: PublicKey<TYPE>,
}

impl<const TYPE: u8> SecretKey<TYPE> {
    pub(crate) fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, Error> {
        check_name(name)?;
        let secret = SigningKey::from_bytes(seed);
        let public = PublicKey::new(name, secret.verifying_key());
        Ok(Self { secret, public })
    }

    /// White space around the text is taken for the end of a line in a file.
    pub(crate) fn parse(what: &'static str, text: &str) -> Result<Self, Error> {
        let text = text
            .trim_ascii()
            .strip_prefix(PRIVATE)
            .ok_or_else(|| Error::malformed(what, "expected it to begin with `PRIVATE+KEY+`"))?;
        let (name, id, seed) = split::<TYPE>(what, text)?;
        let Self { secret, public } = Self::from_seed(name, &seed)?;
        Ok(Self { secret, public: public.with_id(what, id)? })
    }

    pub(crate) fn text(&self) -> Zeroizing<String> {
        let mut key = Zeroizing::new([TYPE; 33]);
        key[1..].copy_from_slice(self.secret.as_bytes());
        let encoded = Zeroizing::new(Base64::encode_string(&*key));
        let PublicKey { name, id, .. } = &self.public;
        // One allocation of the final size: a string that grows leaves copies behind.
        let mut text =
            Zeroizing::new(String::with_capacity(PRIVATE.len() + name.len() + 10 + encoded.len()));
        for part in [PRIVATE, name, "+", &format!("{id:08x}"), "+", &encoded] {
            text.push_str(part);
        }
        text
    }

    pub(crate) fn public(&self) -> &PublicKey<TYPE> {
        &self.public
    }

    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.secret.sign(message).to_bytes()
    }
}

/// `<name>+<id>+<base64(type ‖ 32 bytes)>`. Never repeats the text: it may be a secret.
fn split<'a, const TYPE: u8>(
    what: &'static str,
    text: &'a str,
) -> Result<(&'a str, u32, Zeroizing<[u8; 32]>), Error> {
    let form = || Error::malformed(what, "expected `<name>+<8 hex digits>+<base64>`");
    // Base64 holds plus signs too, so the name and the id are cut off from the left.
    let mut parts = text.splitn(3, '+');
    let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(form());
    };
    check_name(name)?;
    let hex = |digit: u8| matches!(digit, b'0'..=b'9' | b'a'..=b'f');
    if id.len() != 8 || !id.bytes().all(hex) {
        return Err(form());
    }
    let id = u32::from_str_radix(id, 16).map_err(|_| form())?;
    // The largest key with an assigned type is 1312 bytes long (ML-DSA-44); a longer text is no key.
    let mut bytes = Zeroizing::new([0; 1 + 1312]);
    let decoded = Base64::decode(key, &mut *bytes).map_err(|_| form())?;
    match decoded {
        [kind, key @ ..] if *kind == TYPE && key.len() == 32 => {
            let key = <&[u8; 32]>::try_from(key).expect("length is 32");
            Ok((name, id, Zeroizing::new(*key)))
        }
        [kind, ..] if *kind != TYPE => Err(Error::malformed(
            what,
            format!("expected key type {}, got {}", type_name(TYPE), type_name(*kind)),
        )),
        _ => Err(form()),
    }
}

fn type_name(kind: u8) -> String {
    let name = match kind {
        NOTE => "Ed25519",
        COSIGNATURE => "Ed25519 cosignatures",
        0x06 => "ML-DSA-44 cosignatures",
        _ => return kind.to_string(),
    };
    format!("{kind} ({name})")
}
