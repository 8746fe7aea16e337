//! The keys that JSON Web Tokens (RFC 7519) are checked with, for the proxy and for the API.
//!
//! | module | |
//! |---|---|
//! | `keys` | a PEM public key, the secret of HMAC, or a JWK Set (RFC 7517) |
//! | `published` | a JWK Set that an issuer publishes, asked for again as its keys change |
//! | `source` | which of these the configuration names, and what is known of it now |
//!
//! A key knows its algorithms; what a token says of its own (`alg`) must be among them, so `none`, or HMAC with a public
//! key, is never tried. A token that names a key (`kid`) is checked with that one and no other; one that names none only
//! where there is only one key.

mod keys;
mod published;
mod source;

#[cfg(test)]
pub use keys::Keys;
#[cfg(test)]
pub(crate) use keys::tests;
pub use published::Fetches;
pub use source::{Absent, Source, check};
