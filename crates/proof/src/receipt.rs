//! Receipts: the proof of one record in one file (C2SP tlog-proof, `.tlog-proof`).
//!
//! ```text
//! c2sp.org/tlog-proof@v1
//! [extra <base64>]
//! index <decimal>
//! <base64(hash)>…            the inclusion proof, from the leaf's sibling to the root's child
//! <empty line>
//! <checkpoint, a signed note, verbatim>
//! ```

use base64ct::{Base64, Encoding};

use crate::checkpoint::{decimal, hash};
use crate::note::MAX_BYTES as MAX_NOTE;
use crate::policy::Verified;
use crate::{Checkpoint, Error, Hash, Note, Policy, VerifierKey, entry_hash, inclusion, leaf_hash};

const HEADER: &str = "c2sp.org/tlog-proof@v1";
const WHAT: &str = "receipt";

/// A path in a tree of at most 2^64 leaves has at most 64 hashes.
const MAX_PATH: usize = 64;

/// Bytes of the largest receipt that is read: a note, a path, and as much again of extra data.
const MAX_BYTES: usize = 2 * MAX_NOTE + MAX_PATH * 45 + 128;

/// Proves to anybody who holds the verifier key that one line is in the log, without the log.
///
/// See the [crate's example](crate) for the way from a line to a checked receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    extra: Option<Vec<u8>>,
    index: u64,
    path: Vec<Hash>,
    checkpoint: String,
}

impl Receipt {
    /// Puts a receipt together; `checkpoint` is the signed note, verbatim.
    pub fn new(index: u64, path: Vec<Hash>, checkpoint: String) -> Self {
        Self { extra: None, index, path, checkpoint }
    }

