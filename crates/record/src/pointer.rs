//! JSON Pointer, RFC 6901.

use std::borrow::Cow;

use crate::decimal::digits;

/// Appends one reference token for an object's member (`~` and `/` escaped, RFC 6901 §3).
///
/// ```
/// let mut pointer = String::from("/customer");
/// sealtrail_record::pointer::push_key(&mut pointer, "middle/name");
/// assert_eq!(pointer, "/customer/middle~1name");
/// ```
pub fn push_key(pointer: &mut String, key: &str) {
    pointer.push('/');
    if !key.contains(['~', '/']) {
        return pointer.push_str(key);
    }
    for c in key.chars() {
        match c {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            c => pointer.push(c),
        }
    }
}

/// Appends one reference token for an array's item.
pub fn push_index(pointer: &mut String, index: usize) {
    pointer.push('/');
    pointer.push_str(digits(index, &mut [0; 20]));
}

/// The unescaped reference tokens; `None` if the text is not a JSON pointer.
pub fn tokens(pointer: &str) -> Option<Vec<Cow<'_, str>>> {
    each_token(pointer)?.collect()
}

/// The same one after another, each `None` where it is not one.
pub(crate) fn each_token(pointer: &str) -> Option<impl Iterator<Item = Option<Cow<'_, str>>>> {
    let inside = if pointer.is_empty() { None } else { Some(pointer.strip_prefix('/')?) };
    Some(inside.into_iter().flat_map(|tokens| tokens.split('/')).map(unescape))
}

fn unescape(token: &str) -> Option<Cow<'_, str>> {
    if !token.contains('~') {
        return Some(Cow::Borrowed(token));
    }
    let mut out = String::with_capacity(token.len());
    let mut chars = token.chars();
    while let Some(c) = chars.next() {
        out.push(match c {
            '~' => match chars.next()? {
                '0' => '~',
                '1' => '/',
                _ => return None,
            },
            c => c,
        });
    }
    Some(Cow::Owned(out))
}

/// A token as an array index: digits without a leading zero (RFC 6901 §4).
pub fn index(token: &str) -> Option<usize> {
    let plain = token.bytes().all(|b| b.is_ascii_digit()) && !token.is_empty();
    if !plain || (token.len() > 1 && token.starts_with('0')) {
        return None;
    }
    token.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip() {
        let mut pointer = String::new();
        for key in ["", "a/b", "m~n", "~1", " ", "é"] {
            push_key(&mut pointer, key);
        }
        push_index(&mut pointer, 10);
        push_index(&mut pointer, 0);
        push_index(&mut pointer, usize::MAX);
        let end = format!("/{}", usize::MAX);
        assert_eq!(pointer, format!("//a~1b/m~0n/~01/ /é/10/0{end}"));
        let keys = ["", "a/b", "m~n", "~1", " ", "é", "10", "0", &end[1..]];
        assert_eq!(tokens(&pointer).unwrap(), keys);
    }

    #[test]
    fn refusals() {
        assert!(tokens("a").is_none());
        assert!(tokens("/a~2").is_none());
        assert!(tokens("/a~").is_none());
        for token in ["", "01", "-", "-1", "1e1", "99999999999999999999999"] {
            assert_eq!(index(token), None, "{token}");
        }
        assert_eq!(index("0"), Some(0));
    }
}
