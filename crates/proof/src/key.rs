//! Note keys: Ed25519 with a name (C2SP signed-note).
//!
//! ```text
//! key id         first 4 bytes of SHA-256(name ‖ 0x0A ‖ 0x01 ‖ public key), big-endian
//! verifier key   <name>+<key id, 8 hex digits>+<base64(0x01 ‖ public key)>
//! signing key    PRIVATE+KEY+<name>+<key id>+<base64(0x01 ‖ seed)>
//! ```

use std::fmt;
use std::str::FromStr;

use base64ct::{Base64, Encoding};
use ed25519_dalek::{Signature, Signer, SigningKey as Secret, VerifyingKey as Public};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::Error;

/// The signature type of Ed25519 in key ids and key texts.
const ED25519: u8 = 0x01;

/// Longer names are refused, so that no text of a stranger is carried around at any length.
const MAX_NAME: usize = 256;

/// Checks a key name, which for a log is its origin.
///
/// The specification forbids Unicode spaces and plus signs; control characters could not stand in a
/// note either.
///
/// ```
/// use sealtrail_proof::key::check_name;
///
/// assert!(check_name("shop.example/trail").is_ok());
/// assert!(check_name("my shop").is_err());
/// assert!(check_name("a+b").is_err());
/// ```
pub fn check_name(name: &str) -> Result<(), Error> {
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

/// The public half: what an auditor keeps, outside the log's directory.
///
/// ```
/// use sealtrail_proof::VerifierKey;
///
/// let text = "sealtrail.test/log1+20cb2b54+AdBKsjJ0K7SrOhNovUYV5ObQIkq3GgFrr4UgozLJd4c3";
/// let key: VerifierKey = text.parse()?;
/// assert_eq!(key.name(), "sealtrail.test/log1");
/// assert_eq!(key.to_string(), text);
/// # Ok::<(), sealtrail_proof::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    id: u32,
    public: Public,
}

impl VerifierKey {
    fn new(name: &str, public: Public) -> Self {
        let digest = Sha256::new()
            .chain_update(name)
            .chain_update([b'\n', ED25519])
            .chain_update(public.as_bytes())
            .finalize();
        Self {
            name: name.into(),
            id: u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]),
            public,
        }
    }

    /// The key's name; for the key of a log, its origin.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The four bytes that tell keys of one name apart.
    pub fn id(&self) -> u32 {
        self.id
    }

    pub(crate) fn accepts(&self, text: &[u8], signature: &[u8]) -> bool {
        // Strict, so that every verifier agrees on every signature (RFC 8032 leaves room).
        Signature::from_slice(signature)
            .is_ok_and(|signature| self.public.verify_strict(text, &signature).is_ok())
    }
}

impl FromStr for VerifierKey {
    type Err = Error;

