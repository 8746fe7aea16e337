//! The compiled module and its bounds.
//!
//! The guest is compiled when the sidecar is: a command that seals starts in a millisecond instead of
//! half a second, and there is no compiler in the binary. A guest from a file was compiled for another sidecar.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use wasmtime::{
    Config, Enabled, Engine, ExternType, FuncType, InstanceAllocationStrategy, InstancePre, Linker,
    Module, PoolConcurrencyLimitError, PoolingAllocationConfig, Store, ValType,
};

use super::abi::Instance;
use super::bounds::{Bounds, TICK};
use super::calls::{EXPORTS, EngineName, Guest};
use super::embedded;
use super::guest_file::{self, GuestFile};
use super::lent::{Lent, Work};
use super::tunables::tunables;
use crate::code::Code;
use crate::config::{self, Limits};
use crate::error::{Error, Result};
use crate::metrics::Metrics;

/// How many instances can live at once. Changes stay far below it (see the collector's queue); whoever
/// finds none is told to come again, as by any other full queue.
pub const INSTANCES: u32 = 256;

/// The compiled guest. Cheap to clone.
#[derive(Clone)]
pub struct Sandbox {
    pre: InstancePre<Bounds>,
    memory: usize,
    time: Duration,
    sha256: Arc<str>,
    metrics: Option<Arc<Metrics>>,
    _ticker: Arc<Ticker>,
}

impl Sandbox {
    /// Loads the embedded guest.
    pub fn new(limits: &Limits) -> Result<Self> {
        // SAFETY: the bytes are what wasmtime's compiler wrote in the build of this very binary.
        let sandbox = unsafe { Self::of(embedded::CODE, embedded::SHA256, limits) }?;
        embedded::give_back();
        Ok(sandbox)
    }

    /// Loads the guest that a configuration names, if it allows that one.
    pub fn configured(config: &config::Engine, limits: &Limits) -> Result<Self> {
        Self::load(guest_file::read(config)?, config, limits)
    }

    /// The same for a server that runs: this one, if the guest is what it was.
    pub fn configured_again(&self, config: &config::Engine, limits: &Limits) -> Result<Self> {
        let guest = guest_file::read(config)?;
        if guest.sha256() == &*self.sha256 {
            return Ok(self.clone());
        }
        Ok(Self { metrics: self.metrics.clone(), ..Self::load(guest, config, limits)? })
    }

    fn load(guest: GuestFile, config: &config::Engine, limits: &Limits) -> Result<Self> {
        let GuestFile::Other { code, sha256 } = guest else { return Self::new(limits) };
        // SAFETY: the operator has named the digest of these very bytes, and so trusts them as this binary. What
        // another version of wasmtime compiled, or with other settings, is refused.
        let loaded = unsafe { Self::of(&code, &sha256, limits) };
        let path = config.guest.as_deref().unwrap_or(Path::new("the guest"));
        loaded.map_err(|error| error.context(path.display()))
    }

    /// # Safety
    ///
    /// `code` is executed: it must come from wasmtime's compiler.
    unsafe fn of(code: &[u8], sha256: &str, limits: &Limits) -> Result<Self> {
        let engine = Engine::new(&configuration(limits.guest_memory)).map_err(cannot_start)?;
        // SAFETY: the caller's promise.
        let module = unsafe { Module::deserialize(&engine, code) }.map_err(cannot_start)?;
        check_surface(&module)?;
        let pre = Linker::new(&engine).instantiate_pre(&module).map_err(cannot_start)?;
        Ok(Self {
            pre,
            memory: limits.guest_memory,
            time: limits.guest_time,
            sha256: sha256.into(),
            metrics: None,
            _ticker: Arc::new(Ticker::start(&engine)?),
        })
    }

    /// From now on each guest tells how long it worked.
    #[must_use]
    pub fn measured_by(mut self, metrics: Arc<Metrics>) -> Self {
        self.metrics = Some(metrics);
        self
    }

