//! Bytes in, bytes out: how the host talks to one instance of the guest.
//!
//! `alloc(len) -> ptr` gives a region for the input; every other function takes `(ptr, len)` of it and
//! returns `ptr << 32 | len` of its result. The first byte of a result is 0 for an answer and 1 for a
//! refusal, `{"code","message","at"}`; the rest is the payload. Nothing the guest says is believed
//! before it is checked against the bounds of its memory.

use serde::Deserialize;
use wasmtime::{Global, Memory, Store, Trap, TypedFunc, Val};

use super::bounds::Bounds;
use crate::code::Code;
use crate::error::{Error, Place, Result, bounded};

type Function = TypedFunc<(u32, u32), u64>;

/// One instance and the store that it lives in.
pub struct Instance {
    store: Store<Bounds>,
    instance: wasmtime::Instance,
    memory: Memory,
    alloc: TypedFunc<u32, u32>,
    /// What was called before, by its name: an instance serves many records, and to find a function among the
    /// exports takes as long as a small record takes to be read.
    found: Vec<(&'static str, Function)>,
    is_dead: bool,
    /// The pointer to its stack, and where it is between calls. A guest without one keeps no stack in memory.
    stack: Option<(Global, Val)>,
}

impl Instance {
    pub fn new(mut store: Store<Bounds>, instance: wasmtime::Instance) -> Result<Self> {
        let memory =
            instance.get_memory(&mut store, "memory").ok_or_else(|| failed("it has no memory"))?;
        let alloc = instance
            .get_typed_func(&mut store, "alloc")
            .map_err(|_| failed("`alloc` has another signature"))?;
        let stack = instance.get_global(&mut store, "__stack_pointer").map(|global| {
            let rest = global.get(&mut store);
            (global, rest)
        });
        Ok(Self { store, instance, memory, alloc, found: Vec::new(), is_dead: false, stack })
    }

    /// Whether a call trapped: what is in the instance now cannot be relied on.
    pub fn is_dead(&self) -> bool {
        self.is_dead
    }

    pub fn memory(&self) -> &[u8] {
        self.memory.data(&self.store)
    }

    #[cfg(test)]
    pub fn stack(&mut self) -> Option<i32> {
        let (global, _) = self.stack.as_ref()?;
        global.get(&mut self.store).i32()
    }

    /// Puts the stack back where it is in a fresh instance.
    pub fn reset_stack(&mut self) -> Result<()> {
        let Some((global, rest)) = &self.stack else { return Ok(()) };
        global.set(&mut self.store, *rest).map_err(|_| failed("its stack cannot be reset"))
    }

    /// The memory, grown to a size that is not smaller than it is.
    pub fn memory_of_size(&mut self, size: usize) -> Result<&mut [u8]> {
        let missing = size.saturating_sub(self.memory.data_size(&self.store));
        if missing > 0 {
            let pages = (missing as u64).div_ceil(self.memory.page_size(&self.store));
            self.memory.grow(&mut self.store, pages).map_err(trapped)?;
        }
        Ok(self.memory.data_mut(&mut self.store))
    }

    /// Calls one function with one input.
    pub fn call(&mut self, function: &'static str, input: &[u8]) -> Result<Vec<u8>> {
        if self.is_dead {
            return Err(failed("it was used again after it failed"));
        }
        // Dead until the call has come back: an error on any way out leaves it so.
        self.is_dead = true;
        let len = u32::try_from(input.len()).map_err(|_| failed("the input is too large"))?;
        self.store.data_mut().begin();
        self.store.set_epoch_deadline(1);
        let function = self.function(function)?;
        let at = self.alloc.call(&mut self.store, len).map_err(trapped)?;
        if at == 0 && len > 0 {
            self.is_dead = false;
            return Err(Error::new(Code::TooLarge, "the input is larger than the core takes"));
        }
        self.memory
            .write(&mut self.store, at as usize, input)
            .map_err(|_| failed("`alloc` gave a region outside of its memory"))?;
        let packed = self.found[function].1.call(&mut self.store, (at, len)).map_err(trapped)?;
        let (at, len) = ((packed >> 32) as usize, (packed & 0xFFFF_FFFF) as usize);
        let result = at
            .checked_add(len)
            .and_then(|end| self.memory.data(&self.store).get(at..end))
            .ok_or_else(|| failed("its result lies outside of its memory"))?;
        let answer = match result.split_first() {
            Some((0, answer)) => Ok(answer.to_vec()),
            Some((1, refusal)) => Err(read_refusal(refusal)),
            _ => return Err(failed("its result has no status byte")),
        };
        self.is_dead = false;
        answer
    }

    /// Where in `found` a function is.
    fn function(&mut self, name: &'static str) -> Result<usize> {
        if let Some(at) = self.found.iter().position(|(found, _)| *found == name) {
            return Ok(at);
        }
        let found: Function = self
            .instance
            .get_typed_func(&mut self.store, name)
            .map_err(|_| failed(&format!("`{name}` has another signature")))?;
        self.found.push((name, found));
        Ok(self.found.len() - 1)
    }
}

fn read_refusal(json: &[u8]) -> Error {
    #[derive(Deserialize)]
    struct Refusal {
        code: String,
        message: String,
        at: Option<Place>,
    }
    match serde_json::from_slice::<Refusal>(json) {
        // A key of a payload may be long, and of any characters.
        Ok(Refusal { code, message, at }) => {
            let bounded_at =
                |at: Place| Place { pointer: at.pointer.as_deref().map(bounded), ..at };
            Error::new(Code::of_name(&code), bounded(&message)).at(at.map(bounded_at))
        }
        Err(_) => failed("it refused without saying why"),
    }
}

fn trapped(error: wasmtime::Error) -> Error {
    match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => failed("it took longer than `limits.guest_time`"),
        Some(Trap::StackOverflow) => failed("it ran out of stack"),
        Some(trap) => failed(&format!("it trapped ({trap})")),
        None => failed("it needs more than `limits.guest_memory`"),
    }
}

fn failed(why: &str) -> Error {
    Error::new(Code::GuestFailed, format!("the sandboxed core failed: {why}"))
}
