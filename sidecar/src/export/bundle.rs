//! Records with everything that it takes to check them elsewhere.
//!
//! ```text
//! manifest.json              {"format","origin","size","root","records":[{"index","id"}],"erasures":[…]}
//! checkpoint                 the signed note under which all is proven, with the cosignatures that it came with
//! records.ndjson             the lines, byte for byte, in the order of the manifest
//! proofs/<index>.tlog-proof  the receipt of each
//! erasures.ndjson            the records of the erasures of keys that something in it was sealed with
//! ```
//!
//! The verifier key is not in it: who checks has it from elsewhere.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use sealtrail_log::proof::{Checkpoint, Note, Receipt};
use serde::{Deserialize, Serialize};

use crate::code::Code;
use crate::error::{Error, Result};
use crate::questions::Found;

const FORMAT: &str = "sealtrail bundle 1";

/// A bundle that is being written. Its folder appears when it is whole.
pub struct Bundle {
    dir: PathBuf,
    temporary: PathBuf,
    manifest: Manifest,
    records: Vec<u8>,
    erasures: Vec<u8>,
}

/// A bundle that is read.
pub struct Bundled {
    pub note: Vec<u8>,
    /// Each line with its receipt; records first, then erasures.
    pub lines: Vec<(u64, Vec<u8>, Vec<u8>)>,
}

#[derive(Serialize, Deserialize)]
struct Manifest {
    format: String,
    origin: String,
    size: u64,
    root: String,
    records: Vec<Named>,
    erasures: Vec<Named>,
}

#[derive(Serialize, Deserialize)]
struct Named {
    index: u64,
    id: Option<String>,
}

impl Bundle {
    pub fn create(dir: &Path, note: &[u8]) -> Result<Self> {
        let refused = |why: String| Error::new(Code::InvalidField, why).context("the checkpoint");
        let parsed = Note::parse(note).map_err(|e| refused(e.to_string()))?;
        let checkpoint =
            Checkpoint::parse(parsed.unverified_text()).map_err(|e| refused(e.to_string()))?;
        if dir.exists() {
            let message = "expected a folder that is not there yet";
            return Err(Error::new(Code::WrongUse, message).context(dir.display()));
        }
        let mut name = dir.file_name().unwrap_or_default().to_owned();
        name.push(".part");
        let temporary = dir.with_file_name(name);
        fs::create_dir_all(temporary.join("proofs")).map_err(|e| failed(e, &temporary))?;
        let manifest = Manifest {
            format: FORMAT.into(),
            origin: checkpoint.origin().into(),
            size: checkpoint.size(),
            root: checkpoint.root_text(),
            records: Vec::new(),
            erasures: Vec::new(),
        };
        let bundle =
            Self { dir: dir.into(), temporary, manifest, records: vec![], erasures: vec![] };
        bundle.write("checkpoint", note)?;
        Ok(bundle)
    }

    pub fn record(&mut self, found: &Found, id: Option<&str>, receipt: &Receipt) -> Result<()> {
        self.manifest.records.push(Named { index: found.index, id: id.map(Into::into) });
        self.records.extend_from_slice(&found.line);
        self.records.push(b'\n');
        self.receipt(found.index, receipt)
    }

    /// A record of an erasure: with its receipt the certificate of it.
    pub fn erasure(&mut self, found: &Found, id: Option<&str>, receipt: &Receipt) -> Result<()> {
        self.manifest.erasures.push(Named { index: found.index, id: id.map(Into::into) });
        self.erasures.extend_from_slice(&found.line);
        self.erasures.push(b'\n');
        self.receipt(found.index, receipt)
    }

    /// How many records it has, and erasures.
    pub fn finish(self) -> Result<(usize, usize)> {
        self.write("records.ndjson", &self.records)?;
        self.write("erasures.ndjson", &self.erasures)?;
        self.write(
            "manifest.json",
            &serde_json::to_vec_pretty(&self.manifest).unwrap_or_default(),
        )?;
        fs::rename(&self.temporary, &self.dir).map_err(|e| failed(e, &self.dir))?;
        Ok((self.manifest.records.len(), self.manifest.erasures.len()))
    }

    fn receipt(&self, index: u64, receipt: &Receipt) -> Result<()> {
        self.write(&proof_name(index), receipt.to_text().as_bytes())
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let path = self.temporary.join(name);
        fs::write(&path, bytes).map_err(|e| failed(e, &path))
    }
}

impl Bundled {
    /// Reads a bundle whole. That what it says fits together is seen here; that it is true is for the verifier key.
    pub fn read(dir: &Path) -> Result<Self> {
        let read = |name: &str| {
            let path = dir.join(name);
            fs::read(&path).map_err(|e| failed(e, &path))
        };
        let refused = |what: &str| {
            Error::new(Code::InvalidField, what).context(dir.join("manifest.json").display())
        };
        let manifest: Manifest = serde_json::from_slice(&read("manifest.json")?)
            .map_err(|error| refused(&format!("expected the manifest of a bundle: {error}")))?;
        if manifest.format != FORMAT {
            let got = manifest.format.escape_debug();
            return Err(refused(&format!("expected the format `{FORMAT}`, got `{got}`")));
        }
        let (mut lines, mut known) = (Vec::new(), HashSet::new());
        for (name, named) in
            [("records.ndjson", &manifest.records), ("erasures.ndjson", &manifest.erasures)]
        {
            let text = read(name)?;
            let mut stored = text.split_inclusive(|byte| *byte == b'\n');
            for Named { index, .. } in named {
                let missing = || refused(&format!("record {index} is not in `{name}`"));
                let line = stored.next().ok_or_else(missing)?;
                let line = line.strip_suffix(b"\n").unwrap_or(line);
                if name == "records.ndjson" && !known.insert(*index) {
                    return Err(refused(&format!("record {index} is named twice")));
                }
                lines.push((*index, line.to_vec(), read(&proof_name(*index))?));
            }
            if stored.next().is_some() {
                return Err(refused(&format!("`{name}` has more lines than are named")));
            }
        }
        Ok(Self { note: read("checkpoint")?, lines })
    }
}

fn proof_name(index: u64) -> String {
    format!("proofs/{index}.tlog-proof")
}

fn failed(error: std::io::Error, path: &Path) -> Error {
    Error::from(error).context(path.display())
}
