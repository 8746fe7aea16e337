//! Tokens that we make: `st_` and 32 random bytes in base64url.
//!
//! A file holds their SHA-256, in TOML, and never a token:
//!
//! ```toml
//! [[token]]
//! name = "support"                        # who that is, in records and logs
//! sha256 = "9f86d081884c7d659a2feaa0c5…"  # of the token, 64 hexadecimal digits
//! roles = ["reader", "revealer"]
//! groups = ["contact"]                    # of a revealer
//! # services = ["billing"]                # of a writer or sealer: the services that he may write for; leave out for any
//! expires = "2027-02-20T00:00:00Z"        # leave out for never
//! ```
//!
//! 256 random bits need no slow hash. The file is looked at again when it has changed, at most once a second: a line
//! that is taken out is a token that is refused.

mod digest;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::{Deserialize, Serialize};
use toml::de::DeTable;
use zeroize::Zeroizing;

use self::digest::Digest;
use super::role::Grants;
use crate::clock::Moment;
use crate::code::Code;
use crate::error::{Error, Result, shown};

pub const PREFIX: &str = "st_";

const LARGEST_FILE: u64 = 4 << 20;
const MAX_NAME: usize = 128;
/// How old what was read of the file may be.
const FRESH: Duration = Duration::from_secs(1);

/// One token as the file has it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    pub name: String,
    pub sha256: String,
    pub roles: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
}

/// The tokens of a file, kept up to date.
pub struct TokenFile {
    path: PathBuf,
    read: Mutex<Read>,
}

struct Read {
    at: Instant,
    stamp: Option<Stamp>,
    /// Which file could not be read, and that was told.
    refused: Option<Option<Stamp>>,
    tokens: Arc<Tokens>,
}

/// A file that has changed has another one.
type Stamp = (SystemTime, u64, u64, i64, i64);

/// What a file says.
#[derive(Default)]
pub struct Tokens(Vec<Token>);

struct Token {
    name: String,
    digest: Digest,
    grants: Grants,
    expires: Option<Moment>,
}

/// What a token that was sent is.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    Good { name: String, grants: Grants },
    Expired,
    Unknown,
}

/// A new token, which nobody has seen yet.
pub fn generate() -> Result<Zeroizing<String>> {
    let mut bytes = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *bytes)
        .map_err(|_| Error::new(Code::Internal, "the system gives no random bytes"))?;
    let encoded = Zeroizing::new(Base64UrlUnpadded::encode_string(&*bytes));
    Ok(Zeroizing::new(format!("{PREFIX}{}", *encoded)))
}

/// As the file has it.
pub fn sha256_hex(token: &str) -> String {
    Digest::of(token).to_hex()
}

impl TokenFile {
    /// A file that cannot be read or has something wrong in it is refused.
    pub fn open(path: &Path) -> Result<Self> {
        let stamp = stamp(path);
        let tokens = Arc::new(Tokens::read(path)?);
        let read = Mutex::new(Read { at: Instant::now(), stamp, refused: None, tokens });
        Ok(Self { path: path.to_owned(), read })
    }

    pub fn find(&self, token: &str, now: Moment) -> Found {
        self.tokens().find(token, now)
    }

    /// A file that is gone holds no tokens. One that has something wrong in it leaves what was read before, and an
    /// error in the log: it may be half written.
    fn tokens(&self) -> Arc<Tokens> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if read.at.elapsed() < FRESH {
            return read.tokens.clone();
        }
        read.at = Instant::now();
        let stamp = stamp(&self.path);
        if stamp == read.stamp {
            return read.tokens.clone();
        }
        match Tokens::read(&self.path) {
            Ok(tokens) => read.tokens = Arc::new(tokens),
            Err(_) if stamp.is_none() => read.tokens = Arc::default(),
            Err(error) => {
                // It is tried again, whatever the reason was, and told once.
                if read.refused != Some(stamp) {
                    tracing::error!(%error, "the tokens are those that were read before");
                    read.refused = Some(stamp);
                }
                return read.tokens.clone();
            }
        }
        (read.stamp, read.refused) = (stamp, None);
        tracing::info!(tokens = read.tokens.0.len(), "the file of tokens was read again");
        read.tokens.clone()
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    use std::os::unix::fs::MetadataExt;
    let metadata = std::fs::metadata(path).ok()?;
    // Of a file whose rights have changed too.
    let changed = (metadata.ctime(), metadata.ctime_nsec());
    Some((metadata.modified().ok()?, metadata.len(), metadata.ino(), changed.0, changed.1))
}

