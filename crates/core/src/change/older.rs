//! The shape that older services send, in any mix of spellings.

use std::borrow::Cow;

use sealtrail_record::json::{Document, NodeId};
use sealtrail_record::pointer;

use super::name::name_of;
use super::{Change, Image, read_action, unknown_key};
use crate::Error;
use crate::context::Context;
use crate::fold::fold_key;

impl<'a> Change<'a> {
    pub(super) fn older(
        document: &Document<'a>,
        members: impl Iterator<Item = (Cow<'a, str>, NodeId)>,
    ) -> Result<Self, Error> {
        let (mut own_id, mut kind, mut id, mut action) = (None, None, None, None);
        let (mut before, mut after) = (Image::Unknown, Image::Unknown);
        let mut context = Context::default();
        let mut seen = Vec::new();
        for (key, node) in members {
            let known = "id, table_id, entity_id, micro_service_name, action, old_data, new_data, request_info";
            let name = OlderKey::of(&key).ok_or_else(|| unknown_key(&key, known))?;
            let mut at = String::new();
            pointer::push_key(&mut at, &key);
            if seen.contains(&name) {
                let message = format!("`{at}` says a second time what another spelling of it says");
                return Err(Error::new("duplicate_key", message));
            }
            seen.push(name);
            let text = || name_of(document, node, &|| at.clone());
            match name {
                OlderKey::Own => own_id = Some(text()?),
                OlderKey::Table => kind = Some(text()?),
                OlderKey::Entity => id = Some(text()?),
                OlderKey::Action => action = Some(read_action(document, node, &at)?),
                OlderKey::Old => before = Image::of(document, node),
                OlderKey::New => after = Image::of(document, node),
                OlderKey::Service => context.service = Some(text()?),
                OlderKey::Request => context.read_older(document.to_value(node), &at)?,
            }
        }
        context.check("/request_info")?;
        Ok(Self {
            id: own_id,
            entity_type: kind.ok_or_else(|| Error::missing("/table_id"))?,
            entity_id: id.ok_or_else(|| Error::missing("/entity_id"))?,
            action: action.ok_or_else(|| Error::missing("/action"))?,
            before,
            after,
            context,
        })
    }
}

/// The names of the older shape, by their folded spelling.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum OlderKey {
    Own,
    Table,
    Entity,
    Service,
    Action,
    Old,
    New,
    Request,
}

impl OlderKey {
    pub(super) fn of(key: &str) -> Option<Self> {
        Some(match fold_key(key).as_ref() {
            "id" => Self::Own,
            "table_id" => Self::Table,
            "entity_id" => Self::Entity,
            "micro_service_name" | "microservice_name" => Self::Service,
            "action" => Self::Action,
            "old_data" => Self::Old,
            "new_data" => Self::New,
            "request_info" => Self::Request,
            _ => return None,
        })
    }

    /// `id` and `action` are names of both shapes.
    pub(super) fn is_telling(self) -> bool {
        !matches!(self, Self::Own | Self::Action)
    }
}
