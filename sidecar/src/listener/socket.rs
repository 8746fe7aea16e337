use std::fmt::Display;
use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{Access, access};
use socket2::{Domain, Protocol, SockAddr, Type};

use crate::code::Code;
use crate::config::Listen;
use crate::error::{Error, Result};

/// How many connections wait in the kernel until they are accepted.
const BACKLOG: i32 = 1024;

/// A bound socket that listens already; who wants to accept makes a [`Listener`](super::Listener) of it.
pub struct Socket {
    pub(super) bound: Bound,
}

pub(super) enum Bound {
    Tcp(TcpListener),
    Unix(UnixListener, Arc<SocketFile>),
}

impl Socket {
    pub fn bind(to: &Listen) -> Result<Self> {
        let bound = match to {
            Listen::Address(address) => Bound::Tcp(bind_tcp(*address, false)?),
            Listen::Unix { path, mode } => bind_unix(path, *mode)?,
        };
        Ok(Self { bound })
    }

    /// Whether this process may listen there, found without doing it. That somebody listens there already is no error.
    pub fn try_out(to: &Listen) -> Result<()> {
        match to {
            Listen::Address(address) => match bound_tcp(*address, false) {
                Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
                    Err(cannot_listen(address, error))
                }
                _ => Ok(()),
            },
            Listen::Unix { path, .. } => {
                let refused = |why: &dyn Display| cannot_listen(path.display(), why);
                SockAddr::unix(path).map_err(|e| refused(&e))?;
                expect_socket(path)?;
                let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
                access(folder.unwrap_or(Path::new(".")), Access::WRITE_OK | Access::EXEC_OK)
                    .map_err(|e| refused(&e))
            }
        }
    }

    /// So many sockets in one place, among which the kernel shares out the connections (`SO_REUSEPORT`,
    /// socket(7)): a connection stays on the thread that accepted it. On a Unix socket all accept from
    /// one queue.
    pub fn bind_many(to: &Listen, count: usize) -> Result<Vec<Self>> {
        let first = Self::bind(to)?;
        let others = count.saturating_sub(1);
        match (first.bound, to) {
            (bound, _) if others == 0 => Ok(vec![Self { bound }]),
            (Bound::Tcp(alone), _) => {
                // The first one had the port to itself, so nobody else has it; only then may it be shared.
                let address = alone.local_addr()?;
                drop(alone);
                let shared = (0..=others).map(|_| bind_tcp(address, true));
                shared.map(|bound| Ok(Self { bound: Bound::Tcp(bound?) })).collect()
            }
            (Bound::Unix(listener, file), _) => {
                let mut all = Vec::with_capacity(count);
                for _ in 0..others {
                    all.push(Self { bound: Bound::Unix(listener.try_clone()?, file.clone()) });
                }
                all.push(Self { bound: Bound::Unix(listener, file) });
                Ok(all)
            }
        }
    }

    /// Where it listens, as it is printed: with the port that the system chose where the configuration
    /// says 0.
    pub fn place(&self) -> Result<String> {
        match &self.bound {
            Bound::Tcp(listener) => Ok(listener.local_addr()?.to_string()),
            Bound::Unix(_, file) => Ok(format!("unix:{}", file.path.display())),
        }
    }
}

fn bind_tcp(address: SocketAddr, share: bool) -> Result<TcpListener> {
    let listening = bound_tcp(address, share).and_then(|socket| {
        socket.listen(BACKLOG)?;
        Ok(socket.into())
    });
    listening.map_err(|e| cannot_listen(address, e))
}

fn bound_tcp(address: SocketAddr, share: bool) -> io::Result<socket2::Socket> {
    let domain = Domain::for_address(address);
    let socket = socket2::Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    // A connection of the process before this one may still be in TIME_WAIT.
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(share)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

fn bind_unix(path: &Path, mode: u32) -> Result<Bound> {
    remove_stale(path)?;
    let bind = || {
        let socket = socket2::Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        socket.bind(&SockAddr::unix(path)?)?;
        // Nobody can connect before `listen`, so nobody can with another mode.
        fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
        let file = SocketFile::of(path)?;
        socket.listen(BACKLOG)?;
        Ok(Bound::Unix(socket.into(), Arc::new(file)))
    };
    bind().map_err(|e: std::io::Error| cannot_listen(path.display(), e))
}

/// Removes the socket of a process that ended without doing so. One that somebody answers on stays, and
/// so does every file that is no socket.
fn remove_stale(path: &Path) -> Result<()> {
    if !expect_socket(path)? {
        return Ok(());
    }
    match UnixStream::connect(path) {
        Err(e) if e.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(|e| cannot_listen(path.display(), e))
        }
        Err(e) => Err(cannot_listen(path.display(), e)),
        Ok(_) => Err(cannot_listen(path.display(), "another process listens there")),
    }
}

/// Whether there is one; another kind of file is refused.
fn expect_socket(path: &Path) -> Result<bool> {
    let Ok(there) = fs::symlink_metadata(path) else { return Ok(false) };
    if !there.file_type().is_socket() {
        return Err(cannot_listen(path.display(), "there is a file that is no socket"));
    }
    Ok(true)
}

fn cannot_listen(place: impl Display, why: impl Display) -> Error {
    Error::new(Code::ConfigInvalid, format!("cannot listen on {place}: {why}"))
}

/// The file of a Unix socket, removed with the last handle to it, unless it is no longer ours.
pub(super) struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl SocketFile {
    fn of(path: &Path) -> std::io::Result<Self> {
        let file = fs::symlink_metadata(path)?;
        Ok(Self { path: path.to_owned(), device: file.dev(), inode: file.ino() })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let is_ours = fs::symlink_metadata(&self.path)
            .is_ok_and(|file| (file.dev(), file.ino()) == (self.device, self.inode));
        if is_ours {
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unix(path: &Path) -> Listen {
        Listen::Unix { path: path.to_owned(), mode: 0o600 }
    }

    #[test]
    fn a_socket_file_lives_as_long_as_its_last_handle() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.sock");
        let mut both = Socket::bind_many(&unix(&path), 2).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        both.pop();
        let taken = Socket::bind(&unix(&path)).err().unwrap().to_string();
        assert!(taken.ends_with("a.sock: another process listens there"), "{taken}");
        drop(both);
        assert!(!path.exists());
    }

    #[test]
    fn only_a_stale_socket_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.sock");
        // The standard library leaves the file behind, as a killed process does.
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        let bound = Socket::bind(&unix(&path)).unwrap();
        // Somebody else's by now: it stays.
        fs::remove_file(&path).unwrap();
        fs::write(&path, "precious").unwrap();
        drop(bound);
        let refused = Socket::bind(&unix(&path)).err().unwrap().to_string();
        assert!(refused.ends_with("there is a file that is no socket"), "{refused}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    }

    #[test]
    fn workers_share_a_port_that_nobody_else_has() {
        let any = Listen::Address("127.0.0.1:0".parse().unwrap());
        let shared = Socket::bind_many(&any, 3).unwrap();
        let places: Vec<_> = shared.iter().map(|socket| socket.place().unwrap()).collect();
        assert!(places.iter().all(|place| *place == places[0]), "{places:?}");
        let same = Listen::Address(places[0].parse().unwrap());
        for workers in [1, 2] {
            let refused = Socket::bind_many(&same, workers).err().unwrap().to_string();
            assert!(refused.contains("cannot listen on 127.0.0.1:"), "{refused}");
        }
    }
}
