//! `sealtrail serve` under load while things break around it, by turns: the service restarts, the disk is
//! full, clients are slow or say half of a request, the process is killed, or told to end, and starts again.
//!
//! Afterwards every record that was acknowledged is in the log exactly once, and so is every change that was
//! sent again because its answer was lost; `verify` ends with 0; nothing panicked; memory stayed bounded.

mod changes;
mod disk;
mod faults;
mod outcome;
mod service;
mod traffic;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::collector::policy;
use crate::sidecar::{Folder, Sidecar};
use crate::target_folder;
use disk::Disk;
use faults::Fault;
use outcome::Outcome;
use service::Service;

/// More of the machine's memory than this would be without a bound: the queue and the request memory have
/// theirs far below it.
const MEMORY_KB: f64 = 512.0 * 1024.0;

/// Where the sidecar listens now: other ports after each start.
#[derive(Default)]
pub struct Doors {
    pub proxy: AtomicU16,
    pub api: AtomicU16,
    pub is_over: AtomicBool,
}

impl Doors {
    fn open(&self, sidecar: &Sidecar) {
        self.proxy.store(sidecar.proxy, Ordering::Release);
        self.api.store(sidecar.api, Ordering::Release);
    }

    pub fn are_closed_for_good(&self) -> bool {
        self.is_over.load(Ordering::Acquire)
    }
}

/// `soak --seconds N`
pub fn run(arguments: &[String]) -> Result<()> {
    let seconds = match arguments {
        [] => 120,
        [name, number] if name == "--seconds" => {
            number.parse().context("`--seconds` needs a number")?
        }
        _ => bail!("usage: soak [--seconds N]"),
    };
    let temporary = tempfile::tempdir_in(target_folder()?)?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let _in_runtime = runtime.enter();
    let outcome = soak(temporary.path(), Duration::from_secs(seconds), &runtime)?;
    println!("{outcome}");
    outcome.check()
}

fn soak(folder: &Path, span: Duration, runtime: &tokio::runtime::Runtime) -> Result<Outcome> {
    let disk = Disk::mount(&folder.join("disk"))?;
    let service = Arc::new(Service::start(runtime)?);
    let place =
        Folder::init(&disk.path.join("trail"), &format!("http://127.0.0.1:{}", service.port))?;
    std::fs::write(place.path.join("policy.json"), policy().to_string())?;
    // What a client does that is slow must end within the run.
    place.edit_config("[api]", "header_timeout = \"2s\"\nresponse_timeout = \"5s\"\n\n[api]")?;
    let mut sidecar = place.serve(None)?;
    let doors = Arc::new(Doors::default());
    doors.open(&sidecar);

    let writers: Vec<_> =
        (0..8).map(|n| runtime.spawn(changes::writer(n, doors.clone()))).collect();
    let clients: Vec<_> =
        (0..8).map(|n| runtime.spawn(traffic::client(n, doors.clone()))).collect();

    let start = Instant::now();
    let mut outcome = Outcome::default();
    let faults = Fault::all(disk.can_be_full());
    if !disk.can_be_full() {
        println!("disk full: NOT TESTED, that takes root and a tmpfs");
    }
    for fault in faults.iter().cycle() {
        // Each at least once. The last process lives on for a while, and its memory is looked at.
        let is_over = start.elapsed() + fault.span() + Duration::from_secs(2) > span;
        if is_over && outcome.faults.len() == faults.len() {
            break;
        }
        outcome.note_memory(&sidecar)?;
        sidecar = fault.inflict(sidecar, &place, &doors, &service, &disk)?;
        doors.open(&sidecar);
        *outcome.faults.entry(fault.name()).or_default() += 1;
        std::thread::sleep(Duration::from_millis(700));
        outcome.note_memory(&sidecar)?;
    }
    while start.elapsed() < span {
        std::thread::sleep(Duration::from_millis(200));
        outcome.note_memory(&sidecar)?;
    }
    doors.is_over.store(true, Ordering::Release);
    for writer in writers {
        outcome.written.add(runtime.block_on(writer)??);
    }
    for client in clients {
        outcome.seen.add(runtime.block_on(client)??);
    }
    faults::terminate(sidecar)?;
    outcome.read_log(&place)?;
    outcome.seconds = start.elapsed().as_secs_f64();
    outcome.disk_was_full = disk.can_be_full();
    Ok(outcome)
}

/// Whether one of the figures says that something is wrong.
pub fn is_bounded(kb: f64) -> bool {
    kb < MEMORY_KB
}