impl Tokens {
    pub fn read(path: &Path) -> Result<Self> {
        let refused = |message: String| Error::new(Code::KeyFile, message).context(path.display());
        let metadata = std::fs::metadata(path).map_err(|e| refused(e.to_string()))?;
        if metadata.len() > LARGEST_FILE {
            return Err(refused(format!("expected at most {LARGEST_FILE} bytes of tokens")));
        }
        let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions());
        if mode & 0o002 != 0 {
            let mode = mode & 0o777;
            return Err(refused(format!(
                "writable by everybody (mode {mode:03o}); `chmod 600` it"
            )));
        }
        let text = std::fs::read_to_string(path).map_err(|e| refused(e.to_string()))?;
        Self::parse(&text).map_err(|error| error.context(path.display()))
    }

    pub fn parse(text: &str) -> Result<Self> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct File {
            #[serde(default)]
            token: Vec<Entry>,
        }
        let refused = |message: String| Error::new(Code::KeyFile, message);
        // The message of the parser would show the line, and with it what somebody put in the wrong place.
        let file: File = toml::from_str(text).map_err(|e| {
            let line = e.span().map_or(0, |span| text[..span.start].matches('\n').count() + 1);
            refused(format!("expected tables `[[token]]` of name, sha256, roles, groups, services and expires; line {line}: {}", without_values(e.message())))
        })?;
        let mut tokens: Vec<Token> = Vec::with_capacity(file.token.len());
        for (i, entry) in file.token.into_iter().enumerate() {
            let wrong = |(key, what): Wrong| {
                refused(format!("token {}: {what}", i + 1)).in_line(line_of(text, i, key))
            };
            let token = Token::of(entry).map_err(wrong)?;
            if let Some(other) = tokens.iter().position(|other| other.digest.is(&token.digest)) {
                let (number, line) = (other + 1, line_of(text, other, "sha256"));
                let same = format!("token {number} in line {line} has the same sha256");
                return Err(wrong(("sha256", same)));
            }
            tokens.push(token);
        }
        Ok(Self(tokens))
    }

    /// Compares with all of them, each in constant time.
    fn find(&self, token: &str, now: Moment) -> Found {
        let digest = Digest::of(token);
        let mut found = None;
        for known in &self.0 {
            if known.digest.is(&digest) {
                found = Some(known);
            }
        }
        match found {
            None => Found::Unknown,
            Some(token) if token.expires.is_some_and(|expires| expires <= now) => Found::Expired,
            Some(Token { name, grants, .. }) => {
                Found::Good { name: name.clone(), grants: grants.clone() }
            }
        }
    }
}

/// A parser's message up to the first thing that it quotes, unless that is the name of a field.
fn without_values(message: &str) -> &str {
    if message.starts_with("missing field") || message.starts_with("unknown field") {
        return message.lines().next().unwrap_or_default();
    }
    message.split([':', '`', '"', '\n']).next().unwrap_or_default()
}

/// Which key of an entry, and what is wrong with it.
type Wrong = (&'static str, String);

/// The line of a key of the nth token, or of the token where it has no such key.
fn line_of(text: &str, nth: usize, key: &str) -> u64 {
    let file = DeTable::parse(text).ok();
    let entry = file.as_ref().and_then(|file| file.get_ref().get("token")?.get_ref().get(nth));
    let value = entry.and_then(|entry| entry.get_ref().get(key)).or(entry);
    value.map_or(0, |value| text[..value.span().start].matches('\n').count() as u64 + 1)
}

impl Token {
    fn of(entry: Entry) -> Result<Self, Wrong> {
        let Entry { name, sha256, roles, groups, services, expires } = entry;
        if name.trim().is_empty() || name.len() > MAX_NAME || name.chars().any(char::is_control) {
            let what = format!("name must be 1 to {MAX_NAME} bytes without control characters");
            return Err(("name", what));
        }
        // Not shown: it may be the token itself.
        let digest = Digest::parse(&sha256).ok_or_else(|| {
            let what = "sha256 must be 64 hexadecimal digits in lower case, of the token and not the token";
            ("sha256", what.to_owned())
        })?;
        let grants = Grants::parse(&roles, &groups).map_err(|what| ("roles", what))?;
        let grants = grants.for_services(&services).map_err(|what| ("services", what))?;
        let expires = expires.map(|text| {
            let expected = "expires must be a time like `2027-02-20T00:00:00Z`";
            Moment::parse(&text).ok_or_else(|| match text.starts_with(PREFIX) {
                true => ("expires", expected.to_owned()),
                false => ("expires", format!("{expected}, got `{}`", shown(&text))),
            })
        });
        Ok(Self { name, digest, grants, expires: expires.transpose()? })
    }
}

#[cfg(test)]
mod tests;
