//! Records for other tools: as patches (RFC 6902), as events of OCSF and ECS, and with their proofs for an auditor.
//!
//! Tables of attributes are made by the core ([`Guest::rows`](crate::engine::Guest::rows)), and lines need nothing.
//! What is sealed shows as `[sealed contact]`, and as `[erased]` once its key was destroyed; an actor
//! who cannot be named any more as a fixed UUID.

mod anonymised;
mod bundle;
mod ecs;
mod ocsf;
mod patch;
mod table;
mod view;

pub use bundle::{Bundle, Bundled};
pub use ecs::ecs;
pub use ocsf::ocsf;
pub use patch::patch;
pub use table::{Format, Table, erased_mark, mark_erased};
pub use view::View;