    /// Reads a receipt, strictly and within bounds. Nothing is verified yet.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let malformed = |why: &str| Error::malformed(WHAT, why);
        if bytes.len() > MAX_BYTES {
            return Err(Error::malformed(
                WHAT,
                format!("expected at most {MAX_BYTES} bytes, got {}", bytes.len()),
            ));
        }
        let text = str::from_utf8(bytes).map_err(|_| malformed("it is not UTF-8"))?;
        let (head, checkpoint) = text
            .split_once("\n\n")
            .ok_or_else(|| malformed("expected an empty line before the checkpoint"))?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(HEADER) {
            return Err(malformed("expected `c2sp.org/tlog-proof@v1` in line 1"));
        }
        let extra = match lines.next_if(|line| line.starts_with("extra ")) {
            None => None,
            Some(line) => Some(
                Base64::decode_vec(&line["extra ".len()..])
                    .map_err(|_| malformed("expected base64 after `extra`"))?,
            ),
        };
        let index = lines
            .next()
            .and_then(|line| decimal(line.strip_prefix("index ")?))
            .ok_or_else(|| malformed("expected `index` and a decimal number"))?;
        let path: Vec<Hash> = lines
            .take(MAX_PATH + 1)
            .map(|line| hash(line).ok_or_else(|| malformed("expected base64 of 32 bytes per line")))
            .collect::<Result<_, _>>()?;
        if path.len() > MAX_PATH {
            return Err(malformed("expected at most 64 hashes"));
        }
        Ok(Self { extra, index, path, checkpoint: checkpoint.into() })
    }

    /// The file's text.
    pub fn to_text(&self) -> String {
        let mut text = format!("{HEADER}\n");
        if let Some(extra) = &self.extra {
            text.push_str(&format!("extra {}\n", Base64::encode_string(extra)));
        }
        text.push_str(&format!("index {}\n", self.index));
        for hash in &self.path {
            text.push_str(&Base64::encode_string(hash));
            text.push('\n');
        }
        text.push('\n');
        text.push_str(&self.checkpoint);
        text
    }

    /// Checks that `line` (without its LF) is the record at this index of a tree that `key` signed.
    ///
    /// Returns the checkpoint that vouches for it.
    pub fn verify(&self, line: &[u8], key: &VerifierKey) -> Result<Checkpoint, Error> {
        self.verify_entry(&entry_hash(line), key)
    }

    /// The same for whoever holds only the digest of the line.
    pub fn verify_entry(&self, entry: &Hash, key: &VerifierKey) -> Result<Checkpoint, Error> {
        let checkpoint = Checkpoint::verify(self.checkpoint.as_bytes(), key)?;
        self.leads_to(&checkpoint, entry)?;
        Ok(checkpoint)
    }

    /// Checks that `line` (without its LF) is the record at this index of a tree that `policy` believes:
    /// signed by one of its logs, and cosigned by its quorum of witnesses.
    ///
    /// ```
    /// # use sealtrail_proof::*;
    /// # let log = SigningKey::from_seed("shop.example/trail", &[7; 32])?;
    /// # let witness = CosigningKey::from_seed("auditor.example/w1", &[8; 32])?;
    /// # let line = b"{}";
    /// # let root = leaf_hash(&entry_hash(line));
    /// # let note = Checkpoint::new("shop.example/trail", 1, root).sign(&log)?;
    /// # let mut note = Note::parse(note.as_bytes())?;
    /// # let (vkey, wkey) = (log.verifier_key(), witness.witness_key());
    /// let policy = Policy::parse(format!("log {vkey}\nwitness w1 {wkey}\nquorum w1\n").as_bytes())?;
    /// let alone = Receipt::new(0, vec![], note.to_string());
    /// assert!(alone.verify_policy(line, &policy).unwrap_err().is_not_witnessed());
    ///
    /// note.add(&witness.cosign(&note, &vkey, 1_700_000_000)?)?;
    /// let verified = Receipt::new(0, vec![], note.to_string()).verify_policy(line, &policy)?;
    /// assert_eq!(verified.witnesses()[0].name(), "w1");
    /// # Ok::<(), Error>(())
    /// ```
    pub fn verify_policy(&self, line: &[u8], policy: &Policy) -> Result<Verified, Error> {
        let verified = policy.check(&Note::parse(self.checkpoint.as_bytes())?)?;
        self.leads_to(verified.checkpoint(), &entry_hash(line))?;
        Ok(verified)
    }

    /// The same where the log is known, see [`Policy::check_log`].
    pub fn verify_policy_log(
        &self,
        line: &[u8],
        policy: &Policy,
        log: &VerifierKey,
    ) -> Result<Verified, Error> {
        let verified = policy.check_log(&Note::parse(self.checkpoint.as_bytes())?, log)?;
        self.leads_to(verified.checkpoint(), &entry_hash(line))?;
        Ok(verified)
    }

    /// Checks the path alone: nobody has said whose checkpoint it is.
    pub(crate) fn leads_to(&self, checkpoint: &Checkpoint, entry: &Hash) -> Result<(), Error> {
        let (leaf, size) = (leaf_hash(entry), checkpoint.size());
        inclusion::verify(&leaf, self.index, size, &self.path, checkpoint.root())
    }

    /// The record's index in the log.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// The checkpoint, a signed note that nobody has verified yet.
    pub fn checkpoint_note(&self) -> &str {
        &self.checkpoint
    }

    /// Data that came with the receipt and that nothing vouches for.
    pub fn unauthenticated_extra(&self) -> Option<&[u8]> {
        self.extra.as_deref()
    }

    /// Adds data that nothing will vouch for.
    #[must_use]
    pub fn with_unauthenticated_extra(mut self, extra: Vec<u8>) -> Self {
        self.extra = Some(extra);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::tests::{leaves, merkle_tree_hash};
    use crate::subtree::tests::tiles_of;
    use crate::{CosigningKey, SigningKey};

    fn key() -> SigningKey {
        SigningKey::from_seed("a.example", &[1; 32]).unwrap()
    }

    /// A receipt of line `index` of lines "0", "1", …
    fn receipt(index: u64, size: usize) -> Receipt {
        let leaves = leaves(size);
        let path = inclusion::prove(index, size as u64, tiles_of(&leaves)).unwrap();
        let checkpoint = Checkpoint::new("a.example", size as u64, merkle_tree_hash(&leaves));
        Receipt::new(index, path, checkpoint.sign(&key()).unwrap())
    }

    #[test]
    fn reads_what_it_writes() {
        for (index, size) in [(0, 1), (3, 5), (299, 300)] {
            for extra in [None, Some(vec![]), Some(b"where it came from".to_vec())] {
                let mut receipt = receipt(index, size);
                receipt.extra = extra;
                let text = receipt.to_text();
                let read = Receipt::parse(text.as_bytes()).unwrap();
                assert_eq!(read, receipt);
                let line = index.to_string();
                let checkpoint = read.verify(line.as_bytes(), &key().verifier_key()).unwrap();
                assert_eq!(checkpoint.size(), size as u64);
            }
        }
    }

    #[test]
    fn anything_changed_is_noticed() {
        let vkey = key().verifier_key();
        let text = receipt(3, 5).to_text();
        let check = |text: &str, line: &[u8], vkey: &VerifierKey| {
            Receipt::parse(text.as_bytes())?.verify(line, vkey).map(|_| ())
        };
        check(&text, b"3", &vkey).unwrap();
        assert!(check(&text, b"4", &vkey).unwrap_err().is_mismatch());
        let moved = text.replace("index 3", "index 2");
        assert!(check(&moved, b"3", &vkey).unwrap_err().is_mismatch());
        let stranger = SigningKey::from_seed("a.example", &[2; 32]).unwrap();
        let error = check(&text, b"3", &stranger.verifier_key()).unwrap_err();
        assert!(error.is_unknown_key());
        let resized = text.replace("a.example\n5\n", "a.example\n6\n");
        assert!(check(&resized, b"3", &vkey).unwrap_err().is_bad_signature());

        // Every single byte counts, in form or in content.
        for i in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[i] ^= 1;
            let read = Receipt::parse(&bytes).and_then(|receipt| receipt.verify(b"3", &vkey));
            assert!(read.is_err(), "byte {i}");
        }
    }

    #[test]
    fn under_a_policy_every_byte_counts_too() {
        let witness = CosigningKey::from_seed("w.example", &[2; 32]).unwrap();
        let (vkey, wkey) = (key().verifier_key(), witness.witness_key());
        let text = format!("log {vkey}\nwitness w {wkey}\nquorum w\n");
        let policy = Policy::parse(text.as_bytes()).unwrap();
        let mut receipt = receipt(3, 5);
        assert!(receipt.verify_policy(b"3", &policy).unwrap_err().is_not_witnessed());
        let mut note = Note::parse(receipt.checkpoint.as_bytes()).unwrap();
        note.add(&witness.cosign(&note, &vkey, 9).unwrap()).unwrap();
        receipt.checkpoint = note.to_string();
        let text = receipt.to_text();
        receipt.verify_policy(b"3", &policy).unwrap();
        receipt.verify_policy_log(b"3", &policy, &vkey).unwrap();
        assert!(receipt.verify_policy(b"4", &policy).unwrap_err().is_mismatch());
        let stranger = SigningKey::from_seed("a.example", &[9; 32]).unwrap().verifier_key();
        assert!(receipt.verify_policy_log(b"3", &policy, &stranger).is_err());
        for i in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[i] ^= 1;
            let read = Receipt::parse(&bytes).and_then(|r| r.verify_policy(b"3", &policy));
            assert!(read.is_err(), "byte {i}");
        }
    }

    #[test]
    fn broken_receipts_are_refused() {
        let good = receipt(3, 5).to_text();
        for text in [
            String::new(),
            good.replace("@v1", "@v2"),
            good.replace("index 3\n", ""),
            good.replace("index 3", "index 03"),
            good.replace("index 3", "index -3"),
            good.replace("index 3", "extra AAAA\nextra AAAA\nindex 3"),
            good.replace("index 3", "extra AA\nindex 3"),
            good.replace("index 3", &format!("index 3{}", "\nAAAA".repeat(3))),
            good.replace(
                "index 3",
                &format!("index 3{}", format!("\n{}=", "A".repeat(43)).repeat(65)),
            ),
            good.replace("\n\n", "\n"),
            "x".repeat(MAX_BYTES + 1),
        ] {
            let error = Receipt::parse(text.as_bytes())
                .and_then(|receipt| receipt.verify(b"3", &key().verifier_key()))
                .unwrap_err();
            assert!(error.is_malformed(), "{text}: {error}");
        }
    }
}
