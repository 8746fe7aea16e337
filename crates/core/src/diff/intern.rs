//! Items of arrays as numbers: equal ones have the same, whatever their spelling.

use sealtrail_record::json::{Document, Kind, NodeId, Place, canonical_number};
use sealtrail_record::sort::sorted;

/// Steps that a comparison may take beyond walking both values once. What cannot be done within it
/// is done more coarsely, and always in the same way: a budget of time would differ from run to run.
pub(super) struct Budget(u64);

impl Default for Budget {
    fn default() -> Self {
        Self(8_000_000)
    }
}

impl Budget {
    pub(super) fn take(&mut self, steps: usize) -> Option<()> {
        self.0 = self.0.checked_sub(steps as u64)?;
        Some(())
    }
}

/// Whether values are the same, at a cost that is bounded over all questions.
///
/// Arrays in arrays ask for the same values again at every level. Once that has cost more than
/// walking everything would, every value gets a hash, and only equal hashes are looked at.
#[derive(Default)]
pub(super) struct Sameness {
    asked: usize,
    hashes: Option<Vec<u64>>,
}

impl Sameness {
    pub(super) fn same(&mut self, document: &Document<'_>, a: NodeId, b: NodeId) -> bool {
        if document.is_twin(a, b) {
            return true;
        }
        if let Some(hashes) = &self.hashes {
            return hashes[document.index(a)] == hashes[document.index(b)] && document.same(a, b);
        }
        if document.has_children(a) && document.has_children(b) {
            let size = |node| document.index(document.next(node)) - document.index(node);
            self.asked += size(a).min(size(b));
            if self.asked > 8 * document.len() {
                self.hashes = Some(hashes(document, 0..document.len()));
            }
        }
        document.same(a, b)
    }
}

/// Gives the items of two arrays their numbers, by their values alone: how a text is written, and
/// what the reader found to repeat in it, has no part in it.
pub(super) fn numbers(
    document: &Document<'_>,
    old: &[NodeId],
    new: &[NodeId],
    budget: &mut Budget,
) -> Option<(Vec<u32>, Vec<u32>)> {
    let items = || old.iter().chain(new).copied();
    let mut hash_of = Vec::with_capacity(old.len() + new.len());
    for node in items() {
        let range = document.index(node)..document.index(document.next(node));
        budget.take(range.len())?;
        // What has the same bytes as an old item has its hash; those stand in the order of the text.
        let known = old.binary_search(&document.twin(node)).ok();
        let hash = match known.and_then(|twin| hash_of.get(twin)) {
            Some(hash) => *hash,
            None => hashes(document, range)[0],
        };
        hash_of.push(hash);
    }
    let item = |at: usize| if at < old.len() { old[at] } else { new[at - old.len()] };
    // Equal hashes stand side by side, and of these the first item of each number.
    let by_hash = sorted(hash_of.len(), &mut |a, b| hash_of[a].cmp(&hash_of[b]));
    let mut numbers = vec![0; hash_of.len()];
    let (mut known, mut next, mut hash): (Vec<(u32, NodeId)>, u32, _) = (Vec::new(), 0, None);
    for at in by_hash {
        if hash != Some(hash_of[at]) {
            hash = Some(hash_of[at]);
            known.clear();
        }
        // Whoever makes items of one hash pays for comparing them.
        budget.take(known.len().saturating_sub(1) * 64)?;
        let same = known.iter().find(|(_, other)| document.same(item(at), *other));
        numbers[at] = match same {
            Some((number, _)) => *number,
            None => {
                known.push((next, item(at)));
                next += 1;
                next - 1
            }
        };
    }
    let of_new = numbers.split_off(old.len());
    Some((numbers, of_new))
}

/// A hash for each node of a range that is closed (what a node holds is in it too): equal for values
/// that are the same by [`Document::same`].
fn hashes(document: &Document<'_>, range: std::ops::Range<usize>) -> Vec<u64> {
    let first = range.start;
    let mut found = vec![0; range.len()];
    // What is held stands behind what holds it.
    for index in range.rev() {
        let node = document.node(index);
        let of = |child: NodeId| found[document.index(child) - first];
        let hash = match document.kind(node) {
            // Keys are strings too; theirs is not asked for.
            Kind::Null => 1,
            Kind::Bool => 2 + u64::from(document.raw(node) == "true"),
            Kind::Number => {
                let text = document.raw(node);
                mix(4, canonical_number(text).map_or_else(|| bytes(text), |n| bytes(&n)))
            }
            Kind::String if document.is_key(node) => 0,
            Kind::String => mix(5, bytes(&document.written(node))),
            Kind::Array => document.children(node).fold(6, |all, (_, item)| mix(all, of(item))),
            // A sum, because the order of keys has no meaning.
            Kind::Object => {
                let member = |(place, value)| match place {
                    Place::Key(key) => mix(bytes(&document.string(key)), of(value)),
                    _ => 0,
                };
                mix(8, document.children(node).map(member).fold(7, u64::wrapping_add))
            }
        };
        found[index - first] = hash;
    }
    found
}

fn bytes(text: &str) -> u64 {
    let (words, rest) = text.as_bytes().as_chunks::<8>();
    let all = words.iter().fold(text.len() as u64, |all, w| mix(all, u64::from_le_bytes(*w)));
    mix(all, rest.iter().fold(0, |word, b| word << 8 | u64::from(*b)))
}

fn mix(a: u64, b: u64) -> u64 {
    let product = u128::from(a ^ 0x9E37_79B9_7F4A_7C15) * u128::from(b ^ 0xD6E8_FEB8_6659_FD93);
    (product as u64) ^ ((product >> 64) as u64) ^ a.rotate_left(32)
}
