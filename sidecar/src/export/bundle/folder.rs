use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::Bundling;
use super::bundling::Part;
use crate::code::Code;
use crate::error::{Error, Result};
use crate::export::part::{failed, not_made, part_of};

impl Bundling {
    /// Writes the bundle as a folder, which appears when it is whole.
    pub fn write_to(self, dir: &Path) -> Result<()> {
        if dir.symlink_metadata().is_ok() {
            let message = "expected a folder that is not there yet";
            return Err(Error::new(Code::WrongUse, message).context(dir.display()));
        }
        let unfinished = Unfinished::create(dir)?;
        unfinished.fill(self)?;
        unfinished.complete(dir)
    }
}

/// The folder that is written, beside where it is to appear; it goes with this unless it was completed.
struct Unfinished {
    path: PathBuf,
    is_left: bool,
}

impl Unfinished {
    /// What is in one that is there already would come into the bundle.
    fn create(dir: &Path) -> Result<Self> {
        let path = part_of(dir);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|e| failed(e, parent))?;
        }
        fs::create_dir(&path).map_err(|error| not_made(error, &path))?;
        let unfinished = Self { path, is_left: true };
        let proofs = unfinished.path.join("proofs");
        fs::create_dir(&proofs).map_err(|e| failed(e, &proofs))?;
        Ok(unfinished)
    }

    fn fill(&self, bundling: Bundling) -> Result<()> {
        let mut open: Option<(File, PathBuf)> = None;
        for part in bundling {
            match part? {
                Part::File { name, .. } => {
                    let path = self.path.join(name);
                    open = Some((File::create_new(&path).map_err(|e| failed(e, &path))?, path));
                }
                // A bundle begins with a file.
                Part::Bytes(bytes) => {
                    if let Some((file, path)) = &mut open {
                        file.write_all(&bytes).map_err(|e| failed(e, path))?;
                    }
                }
            }
        }
        Ok(())
    }

    fn complete(mut self, dir: &Path) -> Result<()> {
        fs::rename(&self.path, dir).map_err(|e| failed(e, dir))?;
        self.is_left = false;
        Ok(())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if self.is_left {
            // Made by us, and nothing else is in it. Links in it are not followed.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}
