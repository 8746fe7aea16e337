use std::fmt;

/// Why a key, note, checkpoint, proof or receipt was not accepted.
///
/// The kinds stay private; ask with the predicates.
///
/// ```
/// use sealtrail_proof::{Checkpoint, SigningKey};
///
/// let mine = SigningKey::from_seed("shop.example/trail", &[1; 32])?;
/// let other = SigningKey::from_seed("shop.example/trail", &[2; 32])?;
/// let note = Checkpoint::new("shop.example/trail", 0, sealtrail_proof::hash::empty_root()).sign(&other)?;
///
/// let error = Checkpoint::verify(note.as_bytes(), &mine.verifier_key()).unwrap_err();
/// assert!(error.is_unknown_key());
/// # Ok::<(), sealtrail_proof::Error>(())
/// ```
#[derive(Debug)]
pub struct Error {
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// The bytes do not have the form that the specification gives them.
    Malformed { what: &'static str, why: String },
    /// No signature was made by the key that is trusted.
    UnknownKey { expected: String, found: Vec<String> },
    /// A signature says it is by the trusted key, and is not.
    BadSignature { key: String },
    /// The trusted key is none of those that the policy lists.
    UnlistedLog { expected: Vec<String>, found: String },
    /// Too few of the policy's witnesses cosigned.
    NotWitnessed { why: String },
    /// The note is about another log.
    Origin { expected: String, found: String },
    /// The hashes do not lead to the root.
    Mismatch { why: String },
    /// A question about a record or tree that is not there.
    OutOfRange { why: String },
}

impl Error {
    /// The text or bytes do not have the form that the specification asks for.
    pub fn is_malformed(&self) -> bool {
        matches!(self.kind, Kind::Malformed { .. })
    }

    /// The note is well formed, but nobody whom the caller trusts signed it.
    pub fn is_unknown_key(&self) -> bool {
        matches!(self.kind, Kind::UnknownKey { .. } | Kind::UnlistedLog { .. })
    }

    /// The log signed, but fewer witnesses cosigned than the policy wants.
    pub fn is_not_witnessed(&self) -> bool {
        matches!(self.kind, Kind::NotWitnessed { .. })
    }

    /// A signature carries the name and id of the trusted key, but does not verify.
    pub fn is_bad_signature(&self) -> bool {
        matches!(self.kind, Kind::BadSignature { .. })
    }

    /// The checkpoint is of a log with another origin.
    pub fn is_other_origin(&self) -> bool {
        matches!(self.kind, Kind::Origin { .. })
    }

    /// The proof does not connect what it should connect.
    pub fn is_mismatch(&self) -> bool {
        matches!(self.kind, Kind::Mismatch { .. })
    }

    /// What is asked about is not in the tree.
    pub fn is_out_of_range(&self) -> bool {
        matches!(self.kind, Kind::OutOfRange { .. })
    }

    pub(crate) fn malformed(what: &'static str, why: impl Into<String>) -> Self {
        Kind::Malformed { what, why: why.into() }.into()
    }

    pub(crate) fn unknown_key(expected: String, found: Vec<String>) -> Self {
        Kind::UnknownKey { expected, found }.into()
    }

    pub(crate) fn unlisted_log(name: &str, id: u32, expected: Vec<String>) -> Self {
        Kind::UnlistedLog { expected, found: format!("{name}+{id:08x}") }.into()
    }

    pub(crate) fn not_witnessed(why: String) -> Self {
        Kind::NotWitnessed { why }.into()
    }

    pub(crate) fn bad_signature(key: String) -> Self {
        Kind::BadSignature { key }.into()
    }

    pub(crate) fn origin(expected: &str, found: &str) -> Self {
        Kind::Origin { expected: expected.into(), found: found.into() }.into()
    }

    pub(crate) fn mismatch(why: impl Into<String>) -> Self {
        Kind::Mismatch { why: why.into() }.into()
    }

    pub(crate) fn out_of_range(why: impl Into<String>) -> Self {
        Kind::OutOfRange { why: why.into() }.into()
    }
}

impl From<Kind> for Error {
    fn from(kind: Kind) -> Self {
        Self { kind }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Malformed { what, why } => write!(f, "malformed {what}: {why}"),
            Kind::UnknownKey { expected, found } if found.is_empty() => {
                write!(f, "expected a signature by `{expected}`, got none")
            }
            Kind::UnknownKey { expected, found } => {
                write!(f, "expected a signature by `{expected}`, got only `{}`", found.join("`, `"))
            }
            Kind::UnlistedLog { expected, found } => write!(
                f,
                "expected a log of the witness policy, `{}`, got `{found}`",
                expected.join("` or `")
            ),
            Kind::BadSignature { key } => write!(f, "the signature by `{key}` does not verify"),
            Kind::Origin { expected, found } => {
                write!(f, "expected a checkpoint of origin `{expected}`, got `{found}`")
            }
            Kind::NotWitnessed { why } | Kind::Mismatch { why } | Kind::OutOfRange { why } => {
                f.write_str(why)
            }
        }
    }
}

impl std::error::Error for Error {}
