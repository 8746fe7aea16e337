//! How often lines were synced, and how many at a time.

use std::sync::atomic::{AtomicU64, Ordering};

/// Commits since the log was opened, by how many lines each made durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitSizes {
    /// In the place n: commits of at most 2^n lines, and more than in the place before. Those that are larger than
    /// the last step are in none.
    pub steps: [u64; 13],
    /// All commits.
    pub commits: u64,
    /// Lines of all of them.
    pub lines: u64,
}

#[derive(Default)]
pub(crate) struct Commits {
    steps: [AtomicU64; 13],
    commits: AtomicU64,
    lines: AtomicU64,
}

impl Commits {
    pub(crate) fn add(&self, lines: u64) {
        let step = lines.next_power_of_two().trailing_zeros() as usize;
        if let Some(step) = self.steps.get(step) {
            step.fetch_add(1, Ordering::Relaxed);
        }
        self.lines.fetch_add(lines, Ordering::Relaxed);
        self.commits.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    pub(crate) fn sizes(&self) -> CommitSizes {
        CommitSizes {
            steps: self.steps.each_ref().map(|step| step.load(Ordering::Relaxed)),
            commits: self.count(),
            lines: self.lines.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_in_the_step_that_holds_it() {
        let commits = Commits::default();
        for lines in [1, 1, 2, 3, 4, 5, 4096, 4097, 1 << 40] {
            commits.add(lines);
        }
        let sizes = commits.sizes();
        assert_eq!(sizes.steps[..4], [2, 1, 2, 1]);
        assert_eq!((sizes.steps[12], sizes.steps.iter().sum()), (1, 7));
        assert_eq!((sizes.commits, sizes.lines), (9, 16 + 4096 + 4097 + (1 << 40)));
    }
}
