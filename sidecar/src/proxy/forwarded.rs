//! `Forwarded` (RFC 7239), an element at a time from the right.
//!
//! The right end is what the nearest proxy wrote. Whatever stands left of it may be a client's, with a quote
//! that never ends, so a reader who begins at the left can be led past what the proxies added; one who begins
//! at the right cannot. Each element is read by the letter of §4 and §6: tokens, quoted strings, no parameter
//! twice, addresses with a port or IPv6 only in quotes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Takes the last element of a list off it; what is left of a comma is the rest, if there is one.
pub fn take_last<'v>(list: &mut Option<&'v [u8]>) -> Option<&'v [u8]> {
    let value = (*list)?;
    let mut is_quoted = false;
    for at in (0..value.len()).rev() {
        match value[at] {
            b'"' if !is_escaped(&value[..at]) => is_quoted = !is_quoted,
            b',' if !is_quoted => {
                *list = Some(&value[..at]);
                return Some(value[at + 1..].trim_ascii());
            }
            _ => {}
        }
    }
    *list = None;
    Some(value.trim_ascii())
}

/// The address in the `for` of an element. None if it has none, hides it (`unknown`, `_name`), or breaks the
/// grammar anywhere.
pub fn address(element: &[u8]) -> Option<IpAddr> {
    let mut names: Vec<Vec<u8>> = Vec::new();
    let mut address = None;
    let mut rest = element;
    loop {
        if !rest.is_empty() && rest[0] != b';' {
            let (name, after) = token(rest)?;
            let name = name.to_ascii_lowercase();
            let (value, after) = value(after.strip_prefix(b"=")?)?;
            match name.as_slice() {
                b"for" => address = node(&value)?,
                b"by" => drop(node(&value)?),
                b"proto" if !is_scheme(&value) => return None,
                _ => {}
            }
            if names.contains(&name) {
                return None;
            }
            names.push(name);
            rest = after;
        }
        match rest {
            [] => return address,
            [b';', after @ ..] => rest = after,
            _ => return None,
        }
    }
}

/// The element that a proxy adds: who asked it, under which host, by which scheme.
pub fn element(peer: IpAddr, host: Option<&str>, scheme: &str) -> String {
    let mut element = match peer {
        IpAddr::V4(peer) => format!("for={peer}"),
        IpAddr::V6(peer) => format!("for=\"[{peer}]\""),
    };
    if let Some(host) = host {
        let quoted = host.replace('\\', "\\\\").replace('"', "\\\"");
        element += &if is_token(host.as_bytes()) {
            format!(";host={host}")
        } else {
            format!(";host=\"{quoted}\"")
        };
    }
    element + ";proto=" + scheme
}

/// An odd number of backslashes before it escapes a quote.
fn is_escaped(before: &[u8]) -> bool {
    before.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}

fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|b| is_token_byte(*b))
}

/// RFC 9110 §5.6.2.
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn token(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = text.iter().take_while(|b| is_token_byte(**b)).count();
    (length > 0).then(|| text.split_at(length))
}

/// A token or a quoted string (RFC 9110 §5.6.4), without its quotes and escapes.
fn value(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let Some(quoted) = text.strip_prefix(b"\"") else {
        return token(text).map(|(value, rest)| (value.to_owned(), rest));
    };
    let is_text = |b: u8| matches!(b, b'\t' | b' '..=b'~' | 0x80..);
    let mut value = Vec::new();
    let mut bytes = quoted.iter().copied().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => return Some((value, &quoted[at + 1..])),
            b'\\' => value.push(bytes.next().map(|(_, b)| b).filter(|b| is_text(*b))?),
            byte if is_text(byte) => value.push(byte),
            _ => return None,
        }
    }
    None
}

/// A node (§6): the outer None for what is none, the inner for one that hides its address.
#[allow(clippy::option_option)]
fn node(text: &[u8]) -> Option<Option<IpAddr>> {
    let text = std::str::from_utf8(text).ok()?;
    if let Some(rest) = text.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        let address: Ipv6Addr = address.parse().ok()?;
        let is_port = port.is_empty() || port.strip_prefix(':').is_some_and(is_node_port);
        return is_port.then(|| Some(IpAddr::V6(address).to_canonical()));
    }
    let (name, port) = text.split_once(':').map_or((text, None), |(name, p)| (name, Some(p)));
    if !port.is_none_or(is_node_port) {
        return None;
    }
    if name.eq_ignore_ascii_case("unknown") || is_obfuscated(name) {
        return Some(None);
    }
    name.parse::<Ipv4Addr>().ok().map(|address| Some(address.into()))
}

