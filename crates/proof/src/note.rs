//! Signed notes (C2SP signed-note).
//!
//! ```text
//! <text, ends in LF>
//! <empty line>
//! — <key name> <base64(key id ‖ signature)>
//! …
//! ```

use std::fmt;

use base64ct::{Base64, Encoding};

use crate::key::check_name;
use crate::{Error, SigningKey, VerifierKey, WitnessKey};

/// Bytes of the largest note that is read.
pub const MAX_BYTES: usize = 256 * 1024;

/// Signatures of the largest note that is read; the specification asks for at least 16. More than the
/// witnesses of the largest policy.
const MAX_SIGNATURES: usize = 128;

const WHAT: &str = "signed note";

/// A text and who signed it. Nothing is believed until [`Note::verify`] says so.
///
/// ```
/// use sealtrail_proof::{Note, SigningKey};
///
/// let key = SigningKey::from_seed("shop.example/trail", &[1; 32])?;
/// let note = Note::sign("good morning\n", &key)?;
/// let note = Note::parse(note.as_bytes())?;
/// assert_eq!(note.verify(&key.verifier_key())?, "good morning\n");
/// # Ok::<(), sealtrail_proof::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<Signature>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Signature {
    name: String,
    id: u32,
    bytes: Vec<u8>,
}

impl Note {
    /// Signs `text`, which ends in a line feed, and gives the note.
    pub fn sign(text: &str, key: &SigningKey) -> Result<String, Error> {
        check_text(text)?;
        let signature = key.sign(text.as_bytes());
        let line = signature_line(key.name(), key.verifier_key().id(), &signature);
        Ok(format!("{text}\n{line}"))
    }

    /// Reads a note, strictly and within bounds.
    pub fn parse(note: &[u8]) -> Result<Self, Error> {
        if note.len() > MAX_BYTES {
            return Err(Error::malformed(
                WHAT,
                format!("expected at most {MAX_BYTES} bytes, got {}", note.len()),
            ));
        }
        let note = str::from_utf8(note).map_err(|_| Error::malformed(WHAT, "it is not UTF-8"))?;
        // "the text is separated from the signatures by the last empty line in the note"
        let (text, signatures) =
            note.rfind("\n\n").map(|end| (&note[..=end], &note[end + 2..])).ok_or_else(|| {
                Error::malformed(WHAT, "expected an empty line before the signatures")
            })?;
        check_text(text)?;
        let lines = signatures
            .strip_suffix('\n')
            .ok_or_else(|| Error::malformed(WHAT, "expected a line feed at the end"))?;
        if lines.split('\n').count() > MAX_SIGNATURES {
            return Err(Error::malformed(
                WHAT,
                format!("expected at most {MAX_SIGNATURES} signatures"),
            ));
        }
        Ok(Self {
            text: text.into(),
            signatures: lines.split('\n').map(signature).collect::<Result<_, _>>()?,
        })
    }

    /// The text, if `key` signed it.
    ///
    /// Signatures of others are ignored, as the specification asks; a signature that claims to be by
    /// `key` and is not condemns the note.
    pub fn verify(&self, key: &VerifierKey) -> Result<&str, Error> {
        let text = self.text.as_bytes();
        self.judge(key.name(), key.id(), |bytes| key.accepts(text, bytes).then_some(()))?;
        Ok(&self.text)
    }

    /// When the witness cosigned (POSIX seconds), by its latest cosignature if there are several.
    ///
    /// As with [`Note::verify`], one that claims to be by `key` and is not condemns the note.
    pub fn verify_cosignature(&self, key: &WitnessKey) -> Result<u64, Error> {
        self.judge(key.name(), key.id(), |bytes| key.time(&self.text, bytes))
    }

