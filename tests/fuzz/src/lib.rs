//! What the fuzz targets share: a record from fixed keys, images and policies from fuzzed bytes,
//! and judges that were not written with the core.
//!
//! | target | bytes are | must hold |
//! |---|---|---|
//! | `value` | JSON | same verdict and value as serde_json but for what is documented as stricter; what is written is read back |
//! | `selector` | a JSONPath | names the nodes that serde_json_path names |
//! | `policy` | a policy | a refusal or a policy that makes a record of any change |
//! | `token` | a token, and a record around it | one spelling; nothing opens that was not sealed |
//! | `capture` | choices | a protected value is in no byte of a record; the patch leads to the after image |

pub mod choices;
pub mod fixture;
pub mod images;
pub mod judge;
pub mod policies;
pub mod tree;
