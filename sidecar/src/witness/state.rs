//! The folder of a witness.
//!
//! ```text
//! key                                   the cosigning key, for its owner only
//! witness.vkey                          its public half
//! lock                                  whoever holds its lock is the witness
//! logs/<SHA-256 of origin>/checkpoint   the last cosigned checkpoint, with both signatures
//! logs/<…>/evidence/<…>/cosigned        the checkpoint that was cosigned
//! logs/<…>/evidence/<…>/presented       the checkpoint that contradicts it, signed by the log
//! logs/<…>/evidence/<…>/submission      the same with the proof that leads to it, where there was one
//! ```

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use sealtrail_log::proof::note::MAX_BYTES;
use sealtrail_log::proof::{Checkpoint, CosigningKey, Note, WitnessKey, entry_hash};
use zeroize::Zeroizing;

use crate::code::Code;
use crate::config::read_secret_file;
use crate::error::{Error, Result};

/// The folder, and the lock on it.
pub struct Folder {
    root: PathBuf,
    key: WitnessKey,
    _lock: File,
}

/// The last checkpoint of a log that was cosigned.
pub struct Last {
    pub note: String,
    pub checkpoint: Checkpoint,
    /// When, in POSIX seconds.
    pub time: u64,
}

/// Contradictions of one log that are kept; the first ones say it all.
const MAX_EVIDENCE: usize = 64;

/// Makes the folder and a new key in it. Nothing that is there already is overwritten.
pub fn create(root: &Path, name: &str) -> Result<WitnessKey> {
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *seed)
        .map_err(|_| Error::new(Code::Internal, "the system gives no random bytes"))?;
    let key = CosigningKey::from_seed(name, &seed)
        .map_err(|e| Error::new(Code::WrongUse, format!("--name: {e}")))?;
    make_folder(root)?;
    make_folder(&root.join("logs"))?;
    let path = root.join("key");
    let mut options = owner_only();
    let mut file = options.create_new(true).open(&path).map_err(|error| {
        if error.kind() == ErrorKind::AlreadyExists {
            let message = format!("`{}` is there already and is not overwritten", path.display());
            return Error::new(Code::KeyFile, message);
        }
        at(&path)(error)
    })?;
    file.write_all(key.secret_text().as_bytes())
        .and_then(|()| file.write_all(b"\n"))
        .and_then(|()| file.sync_all())
        .map_err(at(&path))?;
    replace(&root.join("witness.vkey"), &format!("{}\n", key.witness_key()))?;
    sync_folder(root)?;
    Ok(key.witness_key())
}

