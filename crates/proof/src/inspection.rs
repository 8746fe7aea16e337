//! Each check of a receipt by itself, for somebody who wants to see where a proof fails.
//!
//! [`Receipt::verify`] stops at the first check that fails. Here every check is made that can be, so that a
//! changed line is told from a forged checkpoint: with the one the signature holds, with the other it does not.

use crate::policy::Cosigned;
use crate::{Checkpoint, Error, Hash, Note, Policy, Receipt, VerifierKey, entry_hash, leaf_hash};

/// What a check says; `None` where something that it needs could not be read.
pub type Check<T = ()> = Option<Result<T, Error>>;

/// What each check says.
///
/// ```
/// # use sealtrail_proof::*;
/// # let key = SigningKey::from_seed("shop.example/trail", &[7; 32])?;
/// # let line = b"{}";
/// # let root = leaf_hash(&entry_hash(line));
/// # let note = Checkpoint::new("shop.example/trail", 1, root).sign(&key)?;
/// # let receipt = Receipt::new(0, vec![], note).to_text();
/// # let vkey = key.verifier_key().to_string();
/// let whole = Inspection::of(receipt.as_bytes(), line, &vkey, None);
/// assert!(whole.holds());
///
/// let changed = Inspection::of(receipt.as_bytes(), b"{ }", &vkey, None);
/// assert!(changed.signature.unwrap().is_ok());
/// assert!(changed.inclusion.unwrap().unwrap_err().is_mismatch());
///
/// let witness = CosigningKey::from_seed("auditor.example/w1", &[8; 32])?.witness_key();
/// let policy = format!("witness w1 {witness}\nquorum w1\n");
/// let alone = Inspection::of(receipt.as_bytes(), line, &vkey, Some(policy.as_bytes()));
/// assert!(alone.signature.as_ref().unwrap().is_ok() && !alone.holds());
/// assert!(alone.witnesses.unwrap().unwrap().unwrap_err().is_not_witnessed());
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
    pub origin: Check,
    /// The key signed the checkpoint.
    pub signature: Check,
    /// The leaf is under the root of the checkpoint.
    pub inclusion: Check,
    /// Enough witnesses cosigned the checkpoint, and which ones; outside of it `None` where nobody asked for witnesses. A
    /// witness policy that cannot be read fails this check.
    pub witnesses: Option<Check<Vec<Cosigned>>>,
}

impl Inspection {
    /// Checks a receipt's text, a record's line without its LF, a verifier key's text and, where one is given, what the
    /// text of a witness policy asks for.
    pub fn of(receipt: &[u8], line: &[u8], key: &str, policy: Option<&[u8]>) -> Self {
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
        let note = read.as_ref().ok().map(|(_, note, _)| note);
        let witnesses = policy.map(|policy| cosigners(policy, note, key.as_ref().ok()));
        let receipt = read.map(|(receipt, _, checkpoint)| (receipt, checkpoint));
        let leaf = leaf_hash(&entry);
        Self { entry, leaf, receipt, key, origin, signature, inclusion, witnesses }
    }

    /// Whether every check was made and passed, which is when [`Receipt::verify`] accepts, or
    /// [`Receipt::verify_policy_log`] where a policy was given.
    pub fn holds(&self) -> bool {
        let passed = |check: &Check| matches!(check, Some(Ok(())));
        let read = self.receipt.is_ok() && self.key.is_ok();
        let witnessed = self.witnesses.as_ref().is_none_or(|made| matches!(made, Some(Ok(_))));
        read && passed(&self.origin)
            && passed(&self.signature)
            && passed(&self.inclusion)
            && witnessed
    }
}

