//! A witness: a second party that holds the operator of a log to it.
//!
//! It remembers, for each log, the last checkpoint that it cosigned, and cosigns another only if that one's
//! tree begins with the tree it remembers. An operator who rewrites the log, or shows different logs to
//! different people, gets no cosignature for it, and a reader who asks for one is not deceived.
//!
//! | file | what it does |
//! |---|---|
//! | `state` | the folder: key, lock, the last checkpoint of each log, evidence |
//! | `cosigner` | the one way to a cosignature: verify, check, remember durably, sign |
//! | `source` | a log as a witness or its operator reads it, from a folder or over HTTP |
//! | `service` | the protocol of C2SP tlog-witness over HTTP |

mod cosigner;
mod service;
mod source;
mod state;

pub use cosigner::{Cosigned, Refusal, Witness};
pub use service::Service;
pub use source::Source;
pub use state::{create, replace};
