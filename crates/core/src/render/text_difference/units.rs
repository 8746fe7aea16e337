//! Where a text is cut. Whether there is a cut between two characters depends on these two alone, so
//! what is equal in two texts is cut alike in both.

use std::ops::Range;

use super::Unit;

/// The cuts within a range: its start, the end of each unit in it.
pub(super) fn cut(text: &str, range: Range<usize>, unit: Unit) -> Vec<usize> {
    let mut cuts = vec![range.start];
    let bytes = &text.as_bytes()[..range.end];
    let mut at = range.start;
    while at < bytes.len() {
        at = match unit {
            Unit::Word => end_of_word(text, bytes, at),
            Unit::Line => {
                let feed = bytes[at..].iter().position(|b| *b == b'\n');
                feed.map_or(bytes.len(), |feed| at + feed + 1)
            }
        };
        cuts.push(at);
    }
    cuts
}

/// How many bytes both begin with, up to the last cut.
pub(super) fn common_head(a: &str, b: &str, unit: Unit) -> usize {
    let mut head = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    while !(is_cut(a, head, unit) && is_cut(b, head, unit)) {
        head -= 1;
    }
    head
}

/// How many bytes both end with, from the first cut.
pub(super) fn common_tail(a: &str, b: &str, unit: Unit) -> usize {
    let mut tail = a.bytes().rev().zip(b.bytes().rev()).take_while(|(a, b)| a == b).count();
    while !(is_cut(a, a.len() - tail, unit) && is_cut(b, b.len() - tail, unit)) {
        tail -= 1;
    }
    tail
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
