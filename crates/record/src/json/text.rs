//! The bytes of JSON texts: many at a time where nothing happens, one by one where something does.

use std::borrow::Cow;

/// Offset of the first byte that is not UTF-8.
///
/// Blocks of ASCII are passed over; only what lies between them is looked at closely.
pub(super) fn first_not_utf8(text: &[u8]) -> Option<usize> {
    const BLOCK: usize = 64;
    let is_ascii = |at: usize| {
        let end = text.len().min(at + BLOCK);
        text[at..end].iter().fold(0, |all, b| all | b) < 0x80
    };
    let mut at = 0;
    while at < text.len() {
        if is_ascii(at) {
            at += BLOCK;
            continue;
        }
        // A character never spans a block of ASCII, so the stretch up to the next one stands alone.
        let mut end = at + BLOCK;
        while end < text.len() && !is_ascii(end) {
            end += BLOCK;
        }
        if let Err(e) = std::str::from_utf8(&text[at..end.min(text.len())]) {
            return Some(at + e.valid_up_to());
        }
        at = end;
    }
    None
}

/// Offset of the first byte from `at` on that is a quote, a backslash or a control character, or
/// the length of the text.
///
/// ```
/// assert_eq!(sealtrail_record::json::end_of_plain(br#""name": 1"#, 1), 5);
/// ```
#[inline(always)]
pub fn end_of_plain(text: &[u8], mut at: usize) -> usize {
    while let Some(block) = text.get(at..).and_then(|rest| rest.first_chunk::<BLOCK>()) {
        let found = specials(block);
        if found != 0 {
            return at + found.trailing_zeros() as usize;
        }
        at += BLOCK;
    }
    end_of_plain_at_the_end(text, at)
}

#[inline(never)]
fn end_of_plain_at_the_end(text: &[u8], mut at: usize) -> usize {
    while text.get(at).is_some_and(|&b| b >= 0x20 && b != b'"' && b != b'\\') {
        at += 1;
    }
    at
}

/// Most strings end in the first block; what is read of it in vain costs less than a branch that
/// nobody can foretell.
const BLOCK: usize = 32;

/// A bit for each quote, backslash and control character. Bits above the lowest may be wrong.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn specials(block: &[u8; BLOCK]) -> u32 {
    use std::arch::x86_64::{
        _mm_cmpeq_epi8, _mm_loadu_si128, _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128,
        _mm_set1_epi8,
    };

    let half = |half: &[u8; BLOCK / 2]| {
        // SAFETY: every x86-64 has SSE2, and the half is 16 bytes, which an unaligned load reads.
        let found = unsafe {
            let bytes = _mm_loadu_si128(half.as_ptr().cast());
            let equal = |byte: u8| _mm_cmpeq_epi8(bytes, _mm_set1_epi8(byte as i8));
            let control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1F)), bytes);
            _mm_movemask_epi8(_mm_or_si128(control, _mm_or_si128(equal(b'"'), equal(b'\\'))))
        };
        found as u32
    };
    let (halves, _) = block.as_chunks();
    half(&halves[0]) | half(&halves[1]) << 16
}

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
#[inline(always)]
fn specials(block: &[u8; BLOCK]) -> u32 {
    use std::arch::wasm32::{u8x16_bitmask, u8x16_eq, u8x16_lt, u8x16_splat, v128_load, v128_or};

    let half = |half: &[u8; BLOCK / 2]| {
        // SAFETY: the half is 16 bytes, which a load without alignment reads.
        let bytes = unsafe { v128_load(half.as_ptr().cast()) };
        let equal = |byte| u8x16_eq(bytes, u8x16_splat(byte));
        let control = u8x16_lt(bytes, u8x16_splat(0x20));
        u32::from(u8x16_bitmask(v128_or(control, v128_or(equal(b'"'), equal(b'\\')))))
    };
    let (halves, _) = block.as_chunks();
    half(&halves[0]) | half(&halves[1]) << 16
}

#[cfg(not(any(
    target_arch = "x86_64",
    all(target_arch = "wasm32", target_feature = "simd128")
)))]
use specials_by_word as specials;

