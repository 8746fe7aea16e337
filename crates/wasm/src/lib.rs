//! The JavaScript edge of the core: wasm-bindgen over [`sealtrail_core`], bytes in and out for payloads, structured values for options and results. No logic lives here.
//!
//! Every function throws `{code, message, at}` when it refuses its input.

mod capture;
mod leased;
mod redact;
mod stateless;
mod thrown;
