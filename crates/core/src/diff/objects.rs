//! Members by key: side by side while the order is the same, else through a sorted list.

use sealtrail_record::json::{NodeId, Place};
use sealtrail_record::sort::sorted;

use super::{PathStep, Walk, What};

impl Walk<'_> {
    /// Leaves tasks for the members of two objects: those of the first in their order, then those
    /// that only the second has.
    pub(super) fn objects(&mut self, old: Option<NodeId>, new: Option<NodeId>) {
        let document = self.document;
        let members = |node: Option<NodeId>| {
            let children = node.into_iter().flat_map(|node| document.children(node));
            children.filter_map(|(place, value)| match place {
                Place::Key(key) => Some((key, value)),
                _ => None,
            })
        };
        let first_task = self.tasks.len();
        let (mut of_old, mut of_new) = (members(old).peekable(), members(new).peekable());
        while let (Some(&(old_key, old)), Some(&(new_key, new))) = (of_old.peek(), of_new.peek())
            && document.same_key(old_key, new_key)
        {
            self.pair(PathStep::Key(old_key), old, new);
            of_old.next();
            of_new.next();
        }
        if of_old.peek().is_some() && of_new.peek().is_some() {
            let new: Vec<_> = of_new.collect();
            let by_key = sorted(new.len(), &mut |a, b| {
                document.string(new[a].0).cmp(&document.string(new[b].0))
            });
            let mut taken = vec![false; new.len()];
            for (key, value) in of_old {
                let name = document.string(key);
                match by_key.binary_search_by(|&i| document.string(new[i].0).cmp(&name)) {
                    Ok(at) => {
                        taken[by_key[at]] = true;
                        self.pair(PathStep::Key(key), value, new[by_key[at]].1);
                    }
                    Err(_) => self.later(PathStep::Key(key), What::Remove(value)),
                }
            }
            for ((key, value), _) in new.into_iter().zip(taken).filter(|(_, taken)| !taken) {
                self.later(PathStep::Key(key), What::Add(value));
            }
        } else {
            for (key, value) in of_old {
                self.later(PathStep::Key(key), What::Remove(value));
            }
            for (key, value) in of_new {
                self.later(PathStep::Key(key), What::Add(value));
            }
        }
        self.tasks[first_task..].reverse();
    }
}
