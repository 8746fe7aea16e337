//! What `serve` would refuse at its start, found without starting: nothing is made, changed, locked or listened on.
//!
//! Every check runs the code that the start runs, as far as that only reads. What it cannot know is whether another
//! process has the log, and what stands behind the last checkpoint; a port that is in use is no finding, because it may be
//! the very server that is to be started again.

use std::fmt::Display;
use std::path::Path;

use rustix::fs::{Access, access};
use sealtrail_history::Index;
use sealtrail_log::Log;

use crate::access::token::Tokens;
use crate::code::Code;
use crate::collector::{Spool, WhenFull};
use crate::config::{Config, Listen};
use crate::engine::Sandbox;
use crate::error::{Error, Result};
use crate::jwt;
use crate::listener::{Socket, Tls};
use crate::modes;
use crate::proxy::upstream;
use crate::trail::{read_policy, read_signer};

/// What was found.
#[derive(Default)]
pub struct Findings {
    /// In the order in which `serve` looks.
    pub refusals: Vec<Error>,
    /// What it would start with all the same.
    pub warnings: Vec<String>,
}

/// Looks at everything that a configuration names.
pub fn look(config: &Config) -> Findings {
    let mut findings = Findings::default();
    let checks: [fn(&Config) -> Result<()>; 11] = [
        upstream_is_known,
        actors_key_is_read,
        tokens_are_read,
        issuer_is_read,
        certificate_is_read,
        policy_is_taken,
        log_is_intact,
        keyring_opens,
        index_is_of_the_log,
        spool_is_of_the_log,
        nobody_listens_twice,
    ];
    findings.refusals.extend(checks.iter().filter_map(|check| check(config).err()));
    let folders = [("log_dir", &config.log_dir), ("keyring_dir", &config.keyring_dir)];
    let written = folders.into_iter().filter(|(_, folder)| folder.is_dir());
    let written = written.filter_map(|(key, folder)| expect_writable(key, folder).err());
    findings.refusals.extend(written);
    findings.refusals.extend(listens(config).filter_map(|listen| Socket::try_out(listen).err()));
    findings.warn(config);
    findings
}

impl Findings {
    fn warn(&mut self, config: &Config) {
        if let Err(error) = expect_writable("index_dir", existing(&config.index_dir)) {
            self.warnings.push(format!("{}; the index cannot follow the log", error.message()));
        }
        if modes::is_open_to_all(&config.log_dir) {
            let folder = config.log_dir.display();
            self.warnings.push(format!(
                "everybody on this machine may read the log; `chmod -R o= {folder}` closes it"
            ));
        }
    }
}

fn upstream_is_known(config: &Config) -> Result<()> {
    config.proxy.as_ref().map_or(Ok(()), |proxy| upstream::check_name(&proxy.upstream))
}

fn actors_key_is_read(config: &Config) -> Result<()> {
    config.remembering.jwt_keys.as_ref().map_or(Ok(()), jwt::check)
}

fn tokens_are_read(config: &Config) -> Result<()> {
    let tokens = config.access.tokens.as_deref();
    tokens.map_or(Ok(()), |path| Tokens::read(path).map(drop))
}

fn issuer_is_read(config: &Config) -> Result<()> {
    config.access.jwt.as_ref().map_or(Ok(()), |jwt| jwt::check(&jwt.keys))
}

fn certificate_is_read(config: &Config) -> Result<()> {
    let files = config.proxy.as_ref().and_then(|proxy| proxy.tls.as_ref());
    files.map_or(Ok(()), |files| Tls::read(files).map(drop))
}

fn policy_is_taken(config: &Config) -> Result<()> {
    let sandbox = Sandbox::configured(&config.engine, &config.limits)?;
    read_policy(&sandbox, &config.policy).map(drop)
}

fn log_is_intact(config: &Config) -> Result<()> {
    let (signer, _) = read_signer(config)?;
    Ok(Log::check(&config.log_dir, &signer).map(drop)?)
}

fn keyring_opens(config: &Config) -> Result<()> {
    config.kek.check(&config.keyring_dir)
}

fn index_is_of_the_log(config: &Config) -> Result<()> {
    Ok(Index::open_to_read(&config.index_dir, &config.origin).map(drop)?)
}

fn spool_is_of_the_log(config: &Config) -> Result<()> {
    let dir = &config.collector.spool_dir;
    if config.collector.when_full == WhenFull::Spool {
        expect_writable("collector.spool_dir", existing(dir))?;
    }
    Spool::check(dir, &config.origin)
}

fn nobody_listens_twice(config: &Config) -> Result<()> {
    let all: Vec<&Listen> = listens(config).filter(|listen| !listen.is_any_port()).collect();
    let twice = all.iter().enumerate().find(|(i, listen)| all[..*i].contains(listen));
    twice.map_or(Ok(()), |(_, listen)| {
        Err(Error::new(Code::ConfigInvalid, format!("`{listen}` is listened on twice")))
    })
}

fn listens(config: &Config) -> impl Iterator<Item = &Listen> {
    let proxy = config.proxy.iter().map(|proxy| &proxy.listen);
    proxy.chain(config.api.iter().flat_map(|api| &api.listen))
}

/// The folder, or the nearest above it, in which it would be made.
fn existing(folder: &Path) -> &Path {
    let mut above = folder.ancestors().filter(|path| !path.as_os_str().is_empty());
    above.find(|path| path.exists()).unwrap_or(Path::new("."))
}

/// By the rights of who asks: run as the user that `serve` runs as.
fn expect_writable(key: impl Display, folder: &Path) -> Result<()> {
    access(folder, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK).map_err(|error| {
        let message = format!("{key}: cannot write in `{}`: {error}", folder.display());
        Error::new(Code::ConfigInvalid, message)
    })
}
