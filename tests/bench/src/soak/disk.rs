use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Result;

/// A disk of its own in memory, which can be filled; or a plain folder, where that is not allowed.
pub struct Disk {
    pub path: PathBuf,
    is_mounted: bool,
}

impl Disk {
    pub fn mount(path: &Path) -> Result<Self> {
        std::fs::create_dir(path)?;
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=512m,mode=700", "tmpfs"]).arg(path);
        let mounted = mount.stdout(Stdio::null()).stderr(Stdio::null()).status();
        let is_mounted = mounted.is_ok_and(|status| status.success());
        Ok(Self { path: path.to_owned(), is_mounted })
    }

    pub fn can_be_full(&self) -> bool {
        self.is_mounted
    }

    /// Takes all that is left.
    pub fn fill(&self) -> Result<()> {
        let mut file = File::options().create(true).append(true).open(self.path.join("filler"))?;
        for size in [1 << 20, 4096, 1] {
            let piece = vec![b'x'; size];
            while file.write_all(&piece).is_ok() {}
        }
        Ok(())
    }

    pub fn make_room(&self) -> Result<()> {
        Ok(std::fs::remove_file(self.path.join("filler"))?)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.is_mounted {
            let _ = Command::new("umount").arg("-l").arg(&self.path).status();
        }
    }
}
