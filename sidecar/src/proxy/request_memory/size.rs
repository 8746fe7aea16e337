//! What a kept request takes of the memory: itself, its entry in the table, its texts, and what the allocator adds to each.

use super::{KeptRequest, Shared};
use crate::proxy::identity::Actor;

/// A queue and a table that grow have up to twice the room that is used of them.
const PLACES: usize = 2 * (size_of::<KeptRequest>() + size_of::<(u64, Shared)>() + 1);

pub fn of(request: &KeptRequest) -> u32 {
    let size =
        PLACES + allocated(request.texts.len()) + request.actor.as_deref().map_or(0, of_actor);
    u32::try_from(size).unwrap_or(u32::MAX)
}

fn of_actor(actor: &Actor) -> usize {
    let Actor { id, email, name, account_id, tenant, verified: _ } = actor;
    let optional = [email, name, account_id, tenant].into_iter().flatten();
    let texts = std::iter::once(id).chain(optional).map(|text| allocated(text.capacity()));
    allocated(size_of::<Actor>()) + texts.sum::<usize>()
}

/// A piece of so many bytes and what stands before it, in steps of 16, as the allocators of glibc and musl have it.
fn allocated(bytes: usize) -> usize {
    match bytes {
        0 => 0,
        bytes => (bytes + size_of::<usize>()).next_multiple_of(16).max(32),
    }
}
