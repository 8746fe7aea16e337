//! Cosignatures: a witness says that it saw a checkpoint, and nothing that contradicts it (C2SP
//! tlog-cosignature, `cosignature/v1`).
//!
//! ```text
//! signed message   cosignature/v1 LF
//!                  time <POSIX seconds, decimal> LF
//!                  <text of the checkpoint>
//! signature line   — <name> <base64(key id ‖ time as 8 bytes, big-endian ‖ Ed25519 signature)>
//! ```
//!
//! A cosignature says: at that time the largest tree that the witness had seen of this log had this
//! root, and it was consistent with every tree it had seen before. Whoever asks for the cosignatures of
//! independent witnesses (see [`Policy`](crate::Policy)) cannot be shown a history that others are not
//! shown.

use std::fmt;
use std::str::FromStr;

use zeroize::Zeroizing;

use crate::named_key::{COSIGNATURE, PublicKey, SecretKey};
use crate::{Checkpoint, Error, Note, VerifierKey, note};

/// The largest time that the specification allows.
const MAX_TIME: u64 = i64::MAX as u64;

/// The public half of a witness's key: what stands in a [`Policy`](crate::Policy).
///
/// Its text form is that of every note key, with the key type 4. A log's [`VerifierKey`] is of type 1
/// and is not taken for one.
///
/// ```
/// use sealtrail_proof::{VerifierKey, WitnessKey};
///
/// let text = "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2";
/// let key: WitnessKey = text.parse()?;
/// assert_eq!((key.name(), key.id()), ("remora.n621.de", 0xda77_ade7));
/// assert_eq!(key.to_string(), text);
/// assert!(text.parse::<VerifierKey>().is_err());
/// # Ok::<(), sealtrail_proof::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct WitnessKey(PublicKey<COSIGNATURE>);

impl WitnessKey {
    /// The name of the witness, as it stands in its signature lines.
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

    /// The time of a timestamped signature of `text`, if this key made it.
    pub(crate) fn time(&self, text: &str, signature: &[u8]) -> Option<u64> {
        let (time, signature) = signature.split_first_chunk::<8>()?;
        let time = u64::from_be_bytes(*time);
        (time <= MAX_TIME && self.0.accepts(&message(text, time), signature)).then_some(time)
    }
}

impl FromStr for WitnessKey {
    type Err = Error;

    /// Reads the text form; white space around it is taken for the end of a line in a file.
    fn from_str(text: &str) -> Result<Self, Error> {
        PublicKey::parse("witness key", text).map(Self)
    }
}

impl fmt::Display for WitnessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for WitnessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The secret half: what a witness signs with. Wiped from memory when dropped.
///
/// A witness of its own needs a key of its own: the signed message does not hold the witness's name.
///
/// ```
/// use sealtrail_proof::{Checkpoint, CosigningKey, Note, SigningKey, hash};
///
/// let log = SigningKey::from_seed("shop.example/trail", &[1; 32])?;
/// let note = Checkpoint::new("shop.example/trail", 0, hash::empty_root()).sign(&log)?;
/// let mut note = Note::parse(note.as_bytes())?;
///
/// // 32 bytes of the operating system's randomness in real life, and the time of the clock.
/// let witness = CosigningKey::from_seed("auditor.example/w1", &[2; 32])?;
/// let line = witness.cosign(&note, &log.verifier_key(), 1_679_315_147)?;
/// note.add(&line)?;
/// assert_eq!(note.verify_cosignature(&witness.witness_key())?, 1_679_315_147);
/// # Ok::<(), sealtrail_proof::Error>(())
/// ```
#[derive(Clone)]
pub struct CosigningKey(SecretKey<COSIGNATURE>);

impl CosigningKey {
    /// Makes a key of 32 bytes of entropy, which the caller draws and forgets.
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, Error> {
        SecretKey::from_seed(name, seed).map(Self)
    }

    /// Reads the text form; white space around it is taken for the end of a line in a file.
    pub fn parse(text: &str) -> Result<Self, Error> {
        SecretKey::parse("cosigning key", text).map(Self)
    }

    /// The text form, secret as it is; written to a file that only its owner may read.
    pub fn secret_text(&self) -> Zeroizing<String> {
        self.0.text()
    }

    /// The name of the witness.
    pub fn name(&self) -> &str {
        self.0.public().name()
    }

    /// The public half, to print and to give away.
    pub fn witness_key(&self) -> WitnessKey {
        WitnessKey(self.0.public().clone())
    }

    /// The signature line, with its LF, that says: at `time` (POSIX seconds, not 0) this was the largest
    /// tree of the log that I had seen.
    ///
    /// Refuses what `log` did not sign. That the tree is consistent with the last one
    /// ([`consistency::verify`](crate::consistency::verify)), and that it is remembered for good before the
    /// line is given away, is up to the caller.
    pub fn cosign(&self, note: &Note, log: &VerifierKey, time: u64) -> Result<String, Error> {
        if time == 0 || time > MAX_TIME {
            return Err(Error::out_of_range(format!(
                "expected a time of 1 to {MAX_TIME} seconds, got {time}"
            )));
        }
        Checkpoint::of_note(note, log)?;
        let text = note.unverified_text();
        let mut signature = time.to_be_bytes().to_vec();
        signature.extend_from_slice(&self.0.sign(&message(text, time)));
        Ok(note::signature_line(self.name(), self.0.public().id(), &signature))
    }
}