    /// How the engine is named in a record: the version of this binary, and the SHA-256 of the `guest.wasm`
    /// that it embeds; of the file, where the guest is from one.
    pub fn name(&self) -> EngineName<'_> {
        EngineName { version: env!("CARGO_PKG_VERSION"), sha256: &self.sha256 }
    }

    /// A fresh instance: no byte of an earlier record is in it.
    pub fn guest(&self) -> Result<Guest> {
        let work = self.work();
        Ok(Guest::new(Lent::once(self.instance()?, work)))
    }

    /// The clock of one record.
    pub(super) fn work(&self) -> Work {
        Work::begin(self.metrics.clone())
    }

    pub(super) fn instance(&self) -> Result<Instance> {
        let bounds = Bounds::new(self.memory, self.time);
        let mut store = Store::new(self.pre.module().engine(), bounds);
        store.limiter(|bounds| &mut bounds.limits);
        store.epoch_deadline_callback(|mut context| context.data_mut().tick());
        store.set_epoch_deadline(1);
        let instance = self.pre.instantiate(&mut store).map_err(|error| {
            if error.is::<PoolConcurrencyLimitError>() {
                return Error::new(Code::QueueFull, "too much is under way; try again later");
            }
            cannot_start(error)
        })?;
        Instance::new(store, instance)
    }
}

fn configuration(memory: usize) -> Config {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_core_instances(INSTANCES)
        .total_memories(INSTANCES)
        .total_tables(INSTANCES)
        .max_memories_per_module(1)
        .max_memory_size(memory)
        // What most records touch is reset by writing, which is cheaper than by unmapping; where the
        // kernel tells which pages those are (Linux 6.7), only they are written.
        .linear_memory_keep_resident(1 << 20)
        .pagemap_scan(Enabled::Auto);
    let mut config = tunables();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    config
}

/// No imports at all, and every export that [`Guest`] calls.
fn check_surface(module: &Module) -> Result<()> {
    if let Some(import) = module.imports().next() {
        let name = format!("{}.{}", import.module(), import.name());
        return Err(broken(format!("the guest imports `{name}`; it must import nothing")));
    }
    for name in EXPORTS {
        match module.get_export(name) {
            Some(ExternType::Func(function)) if is_as_called(name, &function) => {}
            Some(ExternType::Func(_)) => {
                let message = format!("the function `{name}` of the guest has another signature");
                return Err(broken(message));
            }
            _ => return Err(broken(format!("the guest does not export the function `{name}`"))),
        }
    }
    match module.get_export("memory") {
        Some(ExternType::Memory(_)) => Ok(()),
        _ => Err(broken("the guest does not export its memory".into())),
    }
}

/// `alloc` takes a length and gives a pointer; the others take both and give both in one.
fn is_as_called(name: &str, function: &FuncType) -> bool {
    let is_i32 = |value: ValType| matches!(value, ValType::I32);
    let params = if name == "alloc" { 1 } else { 2 };
    let mut results = function.results();
    let result = match results.next() {
        Some(ValType::I32) => name == "alloc",
        Some(ValType::I64) => name != "alloc",
        _ => false,
    };
    function.params().len() == params
        && function.params().all(is_i32)
        && result
        && results.next().is_none()
}

/// Advances the epoch as long as the sandbox lives.
struct Ticker {
    _stop: std::sync::mpsc::Sender<()>,
}

impl Ticker {
    fn start(engine: &Engine) -> Result<Self> {
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let engine = engine.weak();
        let tick = move || {
            while stopped.recv_timeout(TICK) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                let Some(engine) = engine.upgrade() else { return };
                engine.increment_epoch();
            }
        };
        std::thread::Builder::new().name("guest-clock".into()).spawn(tick)?;
        Ok(Self { _stop: stop })
    }
}

fn cannot_start(error: wasmtime::Error) -> Error {
    broken(format!("the sandboxed core cannot start: {error:#}"))
}

