//! Where the key-encryption key comes from, and how another one takes its place.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sealtrail_keyring::{Kek, KekFile, Keyring, Stands};
use zeroize::Zeroizing;

use super::key_file::read_secret_file;
use crate::code::Code;
use crate::error::{Error, Result};
use crate::kms::Keeper;

/// Where the key-encryption key is: 32 bytes in base64.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KekSource {
    /// In a file, as it is or wrapped by a KMS. While it is changed there is another one beside it ([`KekFile`]).
    File { path: PathBuf, keeper: Keeper },
    /// In a variable of the environment. Whoever keeps it there gives the one that is to take its place in
    /// `<name>_NEXT`, and then in `<name>`.
    Env(String),
}

impl KekSource {
    /// Opens the keyring. A change of the key-encryption key that was interrupted is completed.
    pub fn open_keyring(&self, dir: &Path) -> Result<Keyring> {
        let keyring = match self {
            KekSource::File { path, keeper } => open_by_file(path, keeper, dir)?,
            KekSource::Env(name) => match next_of(name)? {
                None => Keyring::open(dir, of_environment(name)?)?,
                Some(next) => {
                    let keyring = Keyring::open_between(dir, &of_environment(name)?, &next)?;
                    if let Err(error) = keyring.finish_rotation() {
                        tracing::error!(%error, "the key-encryption key is not changed yet");
                    }
                    if keyring.stands() == Stands::After {
                        tracing::warn!(
                            "the key-encryption key was changed: `{name}_NEXT` is the one to keep as `{name}`"
                        );
                    }
                    keyring
                }
            },
        };
        if keyring.stands() == Stands::Between {
            tracing::error!(
                "the change of the key-encryption key stopped halfway, at a key that was edited or damaged or for want of \
                 room; the old one is still needed: `sealtrail keys rotate` says why, or completes it"
            );
        }
        Ok(keyring)
    }

    /// Whether it opens the keyring; nothing is changed, and a change that was interrupted is not completed.
    pub fn check(&self, dir: &Path) -> Result<()> {
        match self {
            KekSource::File { path, keeper } => {
                expect_private(path)?;
                Ok(file(path, keeper).check(dir)?)
            }
            KekSource::Env(name) => {
                Ok(Keyring::check(dir, &of_environment(name)?, next_of(name)?.as_ref())?)
            }
        }
    }

    /// A first key-encryption key, for a keyring that is to be made.
    pub fn create(&self) -> Result<Kek> {
        match self {
            KekSource::File { path, keeper } => Ok(file(path, keeper).create()?),
            KekSource::Env(name) => of_environment(name),
        }
    }

    /// The one that is there, or a first one.
    pub fn existing_or_new(&self) -> Result<Kek> {
        match self {
            KekSource::File { path, keeper } if path.exists() => {
                expect_private(path)?;
                Ok(file(path, keeper).existing()?)
            }
            _ => self.create(),
        }
    }

    /// Makes sure of a key-encryption key to change to, so that a change that was announced is completed whatever
    /// happens. Says whether it was made now, for a change that may yet be [withdrawn](Self::withdraw).
    pub fn prepare(&self) -> Result<bool> {
        match self {
            KekSource::File { path, keeper } => {
                file(path, keeper).prepare().map_err(|error| match error.is_read_only() {
                    true => Error::from(error).context(
                        "another key-encryption key is written beside the one that `kek` names, in a folder that must \
                         be writable; nothing was changed",
                    ),
                    false => error.into(),
                })
            }
            KekSource::Env(name) => match next_of(name)? {
                Some(_) => Ok(false),
                None => {
                    let message = format!(
                        "the environment has no `{name}_NEXT`: give the new key-encryption key there, as \
                         `openssl rand -base64 32` prints one, and afterwards as `{name}`"
                    );
                    Err(Error::new(Code::KeyFile, message))
                }
            },
        }
    }

    /// Destroys what was made for a change that is not to come.
    pub fn withdraw(&self) -> Result<()> {
        match self {
            KekSource::File { path, keeper } => Ok(file(path, keeper).withdraw()?),
            KekSource::Env(_) => Ok(()),
        }
    }

