//! Items of arrays as numbers: equal ones have the same, whatever their spelling.

use sealtrail_record::json::{Document, Kind, NodeId, Place, write_canonical_number};

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
    /// Room for what is left to compare.
    due: Vec<(NodeId, NodeId)>,
}

impl Sameness {
    pub(super) fn within(due: Vec<(NodeId, NodeId)>) -> Self {
        Self { due, ..Self::default() }
    }

    pub(super) fn into_room(self) -> Vec<(NodeId, NodeId)> {
        self.due
    }

    pub(super) fn same(&mut self, document: &Document<'_>, a: NodeId, b: NodeId) -> bool {
        if document.is_twin(a, b) {
            return true;
        }
        if let Some(hashes) = &self.hashes {
            return hashes[document.index(a)] == hashes[document.index(b)]
                && document.same_within(a, b, &mut self.due);
        }
        if document.has_children(a) && document.has_children(b) {
            let size = |node| document.index(document.next(node)) - document.index(node);
            self.asked += size(a).min(size(b));
            if self.asked > 8 * document.len() {
                let mut hashing = Hashing::default();
                hashing.hashes(document, 0..document.len());
                self.hashes = Some(hashing.found);
            }
        }
        document.same_within(a, b, &mut self.due)
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
    let (count, mut hashing) = (old.len() + new.len(), Hashing::default());
    let item = |at: usize| if at < old.len() { old[at] } else { new[at - old.len()] };
    let mut hash_of = Vec::with_capacity(count);
    for at in 0..count {
        let node = item(at);
        let range = document.index(node)..document.index(document.next(node));
        budget.take(range.len())?;
        // What has the same bytes as an old item has its hash; those stand in the order of the text.
        let known = match document.twin(node) {
            twin if twin == node => None,
            twin => old.binary_search(&twin).ok(),
        };
        let hash = match known.and_then(|twin| hash_of.get(twin)) {
            Some(hash) => *hash,
            None => hashing.hashes(document, range)[0],
        };
        hash_of.push(hash);
    }
    let (mut table, mut due) = (Table::new(hash_of), Vec::new());
    let (mut numbers, mut next) = (Vec::with_capacity(count), 0);
    for at in 0..count {
        let mut same = |other| document.same_within(item(at), item(other), &mut due);
        let first = table.place(at, budget, &mut same)?;
        if first == at {
            next += 1;
        }
        numbers.push(if first == at { next - 1 } else { numbers[first] });
    }
    let of_new = numbers.split_off(old.len());
    Some((numbers, of_new))
}

/// Items by their hashes, in places of which at most half are taken.
pub(super) struct Table {
    hashes: Vec<u64>,
    /// One more than the item, or nought.
    places: Vec<u32>,
}

impl Table {
    /// For items of these hashes, of which none has its place yet.
    pub(super) fn new(hashes: Vec<u64>) -> Self {
        let places = vec![0; (2 * hashes.len()).next_power_of_two().max(2)];
        Self { hashes, places }
    }

    /// The item with a place that this one is the same as; where there is none this one gets a place.
    pub(super) fn place(
        &mut self,
        item: usize,
        budget: &mut Budget,
        same: &mut dyn FnMut(usize) -> bool,
    ) -> Option<usize> {
        Some(match self.look(self.hashes[item], budget, same)? {
            Ok(other) => other,
            Err(free) => {
                self.places[free] = u32::try_from(item + 1).ok()?;
                item
            }
        })
    }

    /// The item of this hash that is the same as what is asked for; the outer `None` is the end of the
    /// budget.
    pub(super) fn find(
        &self,
        hash: u64,
        budget: &mut Budget,
        same: &mut dyn FnMut(usize) -> bool,
    ) -> Option<Option<usize>> {
        Some(self.look(hash, budget, same)?.ok())
    }

    /// The item, or the place where it would be.
    fn look(
        &self,
        hash: u64,
        budget: &mut Budget,
        same: &mut dyn FnMut(usize) -> bool,
    ) -> Option<Result<usize, usize>> {
        let mut place = (hash >> (64 - self.places.len().trailing_zeros())) as usize;
        while let Some(item) = (self.places[place] as usize).checked_sub(1) {
            if self.hashes[item] == hash {
                if same(item) {
                    return Some(Ok(item));
                }
                // Whoever makes items of one hash pays for comparing them.
                budget.take(64)?;
            }
            // And whoever crowds them together, for finding them.
            budget.take(1)?;
            place = (place + 1) % self.places.len();
        }
        Some(Err(place))
    }
}

/// Room to hash in.
#[derive(Default)]
struct Hashing {
    found: Vec<u64>,
    number: Vec<u8>,
}

impl Hashing {
    /// A hash for each node of a range that is closed (what a node holds is in it too): equal for values
    /// that are the same by [`Document::same`].
    fn hashes(&mut self, document: &Document<'_>, range: std::ops::Range<usize>) -> &[u64] {
        let (first, Self { found, number }) = (range.start, self);
        found.clear();
        found.resize(range.len(), 0);
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
                    number.clear();
                    let canonical = write_canonical_number(text, number);
                    mix(4, canonical.map_or_else(|| bytes(text.as_bytes()), |()| bytes(number)))
                }
                Kind::String if document.is_key(node) => 0,
                Kind::String => mix(5, bytes(document.written(node).as_bytes())),
                Kind::Array => document.children(node).fold(6, |all, (_, item)| mix(all, of(item))),
                // A sum, because the order of keys has no meaning.
                Kind::Object => {
                    let member = |(place, value)| match place {
                        Place::Key(key) => mix(bytes(document.string(key).as_bytes()), of(value)),
                        _ => 0,
                    };
                    mix(8, document.children(node).map(member).fold(7, u64::wrapping_add))
                }
            };
            found[index - first] = hash;
        }
        found
    }
}

/// A hash of bytes.
pub(super) fn bytes(text: &[u8]) -> u64 {
    let (words, rest) = text.as_chunks::<8>();
    let all = words.iter().fold(text.len() as u64, |all, w| mix(all, u64::from_le_bytes(*w)));
    mix(all, rest.iter().fold(0, |word, b| word << 8 | u64::from(*b)))
}

/// A product of 128 bits would mix better, and is a call of many steps on wasm32.
fn mix(a: u64, b: u64) -> u64 {
    let mixed = (a ^ 0x9E37_79B9_7F4A_7C15).rotate_left(23) ^ b.wrapping_mul(0xD6E8_FEB8_6659_FD93);
    let mixed = (mixed ^ mixed >> 32).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed ^ mixed >> 29
}