/// Of a policy that cannot be read that is said, whatever else cannot be.
fn cosigners(
    policy: &[u8],
    note: Option<&Note>,
    log: Option<&VerifierKey>,
) -> Check<Vec<Cosigned>> {
    match Policy::parse(policy) {
        Ok(policy) => Some(policy.check_witnesses(note?, log?)),
        Err(error) => Some(Err(error)),
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
    use crate::{CosigningKey, SigningKey, inclusion};

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

    /// The same, its checkpoint cosigned.
    fn cosigned_receipt() -> String {
        let text = receipt();
        let (head, note) = text.split_once("\n\n").unwrap();
        let mut note = Note::parse(note.as_bytes()).unwrap();
        let log = key("a.example", 1).verifier_key();
        note.add(&witness("w.example", 8).cosign(&note, &log, 9).unwrap()).unwrap();
        format!("{head}\n\n{note}")
    }

    fn witness(name: &str, seed: u8) -> CosigningKey {
        CosigningKey::from_seed(name, &[seed; 32]).unwrap()
    }

    /// `v` never cosigns.
    fn policy(rest: &str) -> String {
        let [w, v] = [("w.example", 8), ("v.example", 9)].map(|(name, seed)| witness(name, seed));
        format!("witness w {}\nwitness v {}\n{rest}", w.witness_key(), v.witness_key())
    }

    /// Receipt, key, origin, signature, inclusion, and witnesses under a policy: `+` passed, `-` failed, `.` not made.
    fn told(receipt: &str, line: &[u8], key: &str, policy: Option<&str>) -> String {
        let found = Inspection::of(receipt.as_bytes(), line, key, policy.map(str::as_bytes));
        fn sign<T>(check: &Check<T>) -> char {
            match check {
                Some(Ok(_)) => '+',
                Some(Err(_)) => '-',
                None => '.',
            }
        }
        let read = |is_ok| if is_ok { '+' } else { '-' };
        let [receipt, key] = [found.receipt.is_ok(), found.key.is_ok()].map(read);
        let rest = [&found.origin, &found.signature, &found.inclusion].map(sign);
        let told: String = [receipt, key]
            .into_iter()
            .chain(rest)
            .chain(found.witnesses.as_ref().map(sign))
            .collect();
        assert_eq!(found.holds(), told.chars().all(|sign| sign == '+'), "{told}");
        told
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
            assert_eq!(told(text, line, key, None), told_as, "{text}");
        }
    }

    #[test]
    fn witnesses_are_a_check_of_their_own() {
        let (alone, whole) = (receipt(), cosigned_receipt());
        let vkey = key("a.example", 1).verifier_key().to_string();
        let stranger = key("a.example", 2).verifier_key().to_string();
        let (one, both) = (policy("quorum w\n"), policy("group all all w v\nquorum all\n"));
        let listed = policy(&format!("log {vkey}\nquorum w\n"));
        let broken = policy("quorum w\nquorum v\n");
        let resized = whole.replace("a.example\n5\n", "a.example\n6\n");
        let no_proof = "no proof".to_owned();
        for (text, line, key, policy, told_as) in [
            (&whole, "3", &vkey, &one, "++++++"),
            (&whole, "3", &vkey, &listed, "++++++"),
            (&whole, "3", &vkey, &both, "+++++-"),
            (&alone, "3", &vkey, &one, "+++++-"),
            (&alone, "3", &vkey, &policy("quorum none\n"), "++++++"),
            (&whole, "4", &vkey, &one, "++++-+"),
            (&resized, "3", &vkey, &one, "+++-+-"),
            // Who cosigned is asked whoever signed; whose log the policy is for, too.
            (&whole, "3", &stranger, &one, "+++-++"),
            (&whole, "3", &stranger, &listed, "+++-+-"),
            (&whole, "3", &"no key".into(), &one, "+-..+."),
            (&no_proof, "3", &vkey, &one, "-+...."),
            (&whole, "3", &vkey, &broken, "+++++-"),
            (&whole, "3", &vkey, &String::new(), "+++++-"),
            (&no_proof, "3", &String::new(), &broken, "--...-"),
        ] {
            let told = told(text, line.as_bytes(), key, Some(policy.as_str()));
            assert_eq!(told, told_as, "{text}\n{policy}");
        }
    }

    #[test]
    fn a_check_of_witnesses_says_who_cosigned_or_what_is_wrong() {
        let vkey = key("a.example", 1).verifier_key().to_string();
        let check = |policy: &str| {
            let receipt = cosigned_receipt();
            let policy = Some(policy.as_bytes());
            Inspection::of(receipt.as_bytes(), b"3", &vkey, policy).witnesses.unwrap().unwrap()
        };
        let found = check(&policy("group any any v w\nquorum any\n")).unwrap();
        let found: Vec<_> = found.iter().map(|found| (found.name(), found.time())).collect();
        assert_eq!(found, [("w", 9)]);
        for (rest, said) in [
            (
                "group all all w v\nquorum all\n",
                "the quorum is not met: expected 2 of `w`, `v` for `all`, got 1; cosigned by `w`",
            ),
            (
                "quorum u\n",
                "malformed witness policy: line 3: expected a witness or group of an earlier line, got `u`",
            ),
        ] {
            assert_eq!(check(&policy(rest)).unwrap_err().to_string(), said);
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
            let holds = Inspection::of(&bytes, b"3", &vkey.to_string(), None).holds();
            assert_eq!(holds, verified, "byte {i}");
        }
    }

    #[test]
    fn under_a_policy_it_holds_when_the_receipt_verifies_under_it() {
        let vkey = key("a.example", 1).verifier_key();
        let judge = |receipt: &[u8], policy: &[u8]| {
            let verified = Policy::parse(policy).and_then(|policy| {
                Receipt::parse(receipt)?.verify_policy_log(b"3", &policy, &vkey).map(drop)
            });
            let holds = Inspection::of(receipt, b"3", &vkey.to_string(), Some(policy)).holds();
            assert_eq!(holds, verified.is_ok(), "{verified:?}");
            holds
        };
        let receipt = cosigned_receipt().into_bytes();
        let policy = policy(&format!("log {vkey}\ngroup any any v w\nquorum any\n")).into_bytes();
        assert!(judge(&receipt, &policy));
        for i in 0..receipt.len() {
            let mut changed = receipt.clone();
            changed[i] ^= 1;
            assert!(!judge(&changed, &policy), "byte {i}");
        }
        for i in 0..policy.len() {
            let mut changed = policy.clone();
            changed[i] ^= 1;
            judge(&receipt, &changed);
        }
    }
}
