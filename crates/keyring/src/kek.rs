use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;

use base64ct::{Base64, Encoding};
use zeroize::Zeroizing;

use crate::durable;
use crate::error::{Error, Kind, Result};
use crate::key::random;

/// The key-encryption key: 32 bytes that wrap every key of a keyring, and are kept somewhere else.
///
/// As text it is standard base64, 44 characters, in a file or an environment variable:
///
/// ```
/// use sealtrail_keyring::Kek;
///
/// let kek = Kek::parse("RSgdzPkwL3VsRLKcMwSaFUrGdxVbLBMSCbCgSy3mTkE=\n")?;
/// assert_eq!(*kek.to_text(), *"RSgdzPkwL3VsRLKcMwSaFUrGdxVbLBMSCbCgSy3mTkE=");
///
/// let error = Kek::parse("hunter2").err().unwrap();
/// assert!(error.to_string().contains("expected 32 bytes as base64"));
/// # Ok::<(), sealtrail_keyring::Error>(())
/// ```
///
/// Its memory is wiped on drop, and it has no `Debug`:
///
/// ```compile_fail,E0277
/// fn print(kek: sealtrail_keyring::Kek) {
///     println!("{kek:?}");
/// }
/// ```
pub struct Kek(Box<Zeroizing<[u8; 32]>>);

impl Kek {
    /// A new key-encryption key from the operating system's random source.
    pub fn generate() -> Result<Self> {
        let mut kek = Box::new(Zeroizing::new([0; 32]));
        random(&mut kek[..])?;
        Ok(Self(kek))
    }

    /// Takes a key-encryption key that came from elsewhere, a KMS for example.
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        let mut kek = Box::new(Zeroizing::new([0; 32]));
        kek.copy_from_slice(bytes);
        Self(kek)
    }

    /// Reads the text form; white space around it is ignored.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        let mut kek = Box::new(Zeroizing::new([0; 32]));
        match Base64::decode(text, &mut kek[..]) {
            Ok(bytes) if bytes.len() == 32 => Ok(Self(kek)),
            _ => Err(Error::new(Kind::BadKek { place: None, got: text.chars().count() })),
        }
    }

    /// The text form, wiped on drop. It belongs into a file of mode 0600 or a secret store, nowhere else.
    pub fn to_text(&self) -> Zeroizing<String> {
        // Room for a line end, because a text that grows leaves a copy behind.
        let mut text = Zeroizing::new(String::with_capacity(64));
        let mut encoded = Zeroizing::new([0; 44]);
        text.push_str(
            Base64::encode(&self.0[..], &mut *encoded).expect("32 bytes are 44 characters"),
        );
        text
    }

    /// Reads the text form from a file.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = match durable::read_secret(path, 1024) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => {
                return Err(Error::new(Kind::Missing {
                    what: "key-encryption key file",
                    path: path.to_owned(),
                }));
            }
            Err(source) => return Err(Error::io("read", path, source)),
        };
        let bad = |got| Error::new(Kind::BadKek { place: Some(path.to_owned()), got });
        let text = std::str::from_utf8(&bytes).map_err(|_| bad(bytes.len()))?;
        Self::parse(text).map_err(|_| bad(text.trim().chars().count()))
    }

    /// Writes the text form to a new file that only its owner can read, durably. An existing file is an
    /// error: overwriting a key-encryption key would shred a whole keyring.
    pub fn write_new(&self, path: &Path) -> Result<()> {
        write_new(path, &self.to_line())
    }

    /// What a file holds of one that nobody wraps.
    pub(crate) fn to_line(&self) -> Zeroizing<Vec<u8>> {
        let mut text = self.to_text();
        text.push('\n');
        Zeroizing::new(std::mem::take(&mut *text).into_bytes())
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Writes the file of a key-encryption key, which must not be there.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    durable::owner_only(&mut options);
    let mut file = options.open(path).map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => {
            Error::new(Kind::Exists { what: "key-encryption key file", path: path.to_owned() })
        }
        _ => Error::io("create", path, source),
    })?;
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .and_then(|()| durable::sync_folder(durable::folder_of(path)))
        .map_err(|source| Error::io("write", path, source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_gives_back_what_was_written_and_is_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("kek");
        let kek = Kek::generate().unwrap();
        kek.write_new(&path).unwrap();
        assert_eq!(Kek::read(&path).ok().unwrap().bytes(), kek.bytes());
        let error = Kek::generate().unwrap().write_new(&path).unwrap_err().to_string();
        assert!(
            error.contains(&path.display().to_string()) && error.contains("already exists"),
            "{error}"
        );
        assert_eq!(Kek::read(&path).ok().unwrap().bytes(), kek.bytes());
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_can_read_the_file() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("kek");
        Kek::generate().unwrap().write_new(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_missing_and_a_wrong_file_are_named_without_their_content() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("kek");
        let error = Kek::read(&path).err().unwrap();
        assert!(error.is_missing());
        assert!(error.to_string().contains(&path.display().to_string()));
        for content in [&b"correct horse battery staple"[..], b"", &[0xff; 32], &[b'A'; 2000]] {
            std::fs::write(&path, content).unwrap();
            let error = Kek::read(&path).err().unwrap().to_string();
            assert!(error.contains(&path.display().to_string()), "{error}");
            assert!(!error.contains("horse"), "{error}");
        }
    }

    #[test]
    fn a_key_of_another_length_is_refused() {
        for text in [
            "",
            "AAAA",
            "RSgdzPkwL3VsRLKcMwSaFUrGdxVbLBMSCbCgSy3mTg==",
            "RSgdzPkwL3VsRLKcMwSaFUrGdxVbLBMSCbCgSy3mTkE",
        ] {
            assert!(Kek::parse(text).is_err(), "{text}");
        }
    }
}
