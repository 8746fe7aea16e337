use sealtrail_record::json::Buffers;

use crate::capture::Attributes;
use crate::template::{Body, Template};
use crate::writer::Spot;
use crate::{change_list, diff, protector};

/// What one record leaves for the next, so that it need not ask for memory again. Nothing secret is
/// in it: what held a plaintext or a key is wiped.
#[derive(Default)]
pub(crate) struct Room {
    pub(crate) change: Buffers,
    /// Of the context, and then of the stamp.
    pub(crate) context: Buffers,
    pub(crate) template: Template,
    pub(crate) context_body: Body,
    pub(crate) entity: String,
    pub(crate) attributes: Attributes,
    pub(crate) spot: Spot,
    pub(crate) walk: diff::Room,
    pub(crate) list: change_list::Room,
    pub(crate) seals: protector::Room,
}
