//! Finds canaries in bytes, in clear and encoded.

use std::collections::HashMap;

use sealtrail_record::json::{Limits, Value, parse};
use sealtrail_record::pointer;

use super::canary::Canary;

/// So many characters in a row are a part: 48 bits, which no output has by chance.
pub const PART: usize = 8;
/// Of digits it takes more.
const PART_OF_DIGITS: usize = 10;
/// Base64 of 8 bytes and a bit more.
const PART_OF_BASE64: usize = 11;

/// Looks for every part of every canary at once.
pub struct Searcher {
    /// By their length: the parts, each with its canary and form.
    parts: HashMap<usize, HashMap<Vec<u8>, (usize, &'static str)>>,
}

/// A canary of which a part was found.
pub struct Hit {
    /// Its number.
    pub canary: usize,
    pub form: &'static str,
    /// Pointer to the value that holds it, where the bytes are JSON.
    pub at: Option<String>,
}

impl Searcher {
    pub fn new<'c>(canaries: impl Iterator<Item = &'c Canary>) -> Self {
        let mut searcher = Self { parts: HashMap::new() };
        for (number, canary) in canaries.enumerate() {
            for hidden in &canary.hidden {
                searcher.add(number, &canary.text.as_bytes()[hidden.clone()]);
            }
        }
        searcher
    }