fn is_node_port(text: &str) -> bool {
    let is_number = (1..=5).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    is_number || is_obfuscated(text)
}

fn is_obfuscated(text: &str) -> bool {
    let is_part = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    text.strip_prefix('_').is_some_and(|name| !name.is_empty() && name.bytes().all(is_part))
}

/// RFC 3986 §3.1.
fn is_scheme(text: &[u8]) -> bool {
    text.first().is_some_and(u8::is_ascii_alphabetic)
        && text.iter().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(element: &str) -> String {
        address(element.as_bytes()).map_or_else(|| "-".into(), |address| address.to_string())
    }

    #[test]
    fn elements_by_the_letter() {
        for (element, expected) in [
            ("for=203.0.113.7", "203.0.113.7"),
            ("FOR=203.0.113.7;proto=https;by=203.0.113.8", "203.0.113.7"),
            ("proto=http;;For=\"203.0.113.7:99\";", "203.0.113.7"),
            ("for=\"203.0.113.7:_p\"", "203.0.113.7"),
            ("for=\"[2001:db8::1]\"", "2001:db8::1"),
            ("for=\"[2001:db8::1]:99\"", "2001:db8::1"),
            ("for=\"[::ffff:203.0.113.7]\"", "203.0.113.7"),
            ("for=\"203.0\\.113.7\"", "203.0.113.7"),
            ("for=203.0.113.7;host=\"a;for=1.1.1.1,\\\"b\"", "203.0.113.7"),
            ("for=203.0.113.7;ext=\"\"", "203.0.113.7"),
        ] {
            assert_eq!(read(element), expected, "{element}");
        }
        for hidden in ["for=unknown", "for=Unknown", "for=_hidden", "for=\"_a.b:_c\"", "by=_a", ""]
        {
            assert_eq!(read(hidden), "-", "{hidden}");
        }
        for bad in [
            "for=203.0.113.7:99",
            "for=[2001:db8::1]",
            "for=\"2001:db8::1\"",
            "for=\"[203.0.113.7]\"",
            "for=\"[2001:db8::1]99\"",
            "for=\"[2001:db8::1]:\"",
            "for=\"203.0.113.7:123456\"",
            "for=\"203.0.113.7:x\"",
            "for=203.0.113.7;for=203.0.113.7",
            "for=203.0.113.7;For=1.1.1.1",
            "for=203.0.113.7;by=me",
            "for=203.0.113.7;proto=\"ht tp\"",
            "for = 203.0.113.7",
            "for=203.0.113.7; proto=http",
            "for=203.0.113.7 ;proto=http",
            "for=\"203.0.113.7",
            "for=203.0.113.7\"",
            "for=\"203.0.113.7\"x",
            "for=\"203.0.113.7\\\"",
            "for=203.0.113.7;host=",
            "for=203.0.113.7;=a",
            "for=203.0.113.7;host",
            "for=_",
            "for=03.0.113.007",
            "203.0.113.7",
            "for=\"\u{1}\"",
        ] {
            assert_eq!(read(bad), "-", "{bad}");
        }
    }

    #[test]
    fn nothing_on_the_left_changes_what_is_on_the_right() {
        for left in ["for=\"", "for=\"a\\", "\\", "\"\\\"", "a=\"b,c", ",,", "for=\"a\"\""] {
            let list = format!("{left}, for=\"[2001:db8::1]:9\";host=\"a,\\\"b\", for=203.0.113.7");
            let mut list = Some(list.as_bytes());
            assert_eq!(
                read(std::str::from_utf8(take_last(&mut list).unwrap()).unwrap()),
                "203.0.113.7"
            );
            let second = take_last(&mut list).unwrap();
            assert_eq!(address(second), Some("2001:db8::1".parse().unwrap()), "{left}");
        }
        let mut one = Some(&b" for=a "[..]);
        assert_eq!(take_last(&mut one), Some(&b"for=a"[..]));
        assert_eq!((one, take_last(&mut None)), (None, None));
    }

    #[test]
    fn what_is_written_can_be_read() {
        for peer in ["203.0.113.7", "2001:db8::1"] {
            for host in [None, Some("shop"), Some("shop:80"), Some("a\"b\\,;c")] {
                let text = element(peer.parse().unwrap(), host, "https");
                assert_eq!(read(&text), peer, "{text}");
                let mut list = Some(text.as_bytes());
                assert_eq!(take_last(&mut list), Some(text.as_bytes()));
            }
        }
        let text = element("203.0.113.7".parse().unwrap(), Some("shop:80"), "http");
        assert_eq!(text, "for=203.0.113.7;host=\"shop:80\";proto=http");
    }
}