    /// Changes the keyring to the next key-encryption key, and destroys the one before where that is a file. Gives the
    /// number of keys.
    pub fn rotate(&self, keyring: &Keyring) -> Result<u64> {
        self.prepare()?;
        match self {
            KekSource::File { path, keeper } => Ok(file(path, keeper).rotate(keyring)?),
            KekSource::Env(name) => {
                let Some(next) = next_of(name)? else { return self.prepare().map(|_| 0) };
                if keyring.stands() == Stands::After {
                    let message =
                        format!("the keyring is of `{name}_NEXT` already; give it as `{name}`");
                    return Err(Error::new(Code::KeyFile, message));
                }
                Ok(keyring.rotate(&next)?)
            }
        }
    }
}

fn open_by_file(path: &Path, keeper: &Keeper, dir: &Path) -> Result<Keyring> {
    expect_private(path)?;
    let next = beside(path, ".next");
    let keyring = file(path, keeper).open_keyring(dir)?;
    if keyring.stands() != Stands::Between && next.exists() {
        tracing::error!(
            file = %next.display(),
            "the key-encryption key that is to take the place of the present one could not be unwrapped, or there is no \
             room for the change: `sealtrail keys rotate` says why, or completes it"
        );
    }
    Ok(keyring)
}

/// Refuses a file that everybody can read. Between two steps of a change there may be the next one only.
fn expect_private(path: &Path) -> Result<()> {
    let next = beside(path, ".next");
    let there = [path, &next].into_iter().filter(|file| file.exists()).collect::<Vec<_>>();
    for file in if there.is_empty() { vec![path] } else { there } {
        read_secret_file(file)?;
    }
    Ok(())
}

fn file(path: &Path, keeper: &Keeper) -> KekFile {
    KekFile::new(path).kept_by(Arc::new(keeper.clone()))
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

fn of_environment(name: &str) -> Result<Kek> {
    let text = std::env::var(name).map_err(|_| {
        let message = format!("the environment has no `{name}` with the key-encryption key");
        Error::new(Code::KeyFile, message)
    })?;
    parse(&format!("the environment's `{name}`"), &Zeroizing::new(text.into_bytes()))
}

fn next_of(name: &str) -> Result<Option<Kek>> {
    let next = format!("{name}_NEXT");
    match std::env::var(&next) {
        Ok(_) => of_environment(&next).map(Some),
        Err(_) => Ok(None),
    }
}

fn parse(place: &str, text: &[u8]) -> Result<Kek> {
    let text = std::str::from_utf8(text).unwrap_or_default();
    Kek::parse(text).map_err(|e| Error::new(Code::KeyFile, e.to_string()).context(place))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Not even root writes there.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_folder_that_is_read_only_is_named() {
        let keeper = Keeper { origin: "shop.example/audit".into(), wraps: None };
        let source = KekSource::File { path: "/sys/kek".into(), keeper };
        let error = source.prepare().err().unwrap().to_string();
        assert!(error.contains("in a folder that must be writable"), "{error}");
        assert!(error.contains("/sys/kek.new"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn missing_and_exposed_files_are_named() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let (path, keyring) = (dir.path().join("kek"), dir.path().join("keyring"));
        let keeper = Keeper { origin: "shop.example/audit".into(), wraps: None };
        let open = || {
            let (path, keeper) = (path.clone(), keeper.clone());
            KekSource::File { path, keeper }.open_keyring(&keyring)
        };
        let error = open().err().unwrap();
        assert!(error.to_string().contains("kek: No such file"), "{error}");
        let kek = Kek::generate().unwrap();
        Keyring::create(&keyring, &kek).unwrap();
        std::fs::write(&path, kek.to_text().as_bytes()).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
        let error = open().err().unwrap();
        assert!(error.to_string().contains("mode 644"), "{error}");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        assert!(open().is_ok());
        std::fs::write(&path, "not a key").unwrap();
        let error = open().err().unwrap();
        assert!(error.to_string().contains("expected 32 bytes as base64"), "{error}");
    }
}
