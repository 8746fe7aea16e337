//! The core behind a plain byte ABI, for wasmtime and for a page: one module that imports nothing.
//!
//! ```text
//! memory                            the linear memory
//! alloc(len) -> ptr                 a buffer for the input of the next call; 0 if it is too large
//! <function>(ptr, len) -> result    ptr and len of the input; result = pointer << 32 | length
//! ```
//!
//! Input is a [frame](sealtrail_record::frame). The first byte of a result is 0 for success or 1
//! for an error, the rest its bytes or `{"code","message","at"}`. A result is valid until the next
//! call.
//!
//! | function | parts of the input | result |
//! |---|---|---|
//! | `policy` | policy | its summary; the policy stays loaded |
//! | `read` | change | its envelope |
//! | `plan` | context | what is needed: `{"outcome","needs","nonces","changes"}` |
//! | `seal` | stamp, entropy, then for each need: kid, key, kid, key | the record's line |
//! | `open` | origin, line, then for each seal to open: its index in decimal, subject key, period key | JSON array of fields |
//! | `diff` | options `{"format","fold_keys","tests","words","entity"}`, policy or nothing, before, after | JSON or text |
//! | `rows` | options `{"format","header"}`, line, what `open` gave or nothing | a table: JSON, NDJSON or CSV |
//! | `text_difference` | options `{"unit"}`: `word` or `line`, before, after | `{"runs":[["=",7],["-",3],["+",3]],"coarse"}`, lengths in UTF-16 |
//! | `preview` | policy, change, context or nothing, seed of 32 bytes | what would be stored, and why |
//! | `lint` | policy, then any number of samples (changes or images) | JSON array of findings |
//! | `act` | stamp, act | the line of a record that is no change |
//! | `lease` | origin, record id, then for each key: `seal` or `pseudonym`, group, kid, key, kid, key | JSON array of the keys of this record |
//! | `admit` | lease, line | what a receipt needs of a record that was sealed elsewhere |

// Only in wasm: exports named `read` and `open` would take the place of the C library's elsewhere.
#[cfg(target_arch = "wasm32")]
mod abi;
pub mod calls;