impl fmt::Debug for CosigningKey {
    /// The name only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cosigning key `{}`", self.name())
    }
}

fn message(text: &str, time: u64) -> Vec<u8> {
    format!("cosignature/v1\ntime {time}\n{text}").into_bytes()
}

#[cfg(test)]
pub(crate) mod tests {
    use base64ct::{Base64, Encoding};

    use super::*;
    use crate::SigningKey;

    /// A checkpoint of a public log, with the cosignatures of public witnesses, as it was published.
    pub(crate) const PUBLISHED: &str = "\
arche2025h1.staging.ct.transparency.dev
1432088532
U7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=

\u{2014} arche2025h1.staging.ct.transparency.dev zTM8sQAAAZ5W0WdjBAMARjBEAiBjW5IQf9pvsYLfQFX6hoGREPMHbdQ3urbllzalApkptQIgIpwtEroeW2BXaHAI4kJXFbon5Ch9MNL5zRNZ55lvGt0=
\u{2014} arche2025h1.staging.ct.transparency.dev ui8GwCF1+kWqZrxGdhj4aX3gcw7XUlXQQabg/27lefwhUkzbC3NygNI75MdhL1bfTW9g8Ei59RA23oHP7Ry1k3ZFWwQ=
\u{2014} transparency.dev/DEV:witness-little-garden 2AQqhwAAAABqEiEgzgFIqqhbUoDwjMWE6UP8nd8/KYTzwZ2rhIgcqoXHAwVkjZr4AscylP3v7sEodkRAErumC2q44vdgJY096st5BQ==
\u{2014} witness1.smartit.nu/witness1 pIyCDwAAAABqEiEghIp82KWebrw7/oHQwlTAm3g2RKS4+eebl8eO0WH+/iEcxZ75W3u5hNI7TOQtmJbqmNWVuE0tgh0XwzdZsDsUAQ==
\u{2014} remora.n621.de 2net5wAAAABqEiEgPlfF3V06o0Y+fHM+J5J9s27wgxxcOVSpZ/2g/KSiXCg9DEZI+aVCIobWX9sXTynk5XeU/zZ0WBxtqB0DrAWfBw==
\u{2014} witness.stagemole.eu Z/euoAAAAABqEiEgw0i+7g2ENfDAWHmtRzCfKTHSDwYDJA2NmKeGi9Y8FtEyOUvVr+AJmIY/2TUFucgKi7lI7cUiOvKFYe/TmN9DAg==
";

    pub(crate) const PUBLISHED_LOG: &str = "arche2025h1.staging.ct.transparency.dev+ba2f06c0+AU0vHmlGCS/PdN8b2OaGmKprLI8HKM+dJ472xgFYh15f";

    pub(crate) const PUBLISHED_WITNESSES: [&str; 3] = [
        "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2",
        "witness.stagemole.eu+67f7aea0+BEqSG3yu9YrmcM3BHvQYTxwFj3uSWakQepafafpUqklv",
        "transparency.dev/DEV:witness-little-garden+d8042a87+BCtusOxINQNUTN5Oj8HObRkh2yHf/MwYaGX4CPdiVEPM",
    ];

    const LOG: &str = "a.example";

    fn log(seed: u8) -> SigningKey {
        SigningKey::from_seed(LOG, &[seed; 32]).unwrap()
    }

    fn witness(seed: u8) -> CosigningKey {
        CosigningKey::from_seed("w.example", &[seed; 32]).unwrap()
    }

    fn note(size: u64) -> Note {
        let note = Checkpoint::new(LOG, size, [7; 32]).sign(&log(1)).unwrap();
        Note::parse(note.as_bytes()).unwrap()
    }

    fn cosigned(time: u64) -> Note {
        let mut note = note(3);
        let line = witness(2).cosign(&note, &log(1).verifier_key(), time).unwrap();
        note.add(&line).unwrap();
        note
    }

    #[test]
    fn public_witnesses_are_understood() {
        let note = Note::parse(PUBLISHED.as_bytes()).unwrap();
        assert_eq!(note.to_string(), PUBLISHED);
        note.verify(&PUBLISHED_LOG.parse().unwrap()).unwrap();
        for key in PUBLISHED_WITNESSES {
            assert_eq!(note.verify_cosignature(&key.parse().unwrap()).unwrap(), 0x6a12_2120);
        }
        let changed = PUBLISHED.replacen("1432088532", "1432088533", 1);
        let changed = Note::parse(changed.as_bytes()).unwrap();
        for key in PUBLISHED_WITNESSES {
            let error = changed.verify_cosignature(&key.parse().unwrap()).unwrap_err();
            assert!(error.is_bad_signature(), "{error}");
        }
    }

