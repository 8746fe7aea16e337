//! The API, on a listener of its own.
//!
//! ```text
//! POST /v1/changes                       one change (application/json) or many (application/x-ndjson)
//! GET  /v1/entities/{type}/{id}/changes  the records of an entity          ?cursor=CURSOR&limit=N, and criteria
//! GET  /v1/entities/{type}/{id}/state    what it was at a time             ?at=TIME, format=words|colour
//! GET  /v1/records?correlation=ID&...    the records that fit all criteria: type, id, attribute, actor, correlation,
//!                                        causation, tenant, action, from, to, subject; order=newest, collapse=true
//!                                        acts_about=WHAT: who opened it or was refused that, and erasures
//!                                        format=words|colour|rows|csv|lines: {"text"} instead of records
//! GET  /v1/export?format=FORM&...        the same in a form for others: csv, rows, parquet, lines, patch, ocsf, ecs, bundle
//! GET  /v1/touched?...                   what they have changed            &grain=element|row|table
//! GET  /v1/records/{id}/lineage          what caused it, and what it caused
//! GET  /v1/records/{id}                  one record, byte for byte as it is in the log
//! GET  /v1/records/{id}/proof            its receipt, a C2SP .tlog-proof
//! POST /v1/leases                        {"needs":[{"subject","group","retain","use"}]}: the keys of a new record
//! POST /v1/records                       a record that was sealed with them (application/cloudevents+json), or many
//! POST /v1/records/{id}/lease            {"group","reason"}: the keys of a group, after a record of the reveal
//! GET  /v1/policy                        the policy in force
//! POST /v1/records/{id}/reveal           {"group","reason"}: the values, after a record of the reveal
//! POST /v1/subjects/{id}/shred           {"reason","period","hard","certificate"}: destroys the keys of a data subject,
//!                                        or the one for what is theirs in a month
//! POST /v1/periods/{kid}/shred           {"reason"}: destroys the key of a month before its time;
//!                                        `running`: also in that month; `certificate` as of a subject
//! POST /v1/keys/rotate                   {}: another key-encryption key; `reason`, `actor` of the record
//! GET  /v1/holds                         the holds
//! POST /v1/holds                         {"name","from","reason"}: keeps records from removal
//! POST /v1/holds/{name}/release          {"reason"}: ends a hold
//! POST /v1/retention/prune               {"reason"}: removes what is older than `retention.keep`
//! POST /v1/retention/expire              {"reason"}: destroys the keys of the periods that are over
//! POST /v1/retention/compress            {}: compresses the segments that are left
//! GET  /checkpoint  /tile/...            the C2SP tlog-tiles read API
//! GET  /healthz  /readyz  /metrics  /console/
//! ```
//!
//! Errors are RFC 9457 problems with a stable `code`. Each resource needs a [role](crate::access), but for the
//! last two lines and what is below `/console/`; `metrics` needs that of a reader or an operator.
//! [Browsers](same_origin) are kept apart.

mod admission;
mod answer;
pub mod body;
mod changes;
pub mod coding;
mod console;
mod entities;
mod exports;
mod health;
mod leases;
mod metrics;
mod query;
mod receipts;
mod records;
mod retention;
mod router;
mod same_origin;
mod subjects;
mod tiles;
mod turns;
mod untaken;

pub use answer::with_type;
pub use exports::{LEFT_OUT, SHARED_KEYS};
pub use router::Api;
pub use untaken::Untaken;
