//! Checkpoints: the signed head of a tree (C2SP tlog-checkpoint).
//!
//! ```text
//! <origin>
//! <tree size, decimal>
//! <base64(root hash)>
//! [<extension line>…]
//! ```

use base64ct::{Base64, Encoding};

use crate::key::check_name;
use crate::{Error, Hash, Note, SigningKey, VerifierKey};

const WHAT: &str = "checkpoint";

/// What a log says of itself at one size.
///
/// ```
/// use sealtrail_proof::{Checkpoint, SigningKey, hash};
///
/// let key = SigningKey::from_seed("shop.example/trail", &[1; 32])?;
/// let empty = Checkpoint::new("shop.example/trail", 0, hash::empty_root());
/// let note = empty.sign(&key)?;
/// assert_eq!(Checkpoint::verify(note.as_bytes(), &key.verifier_key())?, empty);
/// # Ok::<(), sealtrail_proof::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    origin: String,
    size: u64,
    root: Hash,
    extensions: Vec<String>,
}

impl Checkpoint {
    pub fn new(origin: &str, size: u64, root: Hash) -> Self {
        Self { origin: origin.into(), size, root, extensions: Vec::new() }
    }

    /// Signs it: the note that stands in a log's `checkpoint` file.
    ///
    /// The key must bear the origin's name, as tlog-checkpoint recommends and this log demands.
    pub fn sign(&self, key: &SigningKey) -> Result<String, Error> {
        check_name(&self.origin)?;
        if key.name() != self.origin {
            return Err(Error::origin(key.name(), &self.origin));
        }
        Note::sign(&self.text(), key)
    }

    /// Reads a signed note and believes it only if `key` signed it and its origin is the key's name.
    pub fn verify(note: &[u8], key: &VerifierKey) -> Result<Self, Error> {
        Self::of_note(&Note::parse(note)?, key)
    }

    /// The same of a note that was read already.
    pub fn of_note(note: &Note, key: &VerifierKey) -> Result<Self, Error> {
        // Parsed before it is verified, so that a log of another origin is told by its name and not
        // as one more unknown key. Only the name goes into the message.
        let checkpoint = Self::parse(note.unverified_text())?;
        if checkpoint.origin != key.name() {
            return Err(Error::origin(key.name(), &checkpoint.origin));
        }
        note.verify(key)?;
        Ok(checkpoint)
    }

    /// Reads the text of a checkpoint, which says nothing of who signed it.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let malformed = |why: &str| Error::malformed(WHAT, why);
        let mut lines = text
            .strip_suffix('\n')
            .ok_or_else(|| malformed("expected a line feed at the end"))?
            .split('\n');
        let mut line =
            |what| lines.next().filter(|line| !line.is_empty()).ok_or_else(|| malformed(what));
        let origin = line("expected an origin in line 1")?;
        check_name(origin)?;
        let size = line("expected a tree size in line 2")?;
        let size =
            decimal(size).ok_or_else(|| malformed("expected a decimal tree size in line 2"))?;
        let root = line("expected a root hash in line 3")?;
        let root = hash(root).ok_or_else(|| malformed("expected base64 of 32 bytes in line 3"))?;
        let extensions: Vec<String> = lines.map(str::to_owned).collect();
        if extensions.iter().any(String::is_empty) {
            return Err(malformed("expected no empty extension line"));
        }
        Ok(Self { origin: origin.into(), size, root, extensions })
    }

    /// The text that is signed.
    pub fn text(&self) -> String {
        let mut text =
            format!("{}\n{}\n{}\n", self.origin, self.size, Base64::encode_string(&self.root));
        for line in &self.extensions {
            text.push_str(line);
            text.push('\n');
        }
        text
    }

    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The number of records under the root.
    pub fn size(&self) -> u64 {
        self.size
    }

    pub fn root(&self) -> &Hash {
        &self.root
    }

    /// The root as it stands in the checkpoint, base64.
    pub fn root_text(&self) -> String {
        Base64::encode_string(&self.root)
    }
}

/// A decimal number written the one way that the specifications allow.
pub(crate) fn decimal(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

/// A hash in base64, canonical.
pub(crate) fn hash(text: &str) -> Option<Hash> {
    let mut hash = [0; 32];
    let decoded = Base64::decode(text, &mut hash).ok()?.len();
    (decoded == 32).then_some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str =
        "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";

    #[test]
    fn reads_what_it_writes() {
        let checkpoint = Checkpoint::parse(GOOD).unwrap();
        assert_eq!(checkpoint.size(), 20_852_163);
        assert_eq!(checkpoint.text(), GOOD);
        let extended = format!("{GOOD}more\n");
        assert_eq!(Checkpoint::parse(&extended).unwrap().text(), extended);
    }

    #[test]
    fn broken_checkpoints_are_refused() {
        for text in [
            "".to_owned(),
            "\n".to_owned(),
            GOOD.trim_end().to_owned(),
            GOOD.replace("20852163", "020852163"),
            GOOD.replace("20852163", "+20852163"),
            GOOD.replace("20852163", ""),
            GOOD.replace("20852163", "18446744073709551616"),
            GOOD.replace("q2I=", "q2I"),
            GOOD.replace("q2I=", "q2J="),
            GOOD.replace("q2I=", "q2IA"),
            GOOD.replace("CsUY", ""),
            GOOD.replace("behind-the", "behind the"),
            format!("{GOOD}\n"),
            format!("{GOOD}more\n\n"),
        ] {
            assert!(Checkpoint::parse(&text).unwrap_err().is_malformed(), "{text}");
        }
    }

    #[test]
    fn another_origin_is_told_by_its_name() {
        let key = SigningKey::from_seed("a.example", &[1; 32]).unwrap();
        let other = SigningKey::from_seed("b.example", &[1; 32]).unwrap();
        let note = Checkpoint::new("b.example", 0, [0; 32]).sign(&other).unwrap();
        let error = Checkpoint::verify(note.as_bytes(), &key.verifier_key()).unwrap_err();
        assert!(error.is_other_origin());
        assert_eq!(
            error.to_string(),
            "expected a checkpoint of origin `a.example`, got `b.example`"
        );
        assert!(Checkpoint::new("b.example", 0, [0; 32]).sign(&key).is_err());
    }
}
