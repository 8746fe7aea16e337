//! The vocabulary that every room of sealtrail shares: [JSON values](json) with exact numbers,
//! [pointers](pointer) (RFC 6901), [times](time) (RFC 3339), [record ids](id) (RFC 9562), the
//! [sentences] that tell a change, the [frames](frame) in which bytes cross a WebAssembly boundary, and one small
//! [sort](mod@sort).
//!
//! Nothing here reads a clock, a file, a network or a random source.

pub mod decimal;
pub mod frame;
pub mod id;
pub mod json;
pub mod pointer;
pub mod sentences;
pub mod sort;
pub mod time;
