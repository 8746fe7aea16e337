//! Holds: records that nobody may remove, whatever their retention says.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use crate::disk::Disk;
use crate::paths::Layout;
use crate::retention::decimal;
use crate::{Error, Log, durable, regular};

/// The record `from` and all after it stay, until the hold is released.
///
/// A hold is the file `holds/<name>`, which holds `from` in decimal digits and LF.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// 1 to 64 of `a` to `z`, `0` to `9` and `-`.
    pub name: String,
    pub from: u64,
}

impl Log {
    /// Keeps record `from` and all after it from [`prune`](Self::prune), durably.
    ///
    /// Refuses a name that is taken ([`Error::is_refused`]): who wants to hold more takes another name, and
    /// whoever holds less releases the old one first.
    ///
    /// ```
    /// # use sealtrail_log::{Log, Options, Signer, proof::SigningKey};
    /// # let folder = tempfile::tempdir()?;
    /// # let dir = folder.path();
    /// # let key = SigningKey::from_seed("shop.example/trail", &[7; 32])?;
    /// # Log::create(dir, "shop.example/trail", &key)?;
    /// # let (log, _) = Log::open(dir, Signer::new("shop.example/trail", key)?, Options::default())?;
    /// log.hold("case-17", 0)?;
    /// assert_eq!(log.holds()?[0].name, "case-17");
    /// log.release("case-17")?;
    /// assert!(log.holds()?.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn hold(&self, name: &str, from: u64) -> Result<Hold, Error> {
        check_name(name)?;
        let retention = self.retention();
        let _turn = retention.turn();
        if let Some(hold) = all(&retention.layout)?.into_iter().find(|hold| hold.name == name) {
            let from = hold.from;
            return Err(Error::refused(format!(
                "there is a hold `{name}` already, from record {from} on"
            )));
        }
        durable::folder(&Disk::Real, &retention.layout.holds())?;
        durable::replace(
            &Disk::Real,
            &retention.layout.hold(name),
            format!("{from}\n").as_bytes(),
        )?;
        Ok(Hold { name: name.into(), from })
    }

    /// Ends a hold, durably. [`Error::is_no_hold`] if there is none of that name.
    pub fn release(&self, name: &str) -> Result<Hold, Error> {
        check_name(name)?;
        let retention = self.retention();
        let _turn = retention.turn();
        let hold = all(&retention.layout)?.into_iter().find(|hold| hold.name == name);
        let hold = hold.ok_or_else(|| Error::no_hold(name))?;
        let path = retention.layout.hold(name);
        Disk::Real.remove(&path).map_err(Error::io("remove", &path))?;
        durable::sync_folder(&Disk::Real, &retention.layout.holds())?;
        Ok(hold)
    }

    /// The holds, by name.
    pub fn holds(&self) -> Result<Vec<Hold>, Error> {
        self.reader().holds()
    }
}

/// All holds. What cannot be read as one is an error, so that nothing is removed under it.
pub(crate) fn all(layout: &Layout) -> Result<Vec<Hold>, Error> {
    let folder = layout.holds();
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::io("list", &folder)(error)),
    };
    let mut holds = Vec::new();
    for entry in entries {
        let path = entry.map_err(Error::io("list", &folder))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.ends_with(".tmp") {
            continue;
        }
        check_name(name).map_err(|error| Error::damaged(&path, error.to_string()))?;
        // Released since it was listed.
        if let Some(from) = read(&path)? {
            holds.push(Hold { name: name.into(), from });
        }
    }
    holds.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Ok(holds)
}

/// The hold that keeps most.
pub(crate) fn earliest(layout: &Layout) -> Result<Option<Hold>, Error> {
    Ok(all(layout)?.into_iter().min_by_key(|hold| hold.from))
}

fn read(path: &Path) -> Result<Option<u64>, Error> {
    let bytes = match regular::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("read", path)(error)),
    };
    let text = str::from_utf8(&bytes).ok().and_then(|text| text.strip_suffix('\n'));
    let wrong = || Error::damaged(path, "expected the index of a record and a line feed");
    text.and_then(decimal).ok_or_else(wrong).map(Some)
}

fn check_name(name: &str) -> Result<(), Error> {
    let fits = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    if (1..=64).contains(&name.len()) && name.bytes().all(fits) {
        return Ok(());
    }
    Err(Error::refused(format!(
        "expected the name of a hold of 1 to 64 of a-z, 0-9 and `-`, got `{}`",
        name.escape_debug()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_hold_is_never_read_as_none() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path());
        assert_eq!(all(&layout).unwrap(), []);
        fs::create_dir(layout.holds()).unwrap();
        fs::write(layout.hold("case-17"), "300\n").unwrap();
        fs::write(layout.hold("audit"), "7\n").unwrap();
        fs::write(layout.hold("half.tmp"), "").unwrap();
        let names: Vec<_> = all(&layout).unwrap().into_iter().map(|hold| hold.name).collect();
        assert_eq!(names, ["audit", "case-17"]);
        assert_eq!(earliest(&layout).unwrap().unwrap().from, 7);
        for bad in ["", "7", "07\n", "-1\n", "seven\n", "7\n\n", "18446744073709551616\n"] {
            fs::write(layout.hold("audit"), bad).unwrap();
            assert!(earliest(&layout).unwrap_err().is_damaged(), "{bad:?}");
        }
        fs::remove_file(layout.hold("audit")).unwrap();
        fs::write(layout.hold("Other"), "7\n").unwrap();
        assert!(all(&layout).unwrap_err().is_damaged());
        for name in ["", "a/b", "..", "a_b", &"a".repeat(65)] {
            assert!(check_name(name).unwrap_err().is_refused(), "{name}");
        }
    }
}