fn broken(message: String) -> Error {
    Error::new(Code::GuestFailed, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Act;
    use crate::engine::Actor;
    use crate::engine::Stamp;
    use crate::engine::image::Image;

    static FAULTY: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/faulty_guest.cwasm"));

    fn limits() -> Limits {
        Limits { guest_time: Duration::from_millis(50), guest_memory: 4 << 20, ..Limits::default() }
    }

    /// What is said of a fault, and that the instance is not used again after it.
    #[track_caller]
    fn fault<T>(
        sandbox: &Sandbox,
        call: impl Fn(&mut Guest) -> Result<T>,
        said: &str,
        is_dead: bool,
    ) {
        let mut guest = sandbox.guest().unwrap();
        let error = call(&mut guest).err().unwrap();
        assert_eq!(error.code(), Code::GuestFailed);
        assert!(error.message().contains(said), "{error}");
        assert_eq!(guest.is_dead(), is_dead, "{said}");
        if is_dead {
            let error = call(&mut guest).err().unwrap();
            assert!(error.message().contains("used again after it failed"), "{error}");
        }
    }

    #[test]
    fn a_guest_that_fails_costs_an_error_and_nothing_more() {
        // SAFETY: `build.rs` compiled it.
        let sandbox = unsafe { Sandbox::of(FAULTY, "", &limits()) }.unwrap();
        let stamp = || Stamp { origin: "", id: "", recorded_time: "", engine: sandbox.name() };
        let actor = Actor { kind: "user".into(), id: "1".into() };
        let act = Act::Reveal { actor: &actor, reason: "", record: "", group: "" };
        let options = serde_json::Value::Null;
        fault(&sandbox, |guest| guest.policy(b""), "longer than `limits.guest_time`", true);
        fault(&sandbox, |guest| guest.read(b""), "it trapped", true);
        fault(&sandbox, |guest| guest.plan(b""), "more than `limits.guest_memory`", true);
        fault(&sandbox, |guest| guest.open("", b"", &[]), "out of stack", true);
        fault(&sandbox, |guest| guest.seal(&stamp(), 0, &[]), "outside of its memory", true);
        fault(&sandbox, |guest| guest.diff(&options, b"", b"", b""), "outside of its memory", true);
        fault(&sandbox, |guest| guest.preview(b"", b"", b""), "no status byte", true);
        fault(&sandbox, |guest| guest.lint(b"", &[]), "answer of another form", false);
        fault(&sandbox, |guest| guest.act(&stamp(), &act, None), "without saying why", false);
    }

    #[test]
    fn what_a_guest_leaves_behind_is_put_back() {
        // SAFETY: `build.rs` compiled it.
        let sandbox = unsafe { Sandbox::of(FAULTY, "", &limits()) }.unwrap();
        let (mut fresh, mut used) = (sandbox.instance().unwrap(), sandbox.instance().unwrap());
        let image = Image::between(&fresh, &fresh);
        used.call("lint", b"").unwrap();
        assert!(used.stack() == Some(4096) && used.memory() != fresh.memory());
        assert!(image.restore(&mut used));
        assert!(used.stack() == fresh.stack() && used.memory() == fresh.memory());
        // What has failed is not put back: nobody knows where it was.
        let _ = used.call("read", b"").unwrap_err();
        assert!(!image.restore(&mut used));
    }

    #[test]
    fn more_instances_than_there_are_is_full_and_no_failure() {
        let sandbox = Sandbox::new(&limits()).unwrap();
        let mut guests: Vec<Guest> = (0..INSTANCES).map(|_| sandbox.guest().unwrap()).collect();
        assert_eq!(sandbox.guest().err().unwrap().code(), Code::QueueFull);
        guests.pop();
        assert!(sandbox.guest().is_ok());
    }

    #[test]
    fn every_instance_is_fresh() {
        let sandbox = Sandbox::new(&Limits::default()).unwrap();
        let policy = br#"{"id":"p","version":"1","default":"keep"}"#;
        let change = br#"{"entity":{"type":"t","id":"1"},"action":"create","after":{"a":1}}"#;
        let mut guest = sandbox.guest().unwrap();
        assert_eq!(guest.policy(policy).unwrap().id, "p");
        assert!(guest.read(change).is_ok());
        // The policy of the neighbour is not there.
        assert!(sandbox.guest().unwrap().read(change).is_err());
    }
}