    /// Adds a signature line, with its LF; it takes the place of an earlier one by the same key.
    ///
    /// Whether the signature is good is not asked here.
    pub fn add(&mut self, line: &str) -> Result<(), Error> {
        let line = line
            .strip_suffix('\n')
            .filter(|line| !line.contains('\n'))
            .ok_or_else(|| Error::malformed(WHAT, "expected one signature line"))?;
        check_text(&format!("{line}\n"))?;
        let added = signature(line)?;
        let is_same = |s: &Signature| s.name == added.name && s.id == added.id;
        let mut extended = self.clone();
        extended.signatures.retain(|s| !is_same(s));
        extended.signatures.push(added);
        // What was put together must be readable again.
        *self = Self::parse(extended.to_string().as_bytes())?;
        Ok(())
    }

    /// The same text with the signatures of one key only, for whoever keeps what he verified.
    #[must_use]
    pub fn only_by(&self, key: &VerifierKey) -> Self {
        let is_by = |s: &&Signature| s.name == key.name() && s.id == key.id();
        let signatures = self.signatures.iter().filter(is_by).cloned().collect();
        Self { text: self.text.clone(), signatures }
    }

    /// The text, though nobody has checked who wrote it.
    pub fn unverified_text(&self) -> &str {
        &self.text
    }

    /// The largest of what `accept` makes of the signatures by a key, all of which it must accept.
    fn judge<T: Ord>(
        &self,
        name: &str,
        id: u32,
        accept: impl Fn(&[u8]) -> Option<T>,
    ) -> Result<T, Error> {
        let mut best = None;
        for signature in self.signatures.iter().filter(|s| s.name == name && s.id == id) {
            let accepted =
                accept(&signature.bytes).ok_or_else(|| Error::bad_signature(label(name, id)))?;
            best = best.max(Some(accepted));
        }
        let found = || self.signatures.iter().map(|s| label(&s.name, s.id)).collect();
        best.ok_or_else(|| Error::unknown_key(label(name, id), found()))
    }
}

impl fmt::Display for Note {
    /// The note, byte for byte as it was read.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        let mut lines = self.signatures.iter().map(|s| signature_line(&s.name, s.id, &s.bytes));
        lines.try_for_each(|line| f.write_str(&line))
    }
}

/// `— <key name> <base64(key id ‖ signature)>` and LF.
pub(crate) fn signature_line(name: &str, id: u32, signature: &[u8]) -> String {
    let bytes = [&id.to_be_bytes(), signature].concat();
    format!("\u{2014} {name} {}\n", Base64::encode_string(&bytes))
}

fn label(name: &str, id: u32) -> String {
    format!("{name}+{id:08x}")
}

fn check_text(text: &str) -> Result<(), Error> {
    if !text.ends_with('\n') {
        return Err(Error::malformed(WHAT, "expected the text to end in a line feed"));
    }
    match text.bytes().find(|byte| *byte < 0x20 && *byte != b'\n') {
        None => Ok(()),
        Some(byte) => {
            Err(Error::malformed(WHAT, format!("expected no control character, got 0x{byte:02x}")))
        }
    }
}

