//! Records for other tools: as tables (CSV, NDJSON, Parquet), as patches (RFC 6902), as events of OCSF and ECS, and with
//! their proofs for an auditor.
//!
//! Tables of attributes are made by the core ([`Guest::rows`](crate::engine::Guest::rows)), and lines need nothing.
//! What is sealed shows as `[sealed contact]`, and as `[erased]` once its key was destroyed; an actor
//! who cannot be named any more as a fixed UUID. Nothing is opened, so whoever may read records may have them in
//! every form.

mod bundle;
mod ecs;
mod form;
mod ocsf;
mod parquet;
mod part;
mod patch;
mod pieces;
mod prover;
mod spreadsheet;
mod table;
mod view;

pub use bundle::{Bundled, Bundling};
pub use ecs::ecs;
pub use form::Form;
pub use ocsf::ocsf;
pub use part::PartFile;
pub use patch::patch;
pub use pieces::{Pieces, pieces};
pub use prover::Prover;
pub use table::{COLUMNS, Format, Row, Table, erased_mark, mark_erased};
pub use view::{View, action_of};
