//! Each check of a receipt by itself, for somebody who wants to see where a proof fails.
//!
//! [`Receipt::verify`] stops at the first check that fails. Here every check is made that can be, so that a
//! changed line is told from a forged checkpoint: with the one the signature holds, with the other it does not.

use crate::{Checkpoint, Error, Hash, Note, Receipt, VerifierKey, entry_hash, leaf_hash};

/// What each check says; `None` where something that it needs could not be read.
///
/// ```
/// # use sealtrail_proof::*;
/// # let key = SigningKey::from_seed("shop.example/trail", &[7; 32])?;
/// # let line = b"{}";
/// # let root = leaf_hash(&entry_hash(line));
/// # let note = Checkpoint::new("shop.example/trail", 1, root).sign(&key)?;
/// # let receipt = Receipt::new(0, vec![], note).to_text();
/// # let vkey = key.verifier_key().to_string();
/// let whole = Inspection::of(receipt.as_bytes(), line, &vkey);
/// assert!(whole.holds());
///
/// let changed = Inspection::of(receipt.as_bytes(), b"{ }", &vkey);
/// assert!(changed.signature.unwrap().is_ok());
/// assert!(changed.inclusion.unwrap().unwrap_err().is_mismatch());
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug)]
pub struct Inspection {
    /// SHA-256 of the line.
    pub entry: Hash,
    /// The leaf of the tree that the line is.
    pub leaf: Hash,
    /// The receipt, and the checkpoint in it that nobody has believed yet.
    pub receipt: Result<(Receipt, Checkpoint), Error>,
    pub key: Result<VerifierKey, Error>,
    /// The checkpoint is of the log that the key belongs to.
    pub origin: Option<Result<(), Error>>,
    /// The key signed the checkpoint.
    pub signature: Option<Result<(), Error>>,
    /// The leaf is under the root of the checkpoint.
    pub inclusion: Option<Result<(), Error>>,
}

impl Inspection {
    /// Checks a receipt's text, a record's line without its LF, and a verifier key's text.
    pub fn of(receipt: &[u8], line: &[u8], key: &str) -> Self {
        let entry = entry_hash(line);
        let key = key.parse::<VerifierKey>();
        let read = read(receipt);
        let (mut origin, mut signature) = (None, None);
        if let (Ok((_, note, checkpoint)), Ok(key)) = (&read, &key) {
            origin = Some(match checkpoint.origin() == key.name() {
                true => Ok(()),
                false => Err(Error::origin(key.name(), checkpoint.origin())),
            });
            signature = Some(note.verify(key).map(drop));
        }
        let inclusion =
            read.as_ref().ok().map(|(receipt, _, checkpoint)| receipt.leads_to(checkpoint, &entry));
        let receipt = read.map(|(receipt, _, checkpoint)| (receipt, checkpoint));
        Self { entry, leaf: leaf_hash(&entry), receipt, key, origin, signature, inclusion }
    }

    /// Whether every check was made and passed, which is when [`Receipt::verify`] accepts.
    pub fn holds(&self) -> bool {
        let passed = |check: &Option<Result<(), Error>>| matches!(check, Some(Ok(())));
        let read = self.receipt.is_ok() && self.key.is_ok();
        read && passed(&self.origin) && passed(&self.signature) && passed(&self.inclusion)
    }
}

fn read(receipt: &[u8]) -> Result<(Receipt, Note, Checkpoint), Error> {
    let receipt = Receipt::parse(receipt)?;
    let note = Note::parse(receipt.checkpoint_note().as_bytes())?;
    let checkpoint = Checkpoint::parse(note.unverified_text())?;
    Ok((receipt, note, checkpoint))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::tests::{leaves, merkle_tree_hash};
    use crate::subtree::tests::tiles_of;
    use crate::{SigningKey, inclusion};

    fn key(name: &str, seed: u8) -> SigningKey {
        SigningKey::from_seed(name, &[seed; 32]).unwrap()
    }

    /// A receipt of line `3` of lines "0" to "4".
    fn receipt() -> String {
        let leaves = leaves(5);
        let path = inclusion::prove(3, 5, tiles_of(&leaves)).unwrap();
        let checkpoint = Checkpoint::new("a.example", 5, merkle_tree_hash(&leaves));
        Receipt::new(3, path, checkpoint.sign(&key("a.example", 1)).unwrap()).to_text()
    }

    /// Receipt, key, origin, signature, inclusion: `+` passed, `-` failed, `.` not made.
    fn told(receipt: &str, line: &[u8], key: &str) -> String {
        let found = Inspection::of(receipt.as_bytes(), line, key);
        let sign = |check: &Option<Result<(), Error>>| match check {
            Some(Ok(())) => '+',
            Some(Err(_)) => '-',
            None => '.',
        };
        let read = |is_ok| if is_ok { '+' } else { '-' };
        let [receipt, key] = [found.receipt.is_ok(), found.key.is_ok()].map(read);
        let rest = [&found.origin, &found.signature, &found.inclusion].map(sign);
        [receipt, key].iter().chain(&rest).collect()
    }

    #[test]
    fn each_fault_fails_its_own_check() {
        let text = receipt();
        let vkey = key("a.example", 1).verifier_key().to_string();
        let stranger = key("a.example", 2).verifier_key().to_string();
        let other = key("b.example", 1).verifier_key().to_string();
        let resized = text.replace("a.example\n5\n", "a.example\n6\n");
        for (text, line, key, told_as) in [
            (&text, &b"3"[..], &vkey, "+++++"),
            (&text, b"4", &vkey, "++++-"),
            (&text, b"3\n", &vkey, "++++-"),
            (&text.replace("index 3", "index 2"), b"3", &vkey, "++++-"),
            (&text.replace("index 3", "index 7"), b"3", &vkey, "++++-"),
            (&text, b"3", &stranger, "+++-+"),
            (&text, b"3", &other, "++--+"),
            (&resized, b"3", &vkey, "+++-+"),
            (&text, b"3", &"no key".into(), "+-..+"),
            (&"no proof".into(), b"3", &vkey, "-+..."),
            (&text.replace("@v1", "@v2"), b"4", &"".into(), "--..."),
        ] {
            assert_eq!(told(text, line, key), told_as, "{text}");
        }
    }

    #[test]
    fn it_holds_when_the_receipt_verifies() {
        let text = receipt();
        let vkey = key("a.example", 1).verifier_key();
        for i in 0..=text.len() {
            let mut bytes = text.clone().into_bytes();
            if let Some(byte) = bytes.get_mut(i) {
                *byte ^= 1;
            }
            let verified = Receipt::parse(&bytes).and_then(|r| r.verify(b"3", &vkey)).is_ok();
            let holds = Inspection::of(&bytes, b"3", &vkey.to_string()).holds();
            assert_eq!(holds, verified, "byte {i}");
        }
    }
}
