use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::durable::{self, Disk, new_folder};
use crate::error::{Error, Kind, Result};
use crate::id::KeyId;
use crate::subject::SubjectName;

/// Every path in a keyring.
///
/// ```text
/// keyring.json                  the keyring itself: check value and index key, wrapped
/// lock                          held by the process that has the keyring open
/// lent                          until when somebody may hold what was derived from these keys
/// keys/<hh>/<kid>.key           one wrapped key; hh = first byte of SHA-256(kid), two hex digits
/// keys/<hh>/<kid>.shredded      when, who and why, in place of a key that was destroyed
/// subjects/<hh>/<62 hex>        the key id of one subject; hh + 62 hex = the keyed hash of its name
/// periods/t_<class>.<period>    subjects have keys of their own for this period
/// journal/<kid>.intent          a shred that was decided and may not be complete
/// journal/<kid>.erased          a shred that is complete and whose record may not be in the log
/// tmp/<n>                       files that are not in their place yet; erased on open
/// ```
///
/// 256 shards keep a folder at some 4,000 entries when there are a million subjects. They are made once, with
/// the keyring, so that creating a key never has to make a folder durable.
pub(crate) struct Layout {
    root: PathBuf,
}

impl Layout {
    pub(crate) fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn header(&self) -> PathBuf {
        self.root.join("keyring.json")
    }

    pub(crate) fn read_header(&self, disk: &Disk) -> Result<Vec<u8>> {
        let missing = || Error::new(Kind::Missing { what: "keyring", path: self.header() });
        disk.read(&self.header(), 4096)?.ok_or_else(missing)
    }

    pub(crate) fn lent(&self) -> PathBuf {
        self.root.join("lent")
    }

    pub(crate) fn key(&self, kid: &KeyId) -> PathBuf {
        self.shard(kid).join(format!("{kid}.key"))
    }

    pub(crate) fn marker(&self, kid: &KeyId) -> PathBuf {
        self.shard(kid).join(format!("{kid}.shredded"))
    }

    pub(crate) fn subject(&self, name: &SubjectName) -> PathBuf {
        self.subject_shard(name.shard()).join(&name.to_hex()[2..])
    }

    pub(crate) fn subject_shard(&self, shard: u8) -> PathBuf {
        self.root.join("subjects").join(format!("{shard:02x}"))
    }

    pub(crate) fn key_shard(&self, shard: u8) -> PathBuf {
        self.root.join("keys").join(format!("{shard:02x}"))
    }

    pub(crate) fn periods(&self) -> PathBuf {
        self.root.join("periods")
    }

    pub(crate) fn period(&self, period: &KeyId) -> PathBuf {
        self.periods().join(period.as_str())
    }

    /// The periods for which subjects have keys of their own.
    pub(crate) fn begun_periods(&self) -> Result<BTreeSet<KeyId>> {
        let mut periods = BTreeSet::new();
        for path in entries(&self.periods())? {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            match KeyId::parse(name).ok().filter(|kid| kid.period().is_some()) {
                Some(kid) => periods.insert(kid),
                None => return Err(Error::edited(&path, "only ids of periods in this folder")),
            };
        }
        Ok(periods)
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.root.join("journal")
    }

    pub(crate) fn temporaries(&self) -> PathBuf {
        self.root.join("tmp")
    }

    /// The keys of periods for which there is a file and no marker, sorted.
    pub(crate) fn period_keys(&self) -> Result<Vec<KeyId>> {
        let mut kids = Vec::new();
        for shard in 0..=u8::MAX {
            let [mut keys, gone] = self.kids(shard, "t_")?;
            keys.retain(|kid| gone.binary_search(kid).is_err());
            kids.append(&mut keys);
        }
        kids.sort();
        Ok(kids)
    }

