use std::ops::Range;
use std::sync::Arc;

use sha2::{Digest, Sha256};

/// Which record says of which keys that they were destroyed, in 24 bytes a key: an answer asks it of every key in its
/// records, and there may be as many as there were people.
///
/// A copy is as cheap as a few pointers, and stays as it is when more come.
#[derive(Debug, Clone, Default)]
pub struct Ends {
    /// Sorted, each at least twice as long as the next.
    levels: Vec<Arc<Vec<End>>>,
}

/// The key by the beginning of the SHA-256 of its id, and the record.
type End = ([u8; 16], u64);

/// The keys that some records say were destroyed.
#[derive(Debug, Clone, Default)]
pub struct Destroyed {
    /// What was read when it was first asked for, and what the log has said since.
    ends: [Ends; 2],
    by: Range<u64>,
}

impl Ends {
    pub fn add(&mut self, ends: impl IntoIterator<Item = (impl AsRef<str>, u64)>) {
        let ends = ends.into_iter().map(|(kid, index)| (digest(kid.as_ref()), index));
        let mut level: Vec<End> = ends.collect();
        if level.is_empty() {
            return;
        }
        while self.levels.last().is_some_and(|longer| longer.len() < 2 * level.len()) {
            let longer = self.levels.pop().expect("there is a last one");
            level.extend_from_slice(&longer);
        }
        level.sort_unstable();
        self.levels.push(Arc::new(level));
    }

    fn has(&self, key: [u8; 16], by: &Range<u64>) -> bool {
        self.levels.iter().any(|level| {
            let first = level.partition_point(|end| *end < (key, by.start));
            level.get(first).is_some_and(|(found, index)| *found == key && *index < by.end)
        })
    }
}

impl Destroyed {
    pub fn new(ends: [Ends; 2], by: Range<u64>) -> Self {
        Self { ends, by }
    }

    pub fn contains(&self, kid: &str) -> bool {
        !self.is_empty() && {
            let key = digest(kid);
            self.ends.iter().any(|ends| ends.has(key, &self.by))
        }
    }

    /// Whether nothing was ever destroyed.
    pub fn is_empty(&self) -> bool {
        self.ends.iter().all(|ends| ends.levels.is_empty())
    }
}

/// Keys whose records come as one goes.
impl Extend<String> for Destroyed {
    fn extend<I: IntoIterator<Item = String>>(&mut self, kids: I) {
        let index = self.by.start;
        self.ends[1].add(kids.into_iter().map(|kid| (kid, index)));
    }
}

#[cfg(test)]
impl<const N: usize> From<[&str; N]> for Destroyed {
    fn from(kids: [&str; N]) -> Self {
        let mut destroyed = Self::new(Default::default(), 0..u64::MAX);
        destroyed.extend(kids.map(str::to_owned));
        destroyed
    }
}

fn digest(kid: &str) -> [u8; 16] {
    let digest: [u8; 32] = Sha256::digest(kid).into();
    *digest.first_chunk().expect("16 of 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_destroyed_by_every_record_that_says_so_and_by_no_other() {
        let kid = |n: u64| format!("k_{}", n % 300);
        let (mut earlier, mut later) = (Ends::default(), Ends::default());
        // Some keys come again, as those of an older copy of the keyring do.
        earlier.add((0..250).map(|n| (kid(n), n)));
        for n in 250..700 {
            if n == 400 {
                let before = later.clone();
                later.add([(kid(n), n)]);
                let all = Destroyed::new([Ends::default(), before], 0..u64::MAX);
                assert!(!all.contains(&kid(400)), "a copy stays as it is");
                continue;
            }
            later.add([(kid(n), n)]);
        }
        let longest_first = |ends: &Ends| ends.levels.is_sorted_by(|a, b| a.len() >= 2 * b.len());
        assert!(later.levels.len() > 1 && longest_first(&later));
        for by in [0..700, 0..u64::MAX, 0..1, 100..100, 260..290, 300..301, 649..700] {
            let destroyed = Destroyed::new([earlier.clone(), later.clone()], by.clone());
            for key in 0..302 {
                let says = |n: &u64| *n < 700 && by.contains(n) && kid(*n) == format!("k_{key}");
                let expected = (0..700).any(|n| says(&n));
                assert_eq!(destroyed.contains(&format!("k_{key}")), expected, "{key} by {by:?}");
            }
        }
        assert!(Destroyed::default().is_empty() && !Destroyed::from(["k_1"]).is_empty());
    }
}
