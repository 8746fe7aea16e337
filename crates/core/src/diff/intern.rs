//! Items of arrays as numbers: equal ones have the same, whatever their spelling.

use std::collections::BTreeMap;

use sealtrail_record::json::{Value, canonical_number};

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

/// Gives out the numbers.
#[derive(Default)]
pub(super) struct Interner<'v, 'a> {
    by_hash: BTreeMap<u64, Vec<(u32, &'v Value<'a>)>>,
    next: u32,
}

impl<'v, 'a> Interner<'v, 'a> {
    pub(super) fn all(&mut self, items: &'v [Value<'a>], budget: &mut Budget) -> Option<Vec<u32>> {
        items.iter().map(|item| self.one(item, budget)).collect()
    }

    fn one(&mut self, item: &'v Value<'a>, budget: &mut Budget) -> Option<u32> {
        let hash = hash(item, budget)?;
        let candidates = self.by_hash.entry(hash).or_default();
        // Whoever makes items of one hash pays for comparing them.
        budget.take(candidates.len().saturating_sub(1) * 64)?;
        if let Some((number, _)) = candidates.iter().find(|(_, other)| item.same(other)) {
            return Some(*number);
        }
        let number = self.next;
        self.next += 1;
        candidates.push((number, item));
        Some(number)
    }
}

/// Equal for values that are the same by [`Value::same`].
fn hash(value: &Value<'_>, budget: &mut Budget) -> Option<u64> {
    budget.take(1)?;
    Some(match value {
        Value::Null => 1,
        Value::Bool(no) => 2 + u64::from(*no),
        Value::Number(text) => {
            mix(4, canonical_number(text).map_or_else(|| bytes(text), |n| bytes(&n)))
        }
        Value::String(text) => mix(5, bytes(text)),
        Value::Array(items) => {
            let mut all = 6;
            for item in items {
                all = mix(all, hash(item, budget)?);
            }
            all
        }
        // A sum, because the order of keys has no meaning.
        Value::Object(members) => {
            let mut sum = 7u64;
            for member in members {
                sum = sum.wrapping_add(mix(bytes(&member.key), hash(&member.value, budget)?));
            }
            mix(8, sum)
        }
    })
}

fn bytes(text: &str) -> u64 {
    let mut all = text.len() as u64;
    let mut chunks = text.as_bytes().chunks_exact(8);
    for chunk in &mut chunks {
        all = mix(all, chunk.iter().fold(0, |word, b| word << 8 | u64::from(*b)));
    }
    mix(all, chunks.remainder().iter().fold(0, |word, b| word << 8 | u64::from(*b)))
}

fn mix(a: u64, b: u64) -> u64 {
    let product = u128::from(a ^ 0x9E37_79B9_7F4A_7C15) * u128::from(b ^ 0xD6E8_FEB8_6659_FD93);
    (product as u64) ^ ((product >> 64) as u64) ^ a.rotate_left(32)
}