    #[test]
    fn time_and_text_are_both_signed() {
        let text = cosigned(1_679_315_147).to_string();
        let key = witness(2).witness_key();
        let check = |text: &str| Note::parse(text.as_bytes())?.verify_cosignature(&key);
        assert_eq!(check(&text).unwrap(), 1_679_315_147);
        assert!(check(&text.replacen("\n3\n", "\n4\n", 1)).unwrap_err().is_bad_signature());

        let (rest, line) = text.trim_end().rsplit_once(' ').unwrap();
        let signature = Base64::decode_vec(line).unwrap();
        for i in 0..signature.len() {
            let mut changed = signature.clone();
            changed[i] ^= 1;
            let error =
                check(&format!("{rest} {}\n", Base64::encode_string(&changed))).unwrap_err();
            // The id says whose it is; all that follows is signed.
            assert_eq!(error.is_unknown_key(), i < 4, "byte {i}: {error}");
            assert_eq!(error.is_bad_signature(), i >= 4, "byte {i}: {error}");
        }
        for length in 5..signature.len() {
            let line = Base64::encode_string(&signature[..length]);
            assert!(check(&format!("{rest} {line}\n")).unwrap_err().is_bad_signature());
        }
    }

    #[test]
    fn other_keys_and_names_are_other_witnesses() {
        let note = cosigned(1);
        let renamed = CosigningKey::from_seed("v.example", &[2; 32]).unwrap();
        for stranger in [witness(3), renamed] {
            let error = note.verify_cosignature(&stranger.witness_key()).unwrap_err();
            assert!(error.is_unknown_key(), "{error}");
        }
        // One secret, two types: neither signature passes for the other.
        let as_note = SigningKey::from_seed("w.example", &[2; 32]).unwrap().verifier_key();
        assert!(note.verify(&as_note).unwrap_err().is_unknown_key());
        let as_witness = CosigningKey::from_seed(LOG, &[1; 32]).unwrap().witness_key();
        assert!(note.verify_cosignature(&as_witness).unwrap_err().is_unknown_key());
    }

    #[test]
    fn what_the_log_did_not_sign_is_not_cosigned() {
        let cosign =
            |note: &Note, key: &SigningKey| witness(2).cosign(note, &key.verifier_key(), 1);
        assert!(cosign(&note(3), &log(9)).unwrap_err().is_unknown_key());
        let elsewhere = SigningKey::from_seed("b.example", &[1; 32]).unwrap();
        assert!(cosign(&note(3), &elsewhere).unwrap_err().is_other_origin());
        let forged = note(3).to_string().replacen("\n3\n", "\n4\n", 1);
        let forged = Note::parse(forged.as_bytes()).unwrap();
        assert!(cosign(&forged, &log(1)).unwrap_err().is_bad_signature());
        let no_checkpoint = Note::sign("a.example\nis well\n", &log(1)).unwrap();
        let no_checkpoint = Note::parse(no_checkpoint.as_bytes()).unwrap();
        assert!(cosign(&no_checkpoint, &log(1)).unwrap_err().is_malformed());
        for time in [0, 1 << 63, u64::MAX] {
            assert!(witness(2).cosign(&note(3), &log(1).verifier_key(), time).is_err());
        }
    }

    #[test]
    fn a_time_beyond_the_bound_is_refused() {
        // Signed as it should be, were it not for the time.
        let mut note = note(3);
        let key = witness(2);
        let mut signature = (1u64 << 63).to_be_bytes().to_vec();
        signature.extend_from_slice(&key.0.sign(&message(note.unverified_text(), 1 << 63)));
        note.add(&note::signature_line(key.name(), key.0.public().id(), &signature)).unwrap();
        assert!(note.verify_cosignature(&key.witness_key()).unwrap_err().is_bad_signature());
    }

    #[test]
    fn keys_of_other_types_are_told_apart() {
        let text = witness(2).secret_text();
        assert_eq!(CosigningKey::parse(&text).unwrap().witness_key(), witness(2).witness_key());
        let error = SigningKey::parse(&text).unwrap_err().to_string();
        let expected =
            "malformed signing key: expected key type 1 (Ed25519), got 4 (Ed25519 cosignatures)";
        assert_eq!(error, expected);
        let error = log(1).verifier_key().to_string().parse::<WitnessKey>().unwrap_err();
        assert!(error.to_string().contains("expected key type 4"), "{error}");
        let mut mldsa = vec![6];
        mldsa.extend([1; 1312]);
        let text = format!("w.example+00000000+{}", Base64::encode_string(&mldsa));
        let error = text.parse::<WitnessKey>().unwrap_err().to_string();
        assert!(error.contains("got 6 (ML-DSA-44 cosignatures)"), "{error}");
        assert_eq!(format!("{:?}", witness(2)), "cosigning key `w.example`");
    }
}