/// Eight bytes at a time in a plain word. The lowest high bit that is set marks the first byte that
/// is looked for; bits above it may be wrong, because a borrow runs upwards.
#[cfg_attr(
    any(target_arch = "x86_64", all(target_arch = "wasm32", target_feature = "simd128")),
    cfg(test)
)]
fn specials_by_word(block: &[u8; BLOCK]) -> u32 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let below =
        |word: u64, bound: u64| word.wrapping_sub(ONES.wrapping_mul(bound)) & !word & (ONES << 7);
    let equal = |word: u64, byte: u8| below(word ^ ONES.wrapping_mul(u64::from(byte)), 1);
    let (words, _) = block.as_chunks::<8>();
    words.iter().zip([0, 8, 16, 24]).fold(0, |all, (word, shift)| {
        let word = u64::from_le_bytes(*word);
        let found = below(word, 0x20) | equal(word, b'"') | equal(word, b'\\');
        match found {
            0 => all,
            _ => all | 1 << (shift + found.trailing_zeros() / 8),
        }
    })
}

/// How many digits are at the beginning of eight bytes.
#[inline(always)]
pub(super) fn leading_digits(bytes: &[u8; 8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    // Of a digit four bits are left, and adding 0x76 to no more than nine leaves the high bit clear.
    let low = u64::from_le_bytes(*bytes) ^ (ONES * 0x30);
    let above_nine = ((low & (ONES * 0x7F)) + ONES * 0x76) | low;
    ((above_nine & (ONES * 0x80)).trailing_zeros() / 8) as usize
}

/// Whether `len` bytes at two places of a text are the same. What is behind the end is no byte.
#[inline(always)]
pub(super) fn same_bytes(text: &[u8], a: usize, b: usize, len: usize) -> bool {
    match (text.get(a..a.wrapping_add(len)), text.get(b..b.wrapping_add(len))) {
        (Some(a), Some(b)) => same(a, b),
        _ => false,
    }
}

/// Most are short: their beginnings and their ends, which may overlap, are all of them.
#[inline(always)]
fn same(a: &[u8], b: &[u8]) -> bool {
    #[inline(always)]
    fn ends<const N: usize>(bytes: &[u8]) -> Option<([u8; N], [u8; N])> {
        Some((*bytes.first_chunk()?, *bytes.last_chunk()?))
    }
    match a.len() {
        8..=16 => ends::<8>(a) == ends::<8>(b),
        4..=7 => ends::<4>(a) == ends::<4>(b),
        17..=32 => ends::<16>(a) == ends::<16>(b),
        1..=3 => ends::<1>(a) == ends::<1>(b) && a[a.len() / 2] == b[b.len() / 2],
        _ => a == b,
    }
}

/// How many bytes two texts have in common from their beginning.
#[inline]
pub(super) fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    let len = a.len().min(b.len());
    let (a, b) = (&a[..len], &b[..len]);
    let word = |bytes: &[u8; 8]| u64::from_ne_bytes(*bytes);
    let differs = |a: &[u8; 32], b: &[u8; 32]| {
        let (a, b) = (a.as_chunks::<8>().0, b.as_chunks::<8>().0);
        a.iter().zip(b).fold(0, |all, (a, b)| all | (word(a) ^ word(b))) != 0
    };
    let (blocks, _) = a.as_chunks::<32>();
    let same = blocks.iter().zip(b.as_chunks::<32>().0).take_while(|(a, b)| !differs(a, b)).count();
    let mut at = same * 32;
    while let (Some(x), Some(y)) = (a[at..].first_chunk::<8>(), b[at..].first_chunk::<8>()) {
        let different = u64::from_le_bytes(*x) ^ u64::from_le_bytes(*y);
        if different != 0 {
            return at + (different.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    at + a[at..].iter().zip(&b[at..]).take_while(|(a, b)| a == b).count()
}

/// The text of a string between its quotes. It has been read before, so every escape is one.
pub(super) fn decode(raw: &str) -> Cow<'_, str> {
    let Some(first) = raw.find('\\') else { return Cow::Borrowed(raw) };
    let mut out = String::with_capacity(raw.len());
    out.push_str(&raw[..first]);
    let mut rest = &raw[first..];
    while let Some(escaped) = rest.strip_prefix('\\') {
        let (c, len) = escape(escaped);
        out.push(c);
        rest = escaped.get(len..).unwrap_or_default();
        let plain = rest.find('\\').unwrap_or(rest.len());
        out.push_str(&rest[..plain]);
        rest = &rest[plain..];
    }
    Cow::Owned(out)
}

/// The character of an escape, and how long it is behind its backslash.
fn escape(text: &str) -> (char, usize) {
    let unit = |at: usize| text.get(at..at + 4).and_then(|hex| u32::from_str_radix(hex, 16).ok());
    let simple = match text.as_bytes().first() {
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => {
            let high = unit(1).unwrap_or(0xFFFD);
            if !(0xD800..0xDC00).contains(&high) {
                return (char::from_u32(high).unwrap_or('\u{FFFD}'), 5);
            }
            let low = unit(7).unwrap_or(0xDC00).clamp(0xDC00, 0xDFFF);
            let scalar = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
            return (char::from_u32(scalar).unwrap_or('\u{FFFD}'), 11);
        }
        Some(&other) => char::from(other),
        None => return ('\u{FFFD}', 0),
    };
    (simple, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utf8_is_checked_across_blocks() {
        for lead in 0..140 {
            for (bad, ok) in [
                (&b"\xC3\xA9"[..], true),
                (b"\xC3", false),
                (b"\xA9", false),
                (b"\xF0\x9F\x98", false),
            ] {
                for tail in [0, 1, 63, 64, 65, 130] {
                    let text = [&vec![b'a'; lead][..], bad, &vec![b'b'; tail]].concat();
                    let expected = std::str::from_utf8(&text).err().map(|e| e.valid_up_to());
                    assert_eq!(expected.is_none(), ok);
                    assert_eq!(first_not_utf8(&text), expected, "{lead} {bad:?} {tail}");
                }
            }
        }
    }

    #[test]
    fn the_first_special_byte_is_found_wherever_it_is() {
        for lead in 0..40 {
            for special in [b'"', b'\\', 0, 0x1F] {
                for other in [b'"', 0x20, 0x21, 0x7F, 0x80, 0xFF] {
                    let mut text = vec![b'a'; lead];
                    text.extend([special, other, other, other, other, other, other, other, other]);
                    assert_eq!(end_of_plain(&text, 0), lead);
                }
            }
            let plain: Vec<u8> = (0..lead)
                .map(|i| [0x20, 0x21, 0x23, 0x5B, 0x5D, 0x7F, 0x80, 0xFF][i % 8])
                .collect();
            assert_eq!(end_of_plain(&plain, 0), lead);
        }
    }

    #[test]
    fn both_ways_find_the_same_special_byte() {
        let mut seed = 5_u64;
        for _ in 0..20_000 {
            let block: [u8; BLOCK] = std::array::from_fn(|_| {
                seed = seed.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
                // Mostly letters, so that the first is anywhere.
                if seed >> 60 == 0 { (seed >> 40) as u8 } else { b'a' }
            });
            let first = block.iter().position(|&b| b < 0x20 || b == b'"' || b == b'\\');
            let first = first.map_or(32, |at| at as u32);
            assert_eq!(specials(&block).trailing_zeros(), first, "{block:?}");
            assert_eq!(specials_by_word(&block).trailing_zeros(), first, "{block:?}");
        }
    }

    #[test]
    fn digits_are_counted_up_to_any_other_byte() {
        for count in 0..8 {
            for other in (0..=255).filter(|b: &u8| !b.is_ascii_digit()) {
                let mut bytes = *b"09182736";
                bytes[count] = other;
                assert_eq!(leading_digits(&bytes), count, "{bytes:?}");
            }
        }
        assert_eq!(leading_digits(b"90909090"), 8);
    }

    #[test]
    fn prefixes() {
        for len in 0..80 {
            let a = vec![7; len];
            for other in 0..len {
                let mut b = a.clone();
                b[other] = 8;
                assert_eq!(common_prefix(&a, &b), other);
            }
            assert_eq!(common_prefix(&a, &[7; 40]), len.min(40));
        }
    }

    #[test]
    fn the_same_bytes_at_two_places() {
        let text = b"0123456789abcdefghij0123456789abcdefghiX0123456789abcdefghij0123456789a";
        for len in 1..=40 {
            for (a, b) in [(0, 20), (1, 21), (0, 0), (5, 25), (19, 39), (0, 1), (0, 40), (40, 60)] {
                let of = |at: usize| text.get(at..at + len);
                let same = of(a).is_some() && of(a) == of(b);
                assert_eq!(same_bytes(text, a, b, len), same, "{a} {b} {len}");
            }
        }
    }

    #[test]
    fn escapes() {
        assert_eq!(decode("plain"), "plain");
        assert_eq!(
            decode(r#"a\"\\\/\b\f\n\r\t\u0041\u00e9\ud83d\ude00z"#),
            "a\"\\/\u{8}\u{c}\n\r\tAé😀z"
        );
        // Never reached with a text that was read, and still no panic.
        for broken in ["\\", "\\u", "\\u12", "\\ud83d", "\\ud83d\\u", "\\é"] {
            assert!(!decode(broken).is_empty());
        }
    }
}
