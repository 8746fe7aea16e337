use std::io::Write;
use std::net::TcpStream;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use super::Doors;
use super::disk::Disk;
use super::service::Service;
use crate::sidecar::{Folder, Sidecar};

#[derive(Clone, Copy)]
pub enum Fault {
    ServiceRestarts,
    DiskFull,
    SlowClients,
    HalfSent,
    Killed,
    Terminated,
}

impl Fault {
    pub fn all(disk_can_be_full: bool) -> Vec<Self> {
        use Fault::{DiskFull, HalfSent, Killed, ServiceRestarts, SlowClients, Terminated};
        let all = [Killed, ServiceRestarts, DiskFull, SlowClients, Terminated, HalfSent];
        all.into_iter().filter(|fault| disk_can_be_full || !matches!(fault, DiskFull)).collect()
    }

    pub fn name(self) -> &'static str {
        match self {
            Fault::ServiceRestarts => "the service restarts",
            Fault::DiskFull => "the disk is full",
            Fault::SlowClients => "slow clients",
            Fault::HalfSent => "half-sent requests",
            Fault::Killed => "kill -9",
            Fault::Terminated => "SIGTERM",
        }
    }

    /// About as long as it takes.
    pub fn span(self) -> Duration {
        Duration::from_secs(3)
    }

    /// Gives the process that runs afterwards.
    pub fn inflict(
        self,
        mut sidecar: Sidecar,
        place: &Folder,
        doors: &Doors,
        service: &Service,
        disk: &Disk,
    ) -> Result<Sidecar> {
        match self {
            Fault::ServiceRestarts => {
                for _ in 0..3 {
                    service.restart(Duration::from_millis(300));
                    thread::sleep(Duration::from_millis(200));
                }
            }
            Fault::DiskFull => {
                disk.fill()?;
                wait_until("did not refuse on a full disk", || !is_ready(doors))?;
                thread::sleep(Duration::from_millis(500));
                disk.make_room()?;
                wait_until("did not go on when there was room again", || is_ready(doors))?;
            }
            Fault::SlowClients => slow_clients(doors)?,
            Fault::HalfSent => half_sent(doors)?,
            Fault::Killed => {
                sidecar.process.0.kill()?;
                sidecar.process.0.wait()?;
                drop(sidecar);
                return place.serve(None);
            }
            Fault::Terminated => {
                terminate(sidecar)?;
                return place.serve(None);
            }
        }
        if let Some(status) = sidecar.process.0.try_wait()? {
            bail!("the sidecar ended while {}: {status}", self.name());
        }
        Ok(sidecar)
    }
}

/// As an orchestrator does it; it must end with 0 within its drain.
pub fn terminate(mut sidecar: Sidecar) -> Result<()> {
    let pid =
        Pid::from_raw(sidecar.process.0.id().cast_signed()).context("a process without an id")?;
    kill_process(pid, Signal::TERM)?;
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(status) = sidecar.process.0.try_wait()? {
            if status.success() {
                return Ok(());
            }
            bail!("on SIGTERM the sidecar ended with {status}");
        }
        if Instant::now() > deadline {
            bail!("on SIGTERM the sidecar did not end within 30 s");
        }
        thread::sleep(Duration::from_millis(10));
    }
}

fn wait_until(otherwise: &str, mut is_so: impl FnMut() -> bool) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        if Instant::now() > deadline {
            bail!("within 20 s the sidecar {otherwise}");
        }
        thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

fn is_ready(doors: &Doors) -> bool {
    use std::io::Read;
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", doors.api.load(Ordering::Acquire)))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream
            .write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}

/// A byte now and then, of heads and of bodies, on both listeners.
fn slow_clients(doors: &Doors) -> Result<()> {
    let text = b"POST /v1/changes HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{\"entity\"";
    let mut slow: Vec<_> = ports(doors)
        .into_iter()
        .cycle()
        .take(40)
        .map(|port| TcpStream::connect(("127.0.0.1", port)))
        .collect::<std::io::Result<_>>()?;
    for (i, stream) in slow.iter_mut().enumerate() {
        let at_once = if i % 4 < 2 { 10 } else { text.len() - 5 };
        let _ = stream.write_all(&text[..at_once]);
    }
    for _ in 0..12 {
        thread::sleep(Duration::from_millis(200));
        for stream in &mut slow {
            let _ = stream.write_all(b"x");
        }
    }
    Ok(())
}

fn half_sent(doors: &Doors) -> Result<()> {
    let halves: [&[u8]; 5] = [
        b"POST /v1/cha",
        b"POST /v1/changes HTTP/1.1\r\nHost: localhost\r\nContent-Le",
        b"POST /v1/changes HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{\"entity\":",
        b"POST /v1/changes HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nabc",
        b"POST /v1/changes HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n",
    ];
    for _ in 0..20 {
        for (port, half) in
            ports(doors).into_iter().flat_map(|port| halves.map(|half| (port, half)))
        {
            let mut stream = TcpStream::connect(("127.0.0.1", port))?;
            let _ = stream.write_all(half);
        }
        thread::sleep(Duration::from_millis(80));
    }
    Ok(())
}

fn ports(doors: &Doors) -> [u16; 2] {
    [doors.proxy.load(Ordering::Acquire), doors.api.load(Ordering::Acquire)]
}