    /// The ids that begin like this of the keys in one shard for which there is a file, and of those with a marker,
    /// each sorted.
    pub(crate) fn kids(&self, shard: u8, start: &str) -> Result<[Vec<KeyId>; 2]> {
        let (mut keys, mut gone) = (Vec::new(), Vec::new());
        each_entry(&self.key_shard(shard), |name| {
            let kid = |end| KeyId::parse(name.strip_suffix(end)?).ok();
            if name.starts_with(start) {
                keys.extend(kid(".key"));
                gone.extend(kid(".shredded"));
            }
        })?;
        keys.sort();
        gone.sort();
        Ok([keys, gone])
    }

    /// How many subjects of one shard have a key.
    pub(crate) fn count_subjects(&self, shard: u8) -> Result<u64> {
        let mut count = 0;
        each_entry(&self.subject_shard(shard), |_| count += 1)?;
        Ok(count)
    }

    fn shard(&self, kid: &KeyId) -> PathBuf {
        self.key_shard(shard_of(kid))
    }

    /// Takes the lock of an existing keyring folder. It is released when the file is dropped, or by the
    /// system when the process ends in any way.
    pub(crate) fn lock(&self) -> Result<File> {
        let path = self.root.join("lock");
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(false);
        durable::owner_only(&mut options);
        let file = options.open(&path).map_err(|source| Error::io("open", &path, source))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(fs::TryLockError::WouldBlock) => {
                Err(Error::new(Kind::InUse { path: self.root.clone() }))
            }
            Err(fs::TryLockError::Error(source)) => Err(Error::io("lock", &path, source)),
        }
    }

    /// Refuses a folder that holds anything but what an interrupted creation leaves.
    pub(crate) fn expect_unused(&self) -> Result<()> {
        self.expect_only(&self.root, &["lock", "keys", "subjects", "journal", "tmp"])
    }

    /// Makes every folder, or takes over what an interrupted earlier call made. A key that is found there is
    /// an error: keys whose header was lost must not get a new one.
    pub(crate) fn lay_out(&self, disk: &Disk) -> Result<()> {
        for folder in [self.journal(), self.temporaries()] {
            new_folder(&folder)?;
        }
        self.expect_only(&self.journal(), &[])?;
        self.sweep(disk)?;
        for folder in ["keys", "subjects"] {
            let folder = self.root.join(folder);
            new_folder(&folder)?;
            for shard in 0..=u8::MAX {
                let shard = folder.join(format!("{shard:02x}"));
                if !new_folder(&shard)? {
                    self.expect_only(&shard, &[])?;
                }
            }
            disk.sync_folder(&folder)?;
        }
        disk.sync_folder(&self.root)
    }

    /// Erases what was not in its place yet when an earlier process ended: nobody was ever told of it, and it may be
    /// the wrapped form of a key that is in its place and will be shredded.
    pub(crate) fn sweep(&self, disk: &Disk) -> Result<()> {
        disk.erase_all(&entries(&self.temporaries())?)
    }

    fn expect_only(&self, folder: &Path, names: &[&str]) -> Result<()> {
        match entries(folder)?
            .into_iter()
            .find(|path| !names.iter().any(|name| path.ends_with(name)))
        {
            Some(path) => Err(Error::new(Kind::Exists { what: "file", path })),
            None => Ok(()),
        }
    }
}

/// The shard folder that a key is in.
pub(crate) fn shard_of(kid: &KeyId) -> u8 {
    Sha256::digest(kid.as_str())[0]
}

/// What is in a folder, in no order.
pub(crate) fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    read_folder(folder, |entry| paths.push(entry.path()))?;
    Ok(paths)
}

/// The names in a folder that are text, in no order.
fn each_entry(folder: &Path, mut see: impl FnMut(&str)) -> Result<()> {
    read_folder(folder, |entry| entry.file_name().to_str().into_iter().for_each(&mut see))
}

fn read_folder(folder: &Path, mut see: impl FnMut(fs::DirEntry)) -> Result<()> {
    let found = fs::read_dir(folder).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => {
            Error::new(Kind::Missing { what: "folder", path: folder.to_owned() })
        }
        _ => Error::io("list", folder, source),
    })?;
    for entry in found {
        see(entry.map_err(|source| Error::io("list", folder, source))?);
    }
    Ok(())
}