    /// The canaries of which the bytes hold a part, each once.
    pub fn find(&self, bytes: &[u8]) -> Vec<Hit> {
        let mut found: HashMap<usize, (&'static str, &[u8])> = HashMap::new();
        for (length, parts) in &self.parts {
            for window in bytes.windows(*length) {
                if let Some((canary, form)) = parts.get(window) {
                    found.entry(*canary).or_insert((form, window));
                }
            }
        }
        let tree = parse(bytes, &Limits::default()).ok();
        let mut hits: Vec<Hit> = found
            .into_iter()
            .map(|(canary, (form, part))| Hit {
                canary,
                form,
                at: tree.as_ref().and_then(|tree| place(tree, part)),
            })
            .collect();
        hits.sort_by_key(|hit| hit.canary);
        hits
    }

    fn add(&mut self, canary: usize, hidden: &[u8]) {
        let digits = hidden.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
        let part = if digits { PART_OF_DIGITS } else { PART };
        let each = |form: &dyn Fn(u8) -> String| -> Vec<u8> {
            hidden.iter().flat_map(|byte| form(*byte).into_bytes()).collect()
        };
        self.add_parts(canary, "in clear", hidden, part, 1);
        self.add_parts(canary, "hexadecimal", &each(&|b| format!("{b:02x}")), part * 2, 2);
        self.add_parts(canary, "hexadecimal", &each(&|b| format!("{b:02X}")), part * 2, 2);
        self.add_parts(canary, "JSON escapes", &each(&|b| format!("\\u{b:04x}")), part * 6, 6);
        self.add_parts(canary, "JSON escapes", &each(&|b| format!("\\u{b:04X}")), part * 6, 6);
        self.add_parts(canary, "percent-encoded", &each(&|b| format!("%{b:02X}")), part * 3, 3);
        // Wherever in a text the canary stands, one of three alignments is its own.
        for skipped in 0..3 {
            let whole = &hidden[skipped..];
            let whole = &whole[..whole.len() / 3 * 3];
            for alphabet in [BASE64, BASE64URL] {
                let encoded = base64(whole, alphabet);
                self.add_parts(canary, "base64", &encoded, PART_OF_BASE64, 1);
            }
        }
        let mut backwards = hidden.to_vec();
        backwards.reverse();
        self.add_parts(canary, "backwards", &backwards, part, 1);
    }

    fn add_parts(
        &mut self,
        canary: usize,
        form: &'static str,
        encoded: &[u8],
        length: usize,
        step: usize,
    ) {
        // A short one is looked for whole.
        let length = length.min(encoded.len()).max(1);
        let parts = self.parts.entry(length).or_default();
        for part in encoded.windows(length).step_by(step) {
            parts.entry(part.to_vec()).or_insert((canary, form));
        }
    }
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const BASE64URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// RFC 4648 §4 of whole groups of three, without padding.
fn base64(bytes: &[u8], alphabet: &[u8; 64]) -> Vec<u8> {
    let group = |three: &[u8]| {
        let bits = u32::from(three[0]) << 16 | u32::from(three[1]) << 8 | u32::from(three[2]);
        [18, 12, 6, 0].map(|shift| alphabet[(bits >> shift & 63) as usize])
    };
    bytes.chunks_exact(3).flat_map(group).collect()
}

/// Where in a tree the bytes of a part stand: in a value, or in a key of it.
fn place(tree: &Value<'_>, part: &[u8]) -> Option<String> {
    let part = std::str::from_utf8(part).ok()?;
    let mut open = vec![(tree, String::new())];
    while let Some((value, path)) = open.pop() {
        for member in value.members() {
            let mut below = path.clone();
            pointer::push_key(&mut below, &member.key);
            if Value::String(member.key.clone()).to_json().contains(part) {
                return Some(below);
            }
            open.push((&member.value, below));
        }
        for (i, item) in value.items().iter().enumerate() {
            let mut below = path.clone();
            pointer::push_index(&mut below, i);
            open.push((item, below));
        }
        let is_leaf = value.members().is_empty() && value.items().is_empty();
        if is_leaf && value.to_json().contains(part) {
            return Some(path);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canary(text: &str, hidden: std::ops::Range<usize>) -> Canary {
        Canary {
            json: format!("\"{text}\""),
            text: text.into(),
            hidden: std::iter::once(hidden).collect(),
        }
    }

    const TEXT: &str = "Qm7xT2vB9kLpW4sZ8dRf";

    fn forms(output: &str) -> Vec<&'static str> {
        let searcher = Searcher::new([canary(TEXT, 0..TEXT.len())].iter());
        searcher.find(output.as_bytes()).iter().map(|hit| hit.form).collect()
    }

    #[test]
    fn finds_a_part_in_every_form() {
        for (output, form) in [
            (r#"{"a":"x Qm7xT2vB y"}"#.to_owned(), "in clear"),
            (r#"{"Z8dRf":1,"a":["kLpW4sZ8d"]}"#.to_owned(), "in clear"),
            ("not json 2vB9kLpW".to_owned(), "in clear"),
            (format!("\"{}\"", reversed(&TEXT[3..14])), "backwards"),
            (format!("\"{}\"", hex(&TEXT[1..9])), "hexadecimal"),
            (format!("\"{}\"", hex(&TEXT[1..9]).to_uppercase()), "hexadecimal"),
            (TEXT[2..10].bytes().map(|b| format!("\\u{b:04x}")).collect(), "JSON escapes"),
            (TEXT[2..10].bytes().map(|b| format!("%{b:02X}")).collect(), "percent-encoded"),
        ] {
            assert_eq!(forms(&output), [form], "{output}");
        }
        for before in ["", "a", "ab"] {
            let whole = format!("{before}{TEXT}!");
            let padded = format!("{whole}{}", &"   "[..(3 - whole.len() % 3) % 3]);
            let encoded = base64(padded.as_bytes(), BASE64URL);
            assert_eq!(forms(std::str::from_utf8(&encoded).unwrap()), ["base64"], "{before}");
        }
        // Known answer, RFC 4648 §10.
        assert_eq!(base64(b"foobar", BASE64), b"Zm9vYmFy");
    }

    #[test]
    fn finds_nothing_else() {
        for output in ["", "Qm7xT2v", "kLpW4sZ", "***", "qm7xt2vb9klpw4sz8drf"] {
            assert!(forms(output).is_empty(), "{output}");
        }
    }

    #[test]
    fn what_a_mask_shows_is_no_part() {
        let searcher = Searcher::new([canary(TEXT, 8..16)].iter());
        assert!(
            searcher.find(format!("\"{}***{}\"", &TEXT[..8], &TEXT[16..]).as_bytes()).is_empty()
        );
        assert!(searcher.find(format!("\"{}\"", &TEXT[1..15]).as_bytes()).is_empty(), "7 of 8");
        assert_eq!(searcher.find(format!("\"{TEXT}\"").as_bytes()).len(), 1);
    }

    #[test]
    fn says_where() {
        let canaries = [canary(TEXT, 0..TEXT.len()), canary("912345678901234567", 0..18)];
        let searcher = Searcher::new(canaries.iter());
        let output = format!(r#"{{"data":{{"a/b":["x","{TEXT}"],"n":912345678901234567}}}}"#);
        let hits = searcher.find(output.as_bytes());
        let places: Vec<_> = hits.iter().map(|hit| (hit.canary, hit.at.as_deref())).collect();
        assert_eq!(places, [(0, Some("/data/a~1b/1")), (1, Some("/data/n"))]);
    }

    fn hex(text: &str) -> String {
        text.bytes().map(|byte| format!("{byte:02x}")).collect()
    }

    fn reversed(text: &str) -> String {
        text.chars().rev().collect()
    }
}
