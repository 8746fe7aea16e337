use serde::{Deserialize, Serialize};

/// What a manifest begins with.
pub const FORMAT: &str = "sealtrail bundle 1";

/// The files of a bundle.
pub const CHECKPOINT: &str = "checkpoint";
pub const MANIFEST: &str = "manifest.json";
pub const RECORDS: &str = "records.ndjson";
pub const ERASURES: &str = "erasures.ndjson";

#[derive(Serialize, Deserialize)]
pub struct Manifest {
    pub format: String,
    pub origin: String,
    pub size: u64,
    pub root: String,
    pub records: Vec<Named>,
    pub erasures: Vec<Named>,
}

/// A record of the log.
#[derive(Serialize, Deserialize)]
pub struct Named {
    pub index: u64,
    pub id: Option<String>,
}

/// The file of the receipt of a record.
pub fn proof_name(index: u64) -> String {
    format!("proofs/{index}.tlog-proof")
}
