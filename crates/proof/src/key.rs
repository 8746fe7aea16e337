//! Note keys: Ed25519 with a name (C2SP signed-note).
//!
//! ```text
//! key id         first 4 bytes of SHA-256(name ‖ 0x0A ‖ 0x01 ‖ public key), big-endian
//! verifier key   <name>+<key id, 8 hex digits>+<base64(0x01 ‖ public key)>
//! signing key    PRIVATE+KEY+<name>+<key id>+<base64(0x01 ‖ seed)>
//! ```

use std::fmt;
use std::str::FromStr;

use zeroize::Zeroizing;

use crate::Error;
use crate::named_key::{self, NOTE, PublicKey, SecretKey};

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
    named_key::check_name(name)
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
pub struct VerifierKey(PublicKey<NOTE>);

impl VerifierKey {
    /// The key's name; for the key of a log, its origin.
    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// The four bytes that tell keys of one name apart.
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        self.0.bytes()
    }

    pub(crate) fn accepts(&self, text: &[u8], signature: &[u8]) -> bool {
        self.0.accepts(text, signature)
    }
}

impl FromStr for VerifierKey {
    type Err = Error;

    /// Reads the text form; white space around it is taken for the end of a line in a file.
    fn from_str(text: &str) -> Result<Self, Error> {
        PublicKey::parse("verifier key", text).map(Self)
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
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
pub struct SigningKey(SecretKey<NOTE>);

impl SigningKey {
    /// Makes a key of 32 bytes of entropy, which the caller draws and forgets.
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, Error> {
        SecretKey::from_seed(name, seed).map(Self)
    }

    /// Reads the text form; white space around it is taken for the end of a line in a file.
    pub fn parse(text: &str) -> Result<Self, Error> {
        SecretKey::parse("signing key", text).map(Self)
    }

    /// The text form, secret as it is; written to a file that only its owner may read.
    pub fn secret_text(&self) -> Zeroizing<String> {
        self.0.text()
    }

    /// The key's name; for the key of a log, its origin.
    pub fn name(&self) -> &str {
        self.0.public().name()
    }

    /// The public half, to print and to give away.
    pub fn verifier_key(&self) -> VerifierKey {
        VerifierKey(self.0.public().clone())
    }

    pub(crate) fn sign(&self, text: &[u8]) -> [u8; 64] {
        self.0.sign(text)
    }
}

impl fmt::Debug for SigningKey {
    /// The name only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "signing key `{}`", self.name())
    }
}

#[cfg(test)]
mod tests {
    use base64ct::{Base64, Encoding};

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