fn signature(line: &str) -> Result<Signature, Error> {
    let malformed = || Error::malformed(WHAT, "expected `— <key name> <base64>` as a signature");
    let (name, encoded) = line
        .strip_prefix("\u{2014} ")
        .and_then(|rest| rest.split_once(' '))
        .ok_or_else(malformed)?;
    check_name(name)?;
    let bytes = Base64::decode_vec(encoded).map_err(|_| malformed())?;
    let (id, bytes) = bytes.split_first_chunk::<4>().ok_or_else(malformed)?;
    if bytes.is_empty() {
        return Err(malformed());
    }
    Ok(Signature { name: name.into(), id: u32::from_be_bytes(*id), bytes: bytes.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_seed("a.example", &[seed; 32]).unwrap()
    }

    #[test]
    fn the_text_may_hold_empty_lines() {
        let note = Note::sign("one\n\ntwo\n", &key(1)).unwrap();
        let note = Note::parse(note.as_bytes()).unwrap();
        assert_eq!(note.verify(&key(1).verifier_key()).unwrap(), "one\n\ntwo\n");
    }

    #[test]
    fn signatures_of_strangers_are_ignored_and_forgeries_are_not() {
        let mine = Note::sign("text\n", &key(1)).unwrap();
        let other = Note::sign("text\n", &key(2)).unwrap();
        let line = |note: &str| note.lines().last().unwrap().to_owned() + "\n";
        let both = format!("text\n\n{}{}", line(&other), line(&mine));
        let vkey = key(1).verifier_key();
        let verify =
            |note: &str| Note::parse(note.as_bytes()).unwrap().verify(&vkey).map(str::to_owned);
        assert_eq!(verify(&both).unwrap(), "text\n");
        assert!(verify(&other).unwrap_err().is_unknown_key());
        let forged = both.replacen("text", "texT", 1);
        assert!(verify(&forged).unwrap_err().is_bad_signature());
        let elsewhere = SigningKey::from_seed("b.example", &[1; 32]).unwrap();
        let elsewhere = Note::sign("text\n", &elsewhere).unwrap();
        assert!(verify(&elsewhere).unwrap_err().is_unknown_key());
        assert_eq!(Note::parse(both.as_bytes()).unwrap().only_by(&vkey).to_string(), mine);
    }

    #[test]
    fn broken_notes_are_refused() {
        let good = Note::sign("text\n", &key(1)).unwrap();
        let line = good.lines().last().unwrap();
        for note in [
            String::new(),
            "text\n".into(),
            "text\n\n".into(),
            format!("text\n{line}\n"),
            format!("text\n\n{line}"),
            format!("text\n\n{line}\n\n"),
            format!("te\rxt\n\n{line}\n"),
            format!("\n{line}\n"),
            good.replace('\u{2014}', "-"),
            good.replace(" a.example ", " a.example  "),
            good.replace(" a.example ", " "),
            good.replace(" a.example ", " a+example "),
            "text\n\n\u{2014} a.example AAAA\n".into(),
            format!("text\n\n{}", format!("{line}\n").repeat(129)),
            format!("{}\n\n{line}\n", "x".repeat(MAX_BYTES)),
        ] {
            let error = Note::parse(note.as_bytes()).unwrap_err();
            assert!(error.is_malformed(), "{note}");
        }
        assert!(Note::parse(b"\xff\n\n").is_err());
        assert!(Note::sign("no line feed", &key(1)).is_err());
        Note::parse(format!("text\n\n{}", format!("{line}\n").repeat(16)).as_bytes()).unwrap();
    }

    #[test]
    fn a_line_is_added_or_takes_the_place_of_its_elder() {
        let mut note = Note::parse(Note::sign("text\n", &key(1)).unwrap().as_bytes()).unwrap();
        let line = |seed| {
            let note = Note::sign("text\n", &key(seed)).unwrap();
            note.lines().last().unwrap().to_owned() + "\n"
        };
        note.add(&line(2)).unwrap();
        note.add(&line(2)).unwrap();
        note.add(&line(1)).unwrap();
        assert_eq!(note.to_string(), format!("text\n\n{}{}", line(2), line(1)));
        let before = note.clone();
        for bad in [
            String::new(),
            "\n".into(),
            line(3).trim_end().into(),
            line(3) + &line(4),
            line(3) + "\n",
            format!("more\n{}", line(3)),
            line(3).replace(" a.example ", " a\u{7}example "),
            line(3).replace('\u{2014}', "-"),
            format!("\u{2014} a.example {}\n", "A".repeat(MAX_BYTES)),
        ] {
            assert!(note.add(&bad).unwrap_err().is_malformed(), "{bad}");
            assert_eq!(note, before);
        }
        for i in 0..MAX_SIGNATURES - 2 {
            let key = SigningKey::from_seed(&format!("k{i}"), &[1; 32]).unwrap();
            let signed = Note::sign("text\n", &key).unwrap();
            note.add(&(signed.lines().last().unwrap().to_owned() + "\n")).unwrap();
        }
        assert!(note.add(&line(3)).unwrap_err().is_malformed());
    }
}
