use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::Bundling;
use super::bundling::Part;
use crate::code::Code;
use crate::error::{Error, Result};

impl Bundling {
    /// Writes the bundle as a folder, which appears when it is whole.
    pub fn write_to(self, dir: &Path) -> Result<()> {
        if dir.exists() {
            let message = "expected a folder that is not there yet";
            return Err(Error::new(Code::WrongUse, message).context(dir.display()));
        }
        let mut name = dir.file_name().unwrap_or_default().to_owned();
        name.push(".part");
        let temporary = dir.with_file_name(name);
        fs::create_dir_all(temporary.join("proofs")).map_err(|e| failed(e, &temporary))?;
        let mut open: Option<(File, PathBuf)> = None;
        for part in self {
            match part? {
                Part::File { name, .. } => {
                    let path = temporary.join(name);
                    open = Some((File::create(&path).map_err(|e| failed(e, &path))?, path));
                }
                // A bundle begins with a file.
                Part::Bytes(bytes) => {
                    if let Some((file, path)) = &mut open {
                        file.write_all(&bytes).map_err(|e| failed(e, path))?;
                    }
                }
            }
        }
        fs::rename(&temporary, dir).map_err(|e| failed(e, dir))
    }
}

pub(super) fn failed(error: std::io::Error, path: &Path) -> Error {
    Error::from(error).context(path.display())
}
