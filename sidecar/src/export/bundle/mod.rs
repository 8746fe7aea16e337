//! Records with everything that it takes to check them elsewhere.
//!
//! ```text
//! checkpoint                 the signed note under which all is proven, with the cosignatures that it came with
//! manifest.json              {"format","origin","size","root","records":[{"index","id"}],"erasures":[…]}
//! records.ndjson             the lines, byte for byte, in the order of the manifest
//! erasures.ndjson            the records of the erasures of keys that something in it was sealed or named with
//! proofs/<index>.tlog-proof  the receipt of each
//! ```
//!
//! A folder, or a tar archive (POSIX ustar) of the folder `bundle`. The verifier key is not in it: who checks has it from
//! elsewhere.
//!
//! | module | what it does |
//! |---|---|
//! | `manifest` | what is in it |
//! | `bundling` | from the log to the files, part by part |
//! | `folder`, `tar` | where the parts go |
//! | `bundled` | reads one |

mod bundled;
mod bundling;
mod folder;
mod manifest;
mod tar;

pub use bundled::Bundled;
pub use bundling::Bundling;
pub use tar::Tar;
