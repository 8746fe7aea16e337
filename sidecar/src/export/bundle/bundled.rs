use std::collections::HashSet;
use std::fs;
use std::path::Path;

use super::manifest::{
    CHECKPOINT, ERASURES, FORMAT, MANIFEST, Manifest, Named, RECORDS, proof_name,
};
use crate::code::Code;
use crate::error::{Error, Result};
use crate::export::part::failed;

/// A bundle that is read.
pub struct Bundled {
    pub note: Vec<u8>,
    /// Each line with its receipt; records first, then erasures.
    pub lines: Vec<(u64, Vec<u8>, Vec<u8>)>,
}

impl Bundled {
    /// Reads a bundle whole. That what it says fits together is seen here; that it is true is for the verifier key.
    pub fn read(dir: &Path) -> Result<Self> {
        let read = |name: &str| {
            let path = dir.join(name);
            fs::read(&path).map_err(|e| failed(e, &path))
        };
        let refused =
            |what: &str| Error::new(Code::InvalidField, what).context(dir.join(MANIFEST).display());
        let manifest: Manifest = serde_json::from_slice(&read(MANIFEST)?)
            .map_err(|error| refused(&format!("expected the manifest of a bundle: {error}")))?;
        if manifest.format != FORMAT {
            let got = manifest.format.escape_debug();
            return Err(refused(&format!("expected the format `{FORMAT}`, got `{got}`")));
        }
        let (mut lines, mut known) = (Vec::new(), HashSet::new());
        for (name, named) in [(RECORDS, &manifest.records), (ERASURES, &manifest.erasures)] {
            let text = read(name)?;
            let mut stored = text.split_inclusive(|byte| *byte == b'\n');
            for Named { index, .. } in named {
                let missing = || refused(&format!("record {index} is not in `{name}`"));
                let line = stored.next().ok_or_else(missing)?;
                let line = line.strip_suffix(b"\n").unwrap_or(line);
                if name == RECORDS && !known.insert(*index) {
                    return Err(refused(&format!("record {index} is named twice")));
                }
                lines.push((*index, line.to_vec(), read(&proof_name(*index))?));
            }
            if stored.next().is_some() {
                return Err(refused(&format!("`{name}` has more lines than are named")));
            }
        }
        Ok(Self { note: read(CHECKPOINT)?, lines })
    }
}
