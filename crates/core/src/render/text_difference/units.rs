//! Where a text is cut. Whether there is a cut between two characters depends on these two alone, so
//! what is equal in two texts is cut alike in both.

use super::Unit;

/// The start of a text and the end of each unit in it.
pub(super) fn cut(text: &str, unit: Unit) -> Vec<usize> {
    let mut cuts = vec![0];
    let mut at = 0;
    while at < text.len() {
        at = end_of_unit(text, at, unit);
        cuts.push(at);
    }
    cuts
}

/// The end of the unit that begins here, which is before the end of the text.
pub(super) fn end_of_unit(text: &str, at: usize, unit: Unit) -> usize {
    let bytes = text.as_bytes();
    match unit {
        Unit::Word => end_of_word(text, bytes, at),
        Unit::Line => {
            let feed = bytes[at..].iter().position(|b| *b == b'\n');
            feed.map_or(bytes.len(), |feed| at + feed + 1)
        }
    }
}

/// How many bytes both begin with, up to the last cut.
pub(super) fn common_head(a: &str, b: &str, unit: Unit) -> usize {
    let words = a.as_bytes().chunks_exact(8).zip(b.as_bytes().chunks_exact(8));
    let whole = 8 * words.take_while(|(a, b)| word(a) == word(b)).count();
    let rest = a.as_bytes()[whole..].iter().zip(&b.as_bytes()[whole..]);
    let mut head = whole + rest.take_while(|(a, b)| a == b).count();
    while !(is_cut(a, head, unit) && is_cut(b, head, unit)) {
        head -= 1;
    }
    head
}

/// How many bytes both end with, from the first cut.
pub(super) fn common_tail(a: &str, b: &str, unit: Unit) -> usize {
    let words = a.as_bytes().rchunks_exact(8).zip(b.as_bytes().rchunks_exact(8));
    let whole = 8 * words.take_while(|(a, b)| word(a) == word(b)).count();
    let (left, right) = (&a.as_bytes()[..a.len() - whole], &b.as_bytes()[..b.len() - whole]);
    let rest = left.iter().rev().zip(right.iter().rev());
    let mut tail = whole + rest.take_while(|(a, b)| a == b).count();
    while !(is_cut(a, a.len() - tail, unit) && is_cut(b, b.len() - tail, unit)) {
        tail -= 1;
    }
    tail
}

/// Eight bytes as one number; of no other length.
fn word(bytes: &[u8]) -> Option<u64> {
    bytes.try_into().ok().map(u64::from_le_bytes)
}

/// The ends of a text are cuts.
fn is_cut(text: &str, at: usize, unit: Unit) -> bool {
    let Some((head, tail)) = text.split_at_checked(at) else { return false };
    match (head.chars().next_back(), tail.chars().next()) {
        (Some(left), Some(right)) => match unit {
            Unit::Word => Class::of(left) == Class::Single || Class::of(left) != Class::of(right),
            Unit::Line => left == '\n',
        },
        _ => true,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Word,
    Space,
    /// A unit by itself.
    Single,
}

impl Class {
    fn of(c: char) -> Self {
        match c {
            '0'..='9' | 'A'..='Z' | 'a'..='z' | '_' => Self::Word,
            c if c.is_whitespace() => Self::Space,
            '\0'..='\u{7f}' => Self::Single,
            // The letters among the signs of Latin-1.
            'ª' | 'µ' | 'º' => Self::Word,
            '\u{80}'..='¿' | '×' | '÷' => Self::Single,
            // Dashes, quotes, dots; not the joiners, which belong to the word around them.
            '\u{2010}'..='\u{2027}' | '\u{2030}'..='\u{205e}' => Self::Single,
            // Scripts that are written without spaces: CJK, kana, their signs and wide forms.
            '\u{2e80}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{ff00}'..='\u{ffef}' => {
                Self::Single
            }
            '\u{20000}'..='\u{3ffff}' => Self::Single,
            // Letters of other scripts, and marks, which must stay with the letter before them.
            _ => Self::Word,
        }
    }
}

fn end_of_word(text: &str, bytes: &[u8], at: usize) -> usize {
    let (class, mut end) = class_at(text, bytes, at);
    while class != Class::Single && end < bytes.len() {
        let (next, after) = class_at(text, bytes, end);
        if next != class {
            break;
        }
        end = after;
    }
    end
}

/// The class of the character at a boundary of characters, and where it ends.
fn class_at(text: &str, bytes: &[u8], at: usize) -> (Class, usize) {
    match bytes[at] {
        b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'_' => (Class::Word, at + 1),
        b' ' | b'\t'..=b'\r' => (Class::Space, at + 1),
        0..=0x7f => (Class::Single, at + 1),
        _ => match text[at..].chars().next() {
            Some(c) => (Class::of(c), at + c.len_utf8()),
            None => (Class::Single, bytes.len()),
        },
    }
}
