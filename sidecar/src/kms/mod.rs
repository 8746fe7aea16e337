//! A key-encryption key that its file holds wrapped, by a key that never leaves a KMS (envelope encryption).
//!
//! | module | |
//! |---|---|
//! | `keeper` | makes a key-encryption key and unwraps what a file holds, whoever wrapped it |
//! | `wrapped` | what the file holds |
//! | `aws` | AWS KMS: two calls and what may become of them |
//! | `aws_place` | which endpoint and region, by the key and the environment |
//! | `aws_credentials` | as whom |
//!
//! Another KMS is a module beside `aws` and a variant of [`Wrapped`](wrapped::Wrapped).

mod aws;
mod aws_credentials;
mod aws_place;
mod keeper;
mod wrapped;

pub use aws_place::check_key;
pub use keeper::{AwsKey, Keeper};