impl Folder {
    /// Takes the lock and reads the key.
    pub fn open(root: &Path) -> Result<(Self, CosigningKey)> {
        let secret = read_secret_file(&root.join("key"))?;
        let key =
            CosigningKey::parse(str::from_utf8(&secret).unwrap_or_default()).map_err(|e| {
                Error::new(Code::KeyFile, e.to_string()).context(root.join("key").display())
            })?;
        let path = root.join("lock");
        let lock = owner_only().create(true).truncate(false).open(&path).map_err(at(&path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => {
                let message =
                    format!("the witness in `{}` is in use by another process", root.display());
                return Err(Error::new(Code::LogInUse, message));
            }
            Err(fs::TryLockError::Error(error)) => return Err(at(&path)(error)),
        }
        Ok((Self { root: root.into(), key: key.witness_key(), _lock: lock }, key))
    }

    /// What was cosigned last. A state that cannot be read, or that this witness did not write, is an error
    /// and never taken for a log that was not seen before.
    pub fn last(&self, origin: &str) -> Result<Option<Last>> {
        let path = self.checkpoint(&hex(origin));
        let Some(note) = read(&path)? else { return Ok(None) };
        let damaged = |why: String| Error::new(Code::LogDamaged, why).context(path.display());
        let read = Note::parse(note.as_bytes()).and_then(|note| {
            let time = note.verify_cosignature(&self.key)?;
            Ok((Checkpoint::parse(note.unverified_text())?, time))
        });
        let (checkpoint, time) = read.map_err(|error| damaged(error.to_string()))?;
        if checkpoint.origin() != origin {
            return Err(damaged(format!(
                "expected the log of `{origin}`, got that of `{}`",
                checkpoint.origin()
            )));
        }
        Ok(Some(Last { note, checkpoint, time }))
    }

    /// The last cosigned note of the log whose origin has this digest, in hexadecimal.
    pub fn note_of_digest(&self, digest: &str) -> Result<Option<String>> {
        let is_digest =
            digest.len() == 64 && digest.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if is_digest { read(&self.checkpoint(digest)) } else { Ok(None) }
    }

    /// Durable when this returns: a power cut afterwards does not bring back what was there before.
    pub fn remember(&self, origin: &str, note: &Note) -> Result<()> {
        let path = self.checkpoint(&hex(origin));
        let folder = path.parent().expect("a checkpoint is in a folder");
        make_folder(folder)?;
        replace(&path, &note.to_string())
    }

    /// Keeps what proves that the log signed two histories; says where.
    pub fn keep_evidence(
        &self,
        last: &Last,
        presented: &Note,
        submission: Option<&str>,
    ) -> Result<PathBuf> {
        let presented_text = presented.to_string();
        let size = Checkpoint::parse(presented.unverified_text()).map_or(0, |c| c.size());
        let log = self.root.join("logs").join(hex(last.checkpoint.origin()));
        let all = log.join("evidence");
        let name = format!("{}-{size}-{}", last.checkpoint.size(), &hex(&presented_text)[..16]);
        let folder = all.join(name);
        make_folder(&log)?;
        make_folder(&all)?;
        if !folder.exists() {
            let kept = fs::read_dir(&all).map_err(at(&all))?.count();
            if kept >= MAX_EVIDENCE {
                return Ok(all);
            }
        }
        make_folder(&folder)?;
        replace(&folder.join("cosigned"), &last.note)?;
        replace(&folder.join("presented"), &presented_text)?;
        if let Some(submission) = submission {
            replace(&folder.join("submission"), submission)?;
        }
        Ok(folder)
    }

    fn checkpoint(&self, digest: &str) -> PathBuf {
        self.root.join("logs").join(digest).join("checkpoint")
    }
}

/// Puts a file in place, or replaces it: temporary file, sync, rename, sync of the folder.
pub fn replace(path: &Path, text: &str) -> Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".tmp");
    let temporary = PathBuf::from(temporary);
    // What is there under that name is removed and not written through.
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(at(&temporary)(error)),
        _ => {}
    }
    let create = OpenOptions::new().write(true).create_new(true).open(&temporary);
    let mut file = create.map_err(at(&temporary))?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(at(&temporary))?;
    fs::rename(&temporary, path).map_err(at(path))?;
    sync_folder(match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    })
}

fn read(path: &Path) -> Result<Option<String>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(at(path)(error)),
    };
    let mut text = String::new();
    file.take(MAX_BYTES as u64 + 1).read_to_string(&mut text).map_err(at(path))?;
    Ok(Some(text))
}

/// For the owner only; its own name is durable too.
fn make_folder(path: &Path) -> Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    match builder.create(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(at(path)(error)),
        _ => {}
    }
    match path.parent() {
        Some(parent) if parent != Path::new("") => sync_folder(parent),
        _ => sync_folder(Path::new(".")),
    }
}

fn sync_folder(path: &Path) -> Result<()> {
    File::open(path).and_then(|folder| folder.sync_all()).map_err(at(path))
}

fn owner_only() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options
}

/// SHA-256 in hexadecimal.
fn hex(text: &str) -> String {
    entry_hash(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn at(path: &Path) -> impl Fn(std::io::Error) -> Error {
    move |error| Error::from(error).context(path.display())
}
