use super::{Change, name};
use crate::sort::sorted;

/// What is told in one go: one attribute, or all that happened in one array.
#[derive(Debug)]
pub struct Group {
    /// The name of the array.
    pub collection: Option<String>,
    /// Which of the changes.
    pub changes: Vec<usize>,
}

/// In the order in which each is first spoken of.
pub fn groups(changes: &[Change<'_>]) -> Vec<Group> {
    let collections: Vec<Option<String>> = changes
        .iter()
        .map(|change| Some(name(change.path, &change.indices, *change.indices.last()?)))
        .collect();
    // For each change the first that speaks of the same collection.
    let mut first: Vec<usize> = (0..changes.len()).collect();
    let order = sorted(changes.len(), &mut |a, b| collections[a].cmp(&collections[b]));
    for same in
        order.chunk_by(|&a, &b| collections[a].is_some() && collections[a] == collections[b])
    {
        same.iter().for_each(|&change| first[change] = same[0]);
    }
    let mut groups: Vec<Group> = Vec::new();
    let mut group_of = vec![0; changes.len()];
    for (i, collection) in collections.into_iter().enumerate() {
        if first[i] == i {
            group_of[i] = groups.len();
            groups.push(Group { collection, changes: vec![i] });
        } else {
            groups[group_of[first[i]]].changes.push(i);
        }
    }
    groups
}
