//! What a log hands to a witness: a checkpoint, and the proof that it extends the last one that the witness
//! cosigned (C2SP tlog-witness, the body of `add-checkpoint`).
//!
//! ```text
//! old <size of the last cosigned tree, decimal>
//! <base64(hash)>…            the consistency proof
//! <empty line>
//! <checkpoint, a signed note, verbatim>
//! ```

use base64ct::{Base64, Encoding};

use crate::checkpoint::{decimal, hash};
use crate::note::MAX_BYTES as MAX_NOTE;
use crate::{Error, Hash, Note};

const WHAT: &str = "add-checkpoint request";

/// The specification's bound.
const MAX_PROOF: usize = 63;

/// Bytes of the largest request that is read.
pub const MAX_BYTES: usize = MAX_NOTE + MAX_PROOF * 45 + 32;

/// A checkpoint and how it follows from an earlier one. Nothing of it is verified yet.
///
/// ```
/// use sealtrail_proof::{Checkpoint, Note, SigningKey, Submission, hash};
///
/// let key = SigningKey::from_seed("shop.example/trail", &[1; 32])?;
/// let note = Checkpoint::new("shop.example/trail", 0, hash::empty_root()).sign(&key)?;
/// let submission = Submission::new(0, vec![], Note::parse(note.as_bytes())?);
/// let text = submission.to_text();
/// assert!(text.starts_with("old 0\n\nshop.example/trail\n0\n"));
/// assert_eq!(Submission::parse(text.as_bytes())?, submission);
/// # Ok::<(), sealtrail_proof::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    old: u64,
    proof: Vec<Hash>,
    note: Note,
}

impl Submission {
    /// Puts a request together; `proof` is what [`consistency::prove`](crate::consistency::prove) gives.
    pub fn new(old: u64, proof: Vec<Hash>, note: Note) -> Self {
        Self { old, proof, note }
    }

    /// Reads a request, strictly and within bounds.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let malformed = |why: &str| Error::malformed(WHAT, why);
        if bytes.len() > MAX_BYTES {
            return Err(malformed("it is larger than any checkpoint and proof"));
        }
        let text = str::from_utf8(bytes).map_err(|_| malformed("it is not UTF-8"))?;
        let (head, note) = text
            .split_once("\n\n")
            .ok_or_else(|| malformed("expected an empty line before the checkpoint"))?;
        let mut lines = head.split('\n');
        let old = lines
            .next()
            .and_then(|line| decimal(line.strip_prefix("old ")?))
            .ok_or_else(|| malformed("expected `old` and a decimal number in line 1"))?;
        let proof: Vec<Hash> = lines
            .take(MAX_PROOF + 1)
            .map(|line| hash(line).ok_or_else(|| malformed("expected base64 of 32 bytes per line")))
            .collect::<Result<_, _>>()?;
        if proof.len() > MAX_PROOF {
            return Err(malformed("expected at most 63 hashes"));
        }
        Ok(Self { old, proof, note: Note::parse(note.as_bytes())? })
    }

    /// The body of the request.
    pub fn to_text(&self) -> String {
        let mut text = format!("old {}\n", self.old);
        for hash in &self.proof {
            text.push_str(&Base64::encode_string(hash));
            text.push('\n');
        }
        format!("{text}\n{}", self.note)
    }

    /// The size of the tree from which the proof leads.
    pub fn old(&self) -> u64 {
        self.old
    }

    pub fn proof(&self) -> &[Hash] {
        &self.proof
    }

    /// The checkpoint, which nobody has verified yet.
    pub fn note(&self) -> &Note {
        &self.note
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Checkpoint;

    /// The example of the specification.
    const EXAMPLE: &str = "\
old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

\u{2014} example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
\u{2014} example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=
";

    #[test]
    fn the_spec_s_example() {
        let submission = Submission::parse(EXAMPLE.as_bytes()).unwrap();
        assert_eq!((submission.old(), submission.proof().len()), (20_852_014, 4));
        let checkpoint = Checkpoint::parse(submission.note().unverified_text()).unwrap();
        assert_eq!(checkpoint.size(), 20_852_163);
        assert_eq!(submission.to_text(), EXAMPLE);
    }

    #[test]
    fn broken_requests_are_refused() {
        let hash = "PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n";
        let longer = |by: usize| EXAMPLE.replacen(hash, &hash.repeat(1 + by), 1);
        Submission::parse(longer(59).as_bytes()).unwrap();
        let (head, note) = EXAMPLE.split_once("\n\n").unwrap();
        for text in [
            String::new(),
            "old 0\n\n".into(),
            note.into(),
            EXAMPLE.replacen("old ", "", 1),
            EXAMPLE.replacen("old ", "Old ", 1),
            EXAMPLE.replacen("old ", "old  ", 1),
            EXAMPLE.replacen("old 2", "old 02", 1),
            EXAMPLE.replacen("old 2", "old -2", 1),
            EXAMPLE.replacen("old 20852014", "old 18446744073709551616", 1),
            EXAMPLE.replacen("20852014\n", "20852014 \n", 1),
            EXAMPLE.replacen("20852014\n", "20852014\r\n", 1),
            EXAMPLE.replacen("kaw=", "kaw", 1),
            EXAMPLE.replacen("kaw=", "kax=", 1),
            EXAMPLE.replacen("kaw=", "kawA", 1),
            longer(60),
            longer(3000),
            format!("{head}\n{note}"),
            EXAMPLE.trim_end().into(),
            format!("{EXAMPLE}{}", "x".repeat(MAX_BYTES)),
        ] {
            assert!(Submission::parse(text.as_bytes()).unwrap_err().is_malformed(), "{text}");
        }
        assert!(Submission::parse(b"old 0\n\n\xff\n\n").is_err());
    }
}