    /// Reads the text form; white space around it is taken for the end of a line in a file.
    fn from_str(text: &str) -> Result<Self, Error> {
        const WHAT: &str = "verifier key";
        let (name, id, key) = split(WHAT, text.trim_ascii())?;
        let public = Public::from_bytes(&key)
            .ok()
            .filter(|public| !public.is_weak())
            .ok_or_else(|| Error::malformed(WHAT, "the bytes are no Ed25519 public key"))?;
        check_id(WHAT, Self::new(name, public), id)
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = [ED25519; 33];
        key[1..].copy_from_slice(self.public.as_bytes());
        write!(f, "{}+{:08x}+{}", self.name, self.id, Base64::encode_string(&key))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The secret half: what the log signs its checkpoints with. Wiped from memory when dropped.
///
/// ```
/// use sealtrail_proof::SigningKey;
///
/// // 32 bytes of the operating system's randomness in real life.
/// let key = SigningKey::from_seed("shop.example/trail", &[42; 32])?;
/// let text = key.secret_text();
/// assert!(text.starts_with("PRIVATE+KEY+shop.example/trail+"));
/// let again = SigningKey::parse(&text)?;
/// assert_eq!(again.verifier_key(), key.verifier_key());
/// # Ok::<(), sealtrail_proof::Error>(())
/// ```
#[derive(Clone)]
pub struct SigningKey {
    secret: Secret,
    verifier: VerifierKey,
}

impl SigningKey {
    /// Makes a key of 32 bytes of entropy, which the caller draws and forgets.
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, Error> {
        check_name(name)?;
        let secret = Secret::from_bytes(seed);
        let verifier = VerifierKey::new(name, secret.verifying_key());
        Ok(Self { secret, verifier })
    }

    /// Reads the text form; white space around it is taken for the end of a line in a file.
    pub fn parse(text: &str) -> Result<Self, Error> {
        const WHAT: &str = "signing key";
        let text = text
            .trim_ascii()
            .strip_prefix("PRIVATE+KEY+")
            .ok_or_else(|| Error::malformed(WHAT, "expected it to begin with `PRIVATE+KEY+`"))?;
        let (name, id, seed) = split(WHAT, text)?;
        let key = Self::from_seed(name, &seed)?;
        check_id(WHAT, key.verifier.clone(), id)?;
        Ok(key)
    }

    /// The text form, secret as it is; written to a file that only its owner may read.
    pub fn secret_text(&self) -> Zeroizing<String> {
        let mut key = Zeroizing::new([ED25519; 33]);
        key[1..].copy_from_slice(self.secret.as_bytes());
        let encoded = Zeroizing::new(Base64::encode_string(&*key));
        let VerifierKey { name, id, .. } = &self.verifier;
        // One allocation of the final size: a string that grows leaves copies behind.
        let mut text = Zeroizing::new(String::with_capacity(
            "PRIVATE+KEY+".len() + name.len() + 10 + encoded.len(),
        ));
        for part in ["PRIVATE+KEY+", name, "+", &format!("{id:08x}"), "+", &encoded] {
            text.push_str(part);
        }
        text
    }

    /// The key's name; for the key of a log, its origin.
    pub fn name(&self) -> &str {
        self.verifier.name()
    }

    /// The public half, to print and to give away.
    pub fn verifier_key(&self) -> VerifierKey {
        self.verifier.clone()
    }

    pub(crate) fn sign(&self, text: &[u8]) -> [u8; 64] {
        self.secret.sign(text).to_bytes()
    }
}

impl fmt::Debug for SigningKey {
    /// The name only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "signing key `{}`", self.verifier.name)
    }
}

/// `<name>+<id>+<base64(0x01 ‖ 32 bytes)>`. Never repeats the text: it may be a secret.
fn split<'a>(
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
    let mut bytes = Zeroizing::new([0; 33]);
    let decoded = Base64::decode(key, &mut *bytes).map_err(|_| form())?;
    match decoded {
        [ED25519, key @ ..] if key.len() == 32 => {
            let key = <&[u8; 32]>::try_from(key).expect("length is 32");
            Ok((name, id, Zeroizing::new(*key)))
        }
        [ED25519, ..] | [] => Err(form()),
        [other, ..] => {
            Err(Error::malformed(what, format!("expected key type 1 (Ed25519), got {other}")))
        }
    }
}

fn check_id(what: &'static str, key: VerifierKey, id: u32) -> Result<VerifierKey, Error> {
    if key.id == id {
        Ok(key)
    } else {
        Err(Error::malformed(
            what,
            format!(
                "its id is {:08x}, but the text says {id:08x}; it was changed or mistyped",
                key.id
            ),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // The example key pair of the Go implementation of signed notes.
    const GO_SECRET: &str =
        "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
    const GO_VERIFIER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

    #[test]
    fn agrees_with_the_go_implementation() {
        let key = SigningKey::parse(GO_SECRET).unwrap();
        assert_eq!(key.verifier_key().to_string(), GO_VERIFIER);
        assert_eq!(*key.secret_text(), GO_SECRET);
    }

    #[test]
    fn broken_texts_are_refused_and_not_repeated() {
        let (head, tail) = GO_SECRET.split_at(40);
        for text in [
            "".to_owned(),
            "PRIVATE+KEY+".to_owned(),
            GO_SECRET.replace("c74f20a3", "c74f20a4"),
            GO_SECRET.replace("c74f20a3", "C74F20A3"),
            GO_SECRET.replace("PeterNeumann", "Peter Neumann"),
            GO_SECRET.replace("+AYEK", "+AoEK"),
            head.to_owned(),
            format!("{GO_SECRET}A"),
            format!("{GO_SECRET}AAAA"),
            format!("{head}\n{tail}"),
        ] {
            let error = SigningKey::parse(&text).unwrap_err().to_string();
            assert!(!error.contains("FALVFGyN"), "{error}");
        }
        for text in [
            GO_SECRET.to_owned(),
            GO_VERIFIER.replace("c74f", "c740"),
            GO_VERIFIER.replace("10TW", "10TX"),
            // The neutral point: every message has a signature that it accepts.
            format!(
                "x+00000000+{}",
                Base64::encode_string(&{
                    let mut weak = [0; 33];
                    weak[..2].copy_from_slice(&[1, 1]);
                    weak
                })
            ),
        ] {
            assert!(text.parse::<VerifierKey>().is_err(), "{text}");
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let key = SigningKey::parse(GO_SECRET).unwrap();
        assert_eq!(format!("{key:?}"), "signing key `PeterNeumann`");
    }
}
