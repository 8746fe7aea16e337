use std::fmt;

/// The classes of outcome, each with an exit code of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    Intact,
    Uncovered,
    Changed,
    Dropped,
    Inserted,
    Reordered,
    Truncated,
    Segment,
    Tile,
    Bundle,
    Root,
    Checkpoint,
    Signature,
    ForeignKey,
    Unreadable,
    RolledBack,
    Fork,
    Witness,
}

impl Class {
    /// Every class, in the order of the codes.
    pub const ALL: &[Self] = &[
        Self::Intact,
        Self::Uncovered,
        Self::Changed,
        Self::Dropped,
        Self::Inserted,
        Self::Reordered,
        Self::Truncated,
        Self::Segment,
        Self::Tile,
        Self::Bundle,
        Self::Root,
        Self::Checkpoint,
        Self::Signature,
        Self::ForeignKey,
        Self::Unreadable,
        Self::RolledBack,
        Self::Fork,
        Self::Witness,
    ];

    /// 0 for an intact log, 10 for uncovered lines, 11 and up for failures.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Intact => 0,
            Self::Uncovered => 10,
            Self::Changed => 11,
            Self::Dropped => 12,
            Self::Inserted => 13,
            Self::Reordered => 14,
            Self::Truncated => 15,
            Self::Segment => 16,
            Self::Tile => 17,
            Self::Bundle => 18,
            Self::Root => 19,
            Self::Checkpoint => 20,
            Self::Signature => 21,
            Self::ForeignKey => 22,
            Self::Unreadable => 23,
            Self::RolledBack => 24,
            Self::Fork => 25,
            Self::Witness => 26,
        }
    }

    /// One word for scripts and one sentence for people.
    pub fn describe(self) -> (&'static str, &'static str) {
        match self {
            Self::Intact => ("intact", "every stored byte is what was signed"),
            Self::Uncovered => ("uncovered", "intact, but lines wait for a checkpoint"),
            Self::Changed => ("changed", "a line is not the one that was signed"),
            Self::Dropped => ("dropped", "a line was taken out"),
            Self::Inserted => ("inserted", "a line was put in"),
            Self::Reordered => ("reordered", "lines changed places"),
            Self::Truncated => ("truncated", "lines are missing at the end"),
            Self::Segment => ("segment", "a file of lines is missing"),
            Self::Tile => ("tile", "a hash tile was changed or is missing"),
            Self::Bundle => ("bundle", "an entry bundle was changed or is missing"),
            Self::Root => ("root", "lines and tiles agree, but not with the signed root"),
            Self::Checkpoint => ("checkpoint", "a signed note is missing or malformed"),
            Self::Signature => ("signature", "a signature is forged"),
            Self::ForeignKey => {
                ("foreign-key", "what was signed is another log's or by another key")
            }
            Self::Unreadable => ("unreadable", "a file cannot be read"),
            Self::RolledBack => {
                ("rolled-back", "the log is older than a checkpoint of it that is known")
            }
            Self::Fork => ("fork", "a checkpoint that was signed contradicts the lines"),
            Self::Witness => ("witness", "too few witnesses have cosigned the checkpoint"),
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.describe().0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_class_has_a_code_and_a_word_of_its_own() {
        let codes: HashSet<_> = Class::ALL.iter().map(|class| class.exit_code()).collect();
        let words: HashSet<_> = Class::ALL.iter().map(|class| class.to_string()).collect();
        assert_eq!((codes.len(), words.len()), (Class::ALL.len(), Class::ALL.len()));
        // 1 and 2 are any program's: other failures, wrong use.
        assert!(!codes.contains(&1) && !codes.contains(&2));
    }
}
