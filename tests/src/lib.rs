//! What crosses rooms.
//!
//! `vectors/` binds the formats. `vectors/capture.json` and `vectors/seal-v1-calls.json` are
//! sequences of calls on the byte ABI of the guest (see `crates/guest`), each with the bytes or
//! the error code that must come out; they run natively (here), in the guest under wasmtime (in
//! the sidecar's tests), in Node and in Chromium (in `js/`).

pub mod calls;
pub mod random;
