//! Programs of PyPI, each in an environment of Python of its own that is made below the target folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// The Python that has these packages; installed where that was not done before.
pub fn python(packages: &[&str]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(packages.join("-").replace("==", "-"));
    // Tests run beside each other.
    static INSTALLING: Mutex<()> = Mutex::new(());
    let _installing = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    let (python, complete) = (folder.join("bin/python"), folder.join("complete"));
    if !complete.exists() {
        let _ = fs::remove_dir_all(&folder);
        let run = |command: &mut Command| {
            let ran = command.stdin(Stdio::null()).output();
            let done = ran.as_ref().is_ok_and(|ran| ran.status.success());
            assert!(done, "{packages:?} need Python 3 with venv and PyPI: {ran:?}");
        };
        run(Command::new("python3").args(["-m", "venv"]).arg(&folder));
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
        run(Command::new(&python).args(pip).args(packages));
        fs::write(complete, "").unwrap();
    }
    python
}
