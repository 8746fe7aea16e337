//! Who may read the files that this process makes: the user that it runs as, and his group; nobody else.
//!
//! What holds keys is made 0600, in folders of 0700, by whoever makes it. Everything else, the log, the index, the spool,
//! exports, gets what the umask leaves of 0666 and 0777; so the umask is made narrower at the start: files are at most
//! 0640 and folders 0750. One that is narrower already stays. An auditor who is in the group reads the log and changes nothing.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::OnceLock;

use rustix::fs::Mode;
use rustix::process::umask;

/// Nobody else may do anything, and the group may not write.
const CLOSED: Mode = Mode::from_raw_mode(0o027);

/// The umask that the process was started with.
static INHERITED: OnceLock<Mode> = OnceLock::new();

/// To be called before there is a second thread, for all of them share it.
pub fn close_to_others() {
    let inherited = umask(CLOSED);
    umask(*INHERITED.get_or_init(|| inherited) | CLOSED);
}

/// A log that everybody may read was opened to them by its operator, or made before there was a limit: what is added to
/// it can be read as before, until he closes the folder.
pub fn as_open_as(log_dir: &Path) {
    if let Some(inherited) = INHERITED.get().filter(|_| is_open_to_all(log_dir)) {
        umask(*inherited);
    }
}

/// Runs `make` with the umask of the user, for what has no secrets and is read by others: a configuration, a policy.
pub fn as_the_user_wants<T>(make: impl FnOnce() -> T) -> T {
    let closed = INHERITED.get().map(|inherited| umask(*inherited));
    let made = make();
    if let Some(closed) = closed {
        umask(closed);
    }
    made
}

/// Whether everybody on this machine may list a folder and read what is in it, as far as its own mode says.
pub fn is_open_to_all(folder: &Path) -> bool {
    std::fs::metadata(folder).is_ok_and(|found| found.permissions().mode() & 0o005 == 0o005)
}
