//! Tokens of RFC 8259: where each ends, or what was expected where.

use super::error::Kind;
use super::text::{end_of_plain, leading_digits};

pub(super) type Refused = (Kind, usize);

/// The byte at an offset; zero, which no token has, behind the end.
#[inline(always)]
pub(super) fn byte(text: &[u8], at: usize) -> u8 {
    text.get(at).copied().unwrap_or(0)
}

pub(super) fn expected(what: &'static str, at: usize) -> Refused {
    (Kind::Syntax { expected: what }, at)
}

#[inline(always)]
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// The end of a string that begins at `at` with its quote, and whether it has escapes.
#[inline(always)]
pub(super) fn string(text: &[u8], at: usize) -> Result<(usize, bool), Refused> {
    let end = end_of_plain(text, at + 1);
    if byte(text, end) == b'"' {
        return Ok((end + 1, false));
    }
    string_with_escapes(text, end)
}

#[cold]
fn string_with_escapes(text: &[u8], mut at: usize) -> Result<(usize, bool), Refused> {
    loop {
        at = match text.get(at) {
            Some(b'"') => return Ok((at + 1, true)),
            Some(b'\\') => end_of_plain(text, escape(text, at)?),
            None => return Err(expected("the closing quote of a string", at)),
            Some(_) => return Err(expected("an escape for a control character", at)),
        };
    }
}

fn escape(text: &[u8], start: usize) -> Result<usize, Refused> {
    match byte(text, start + 1) {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Ok(start + 2),
        b'u' => {
            let (unit, end) = four_hex(text, start + 2)?;
            if !(0xD800..0xE000).contains(&unit) {
                return Ok(end);
            }
            let paired = unit < 0xDC00 && text.get(end..end + 2) == Some(b"\\u");
            let (low, end) = if paired { four_hex(text, end + 2)? } else { (0, end) };
            match (0xDC00..0xE000).contains(&low) {
                true => Ok(end),
                false => Err((Kind::LoneSurrogate, start)),
            }
        }
        _ => Err(expected("one of `\"\\/bfnrtu` after a backslash", start + 1)),
    }
}

fn four_hex(text: &[u8], at: usize) -> Result<(u32, usize), Refused> {
    (at..at + 4).try_fold((0, at), |(unit, _), at| match (byte(text, at) as char).to_digit(16) {
        Some(digit) => Ok((unit << 4 | digit, at + 1)),
        None => Err(expected("four hexadecimal digits", at)),
    })
}

/// The end of a number that begins at `at`.
#[inline(always)]
pub(super) fn number(text: &[u8], mut at: usize) -> Result<usize, Refused> {
    if byte(text, at) == b'-' {
        at += 1;
    }
    at = if byte(text, at) == b'0' { at + 1 } else { digits(text, at)? };
    if byte(text, at) == b'.' {
        at = digits(text, at + 1)?;
    }
    if matches!(byte(text, at), b'e' | b'E') {
        at += 1 + usize::from(matches!(byte(text, at + 1), b'+' | b'-'));
        at = digits(text, at)?;
    }
    Ok(at)
}

#[inline(always)]
fn digits(text: &[u8], start: usize) -> Result<usize, Refused> {
    let mut at = start;
    // Many at a time, because how many there are can hardly be foretold.
    while let Some(bytes) = text.get(at..).and_then(|rest| rest.first_chunk()) {
        let count = leading_digits(bytes);
        at += count;
        if count < bytes.len() {
            return if at == start { Err(expected("a digit", at)) } else { Ok(at) };
        }
    }
    while byte(text, at).is_ascii_digit() {
        at += 1;
    }
    if at == start { Err(expected("a digit", at)) } else { Ok(at) }
}

/// The end of `true`, `false` or `null`.
#[inline(always)]
pub(super) fn word(text: &[u8], at: usize) -> Result<usize, Refused> {
    let word: &[u8] = match byte(text, at) {
        b't' => b"true",
        b'f' => b"false",
        b'n' => b"null",
        _ => return Err(expected("a value", at)),
    };
    match text[at..].starts_with(word) {
        true => Ok(at + word.len()),
        false => Err(expected("a value", at)),
    }
}
