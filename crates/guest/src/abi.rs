//! The boundary: raw pointers come in, and leave as slices.

use std::cell::RefCell;

use sealtrail_core::Session;

use crate::calls;

/// Larger inputs are refused before anything is allocated.
const MAX_INPUT: usize = 64 << 20;

/// What is larger is given back after its call; what is smaller stays for the next.
const KEPT: usize = 16 << 10;

#[derive(Default)]
struct Instance {
    input: Vec<u8>,
    output: Vec<u8>,
    session: Session,
}

thread_local! {
    static INSTANCE: RefCell<Instance> = RefCell::default();
}

#[unsafe(no_mangle)]
extern "C" fn alloc(len: usize) -> *mut u8 {
    INSTANCE.with_borrow_mut(|instance| {
        if len > MAX_INPUT {
            return std::ptr::null_mut();
        }
        instance.input.clear();
        instance.input.resize(len, 0);
        instance.input.as_mut_ptr()
    })
}

/// Runs a call on the buffer that `alloc` gave. What a host passes as pointer is not followed:
/// the instance knows its buffer, and the length is cut to it.
fn run(len: usize, call: calls::Call) -> u64 {
    INSTANCE.with_borrow_mut(|instance| {
        let Instance { input, output, session } = instance;
        let (status, bytes) = match call(session, input.get(..len).unwrap_or(input)) {
            Ok(bytes) => (0, bytes),
            Err(error) => (1, error.to_json()),
        };
        if input.capacity() > KEPT {
            *input = Vec::new();
        }
        if output.capacity() > KEPT {
            *output = Vec::new();
        }
        output.clear();
        output.push(status);
        output.extend_from_slice(&bytes);
        (output.as_ptr() as u64) << 32 | output.len() as u64
    })
}

macro_rules! exports {
    ($($name:ident),*) => {$(
        #[unsafe(no_mangle)]
        extern "C" fn $name(_ptr: usize, len: usize) -> u64 {
            run(len, calls::$name)
        }
    )*};
}

exports!(
    policy,
    read,
    plan,
    seal,
    open,
    diff,
    rows,
    text_difference,
    preview,
    lint,
    act,
    lease,
    admit
);
