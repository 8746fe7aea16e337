use super::Budget;

/// Numbers for units: equal ones have the same. Open addressing, because a tree of texts would be the
/// slowest part of a comparison, and without random seeds, because the same input must cost the same;
/// whoever makes units that collide pays for it from the budget.
pub(super) struct Interner<'t> {
    /// The number and 1, or 0 where the place is free. Its length is a power of two.
    places: Vec<u32>,
    known: Vec<(u64, &'t str)>,
}

impl<'t> Interner<'t> {
    pub(super) fn new(units: usize) -> Self {
        let places = units.saturating_mul(2).next_power_of_two().max(16);
        Self { places: vec![0; places], known: Vec::new() }
    }

    /// How many different units there are.
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    /// The numbers of the units between these cuts; `None` where that takes too many steps.
    pub(super) fn all(
        &mut self,
        text: &'t str,
        cuts: &[usize],
        budget: &mut Budget,
    ) -> Option<Vec<u32>> {
        cuts.windows(2).map(|cut| self.one(&text[cut[0]..cut[1]], budget)).collect()
    }

    fn one(&mut self, unit: &'t str, budget: &mut Budget) -> Option<u32> {
        let (hash, mask) = (hash(unit.as_bytes()), self.places.len() - 1);
        let mut place = (hash >> 20) as usize & mask;
        loop {
            let Some(number) = self.places[place].checked_sub(1) else {
                let number = u32::try_from(self.known.len()).ok()?;
                self.known.push((hash, unit));
                self.places[place] = number.checked_add(1)?;
                return Some(number);
            };
            let (other_hash, other) = self.known[number as usize];
            if other_hash == hash {
                if other == unit {
                    return Some(number);
                }
                budget.take(unit.len())?;
            }
            budget.take(1)?;
            place = (place + 1) & mask;
        }
    }
}

fn hash(bytes: &[u8]) -> u64 {
    const ODD: u64 = 0x9E37_79B9_7F4A_7C15;
    let word = |chunk: &[u8]| chunk.iter().fold(0, |word, b| word << 8 | u64::from(*b));
    let mix = |hash: u64, word: u64| {
        let product = (hash ^ word).wrapping_mul(ODD);
        product ^ product >> 29
    };
    let chunks = bytes.chunks_exact(8);
    let rest = word(chunks.remainder());
    let all = chunks.fold(bytes.len() as u64, |hash, chunk| mix(hash, word(chunk)));
    mix(mix(all, rest), ODD)
}
