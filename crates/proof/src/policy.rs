//! Trust policies: which log, and cosignatures by which witnesses, make a checkpoint believable (C2SP
//! tlog-policy).
//!
//! ```text
//! # a comment
//! log <vkey> [<url>]
//! witness <name> <vkey> [<url>]
//! group <name> all|any|<k> <name>…
//! quorum <name>|none
//! ```
//!
//! Fields are separated by spaces and tabs, every line ends in LF. A group or quorum names witnesses and
//! groups of earlier lines; no name is a member twice. There is one quorum.
//!
//! Logs have Ed25519 keys (type 1) here, witnesses Ed25519 cosignature keys (type 4); a policy with keys of
//! other types is refused, because it would be read as something weaker than it says.

mod parse;
mod quorum;

use crate::{Checkpoint, Error, Note, VerifierKey, WitnessKey};

pub use parse::MAX_BYTES;

/// What errors call it: other things are policies too.
const WHAT: &str = "witness policy";

/// Decides whether a checkpoint is to be believed.
///
/// ```
/// use sealtrail_proof::{Checkpoint, CosigningKey, Note, Policy, SigningKey, hash};
///
/// let log = SigningKey::from_seed("shop.example/trail", &[1; 32])?;
/// let [ours, theirs] = [2, 3].map(|seed| CosigningKey::from_seed("w.example", &[seed; 32]).unwrap());
/// let policy = Policy::parse(format!(
///     "log {}\nwitness ours {}\nwitness theirs {}\ngroup both all ours theirs\nquorum both\n",
///     log.verifier_key(), ours.witness_key(), theirs.witness_key(),
/// ).as_bytes())?;
///
/// let note = Checkpoint::new("shop.example/trail", 0, hash::empty_root()).sign(&log)?;
/// let mut note = Note::parse(note.as_bytes())?;
/// note.add(&ours.cosign(&note, &log.verifier_key(), 1_700_000_000)?)?;
/// let error = policy.check(&note).unwrap_err();
/// assert!(error.is_not_witnessed());
/// assert_eq!(
///     error.to_string(),
///     "the quorum is not met: expected 2 of `ours`, `theirs` for `both`, got 1; cosigned by `ours`"
/// );
///
/// note.add(&theirs.cosign(&note, &log.verifier_key(), 1_700_000_060)?)?;
/// let verified = policy.check(&note)?;
/// assert_eq!(verified.checkpoint().size(), 0);
/// assert_eq!(verified.witnesses()[1].name(), "theirs");
/// # Ok::<(), sealtrail_proof::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Policy {
    logs: Vec<VerifierKey>,
    witnesses: Vec<Witness>,
    groups: Vec<Group>,
    /// None when no cosignature is asked for.
    quorum: Option<Member>,
}

/// A witness as a policy knows it.
#[derive(Clone, Debug)]
pub struct Witness {
    name: String,
    key: WitnessKey,
    url: Option<String>,
}

/// At least `threshold` of the members, all of which stand on earlier lines.
#[derive(Clone, Debug)]
struct Group {
    name: String,
    threshold: usize,
    members: Vec<Member>,
}

/// Index of a witness or a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Member {
    Witness(usize),
    Group(usize),
}

/// A checkpoint that a policy believes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    checkpoint: Checkpoint,
    witnesses: Vec<Cosigned>,
}

/// A witness that cosigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cosigned {
    name: String,
    time: u64,
}

impl Policy {
    /// Reads the text of a policy, strictly and within bounds; an error says which line.
    pub fn parse(text: &[u8]) -> Result<Self, Error> {
        parse::policy(text)
    }

    /// Believes a checkpoint that one of the policy's logs signed and its quorum cosigned.
    ///
    /// Signatures of strangers are ignored. One that claims to be by a log or witness of the policy and is
    /// not condemns the note, as signed-note recommends.
    pub fn check(&self, note: &Note) -> Result<Verified, Error> {
        if self.logs.is_empty() {
            let why = "it names no log, and the log's key is not given otherwise";
            return Err(Error::malformed(WHAT, why));
        }
        let origin = Checkpoint::parse(note.unverified_text())?.origin().to_owned();
        let mut failed = None;
        for log in self.logs.iter().filter(|log| log.name() == origin) {
            match Checkpoint::of_note(note, log) {
                Ok(checkpoint) => return self.cosigned(checkpoint, note),
                // A log may have had another key before; a forgery is none.
                Err(error) if error.is_unknown_key() => failed = Some(error),
                Err(error) => return Err(error),
            }
        }
        let names = || self.logs.iter().map(VerifierKey::name).collect::<Vec<_>>().join("` or `");
        Err(failed.unwrap_or_else(|| Error::origin(&names(), &origin)))
    }

    /// The same where the log is known: `log` must have signed, and be one of the policy's if it names any.
    pub fn check_log(&self, note: &Note, log: &VerifierKey) -> Result<Verified, Error> {
        self.check_listed(log)?;
        self.cosigned(Checkpoint::of_note(note, log)?, note)
    }

    /// What [`Policy::check_log`] asks of everybody but the log: whether `log` signed is another question.
    pub(crate) fn check_witnesses(
        &self,
        note: &Note,
        log: &VerifierKey,
    ) -> Result<Vec<Cosigned>, Error> {
        self.check_listed(log)?;
        self.cosigners(note)
    }

    /// The keys of the logs, in the order of their lines.
    pub fn logs(&self) -> &[VerifierKey] {
        &self.logs
    }

    /// The witnesses, in the order of their lines.
    pub fn witnesses(&self) -> &[Witness] {
        &self.witnesses
    }

    fn check_listed(&self, log: &VerifierKey) -> Result<(), Error> {
        if self.logs.is_empty() || self.logs.contains(log) {
            return Ok(());
        }
        let found = self.logs.iter().map(|log| format!("{}+{:08x}", log.name(), log.id()));
        Err(Error::unlisted_log(log.name(), log.id(), found.collect()))
    }

    fn cosigned(&self, checkpoint: Checkpoint, note: &Note) -> Result<Verified, Error> {
        Ok(Verified { checkpoint, witnesses: self.cosigners(note)? })
    }

    /// Those of the witnesses who cosigned, if they are enough.
    fn cosigners(&self, note: &Note) -> Result<Vec<Cosigned>, Error> {
        let times = self
            .witnesses
            .iter()
            .map(|witness| match note.verify_cosignature(&witness.key) {
                Ok(time) => Ok(Some(time)),
                Err(error) if error.is_unknown_key() => Ok(None),
                Err(error) => Err(error),
            })
            .collect::<Result<Vec<_>, _>>()?;
        self.check_quorum(&times.iter().map(Option::is_some).collect::<Vec<_>>())?;
        let cosigned = |(witness, time): (&Witness, Option<u64>)| {
            time.map(|time| Cosigned { name: witness.name.clone(), time })
        };
        Ok(self.witnesses.iter().zip(times).filter_map(cosigned).collect())
    }
}

impl Witness {
    /// What the policy calls it, which need not be the name of its key.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn key(&self) -> &WitnessKey {
        &self.key
    }

    /// Where it is reached (C2SP tlog-witness, the submission prefix), if the policy says so.
    pub fn url(&self) -> Option<&str> {
        self.url.as_deref()
    }
}

impl Verified {
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The witnesses of the policy that cosigned, in its order.
    pub fn witnesses(&self) -> &[Cosigned] {
        &self.witnesses
    }
}

impl Cosigned {
    /// What the policy calls the witness.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// When it cosigned, in POSIX seconds.
    pub fn time(&self) -> u64 {
        self.time
    }
}
