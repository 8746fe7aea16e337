//! Texts to values.

use super::document::Document;
use super::error::Error;
use super::scan::Buffers;
use super::value::Value;

/// What a text may cost at most.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Longest input, in bytes.
    pub max_bytes: usize,
    /// Deepest nesting of arrays and objects.
    pub max_depth: usize,
    /// Most values (scalars, arrays and objects) in one text.
    pub max_values: usize,
}

impl Default for Limits {
    /// 8 MiB, 128 levels, one million values.
    fn default() -> Self {
        Self { max_bytes: 8 << 20, max_depth: 128, max_values: 1_000_000 }
    }
}

/// Reads one JSON text; nothing but white space may follow it.
pub fn parse<'a>(input: &'a [u8], limits: &Limits) -> Result<Value<'a>, Error> {
    let document = Document::read(input, limits, Buffers::default())?;
    Ok(document.to_value(document.root()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(text: &str) -> String {
        parse(text.as_bytes(), &Limits::default()).unwrap().to_json()
    }

    fn refusal(text: &str) -> (&'static str, usize, String) {
        let e = parse(text.as_bytes(), &Limits::default()).unwrap_err();
        (e.code(), e.offset(), e.pointer().to_owned())
    }

    #[test]
    fn keeps_numbers_and_order_and_normalises_only_space_and_escapes() {
        assert_eq!(
            round(" { \"b\" : [ 1 , 1.10, -0, 1E+2, 12345678901234567890123 ] ,\n\"a\":{} } "),
            r#"{"b":[1,1.10,-0,1E+2,12345678901234567890123],"a":{}}"#
        );
        assert_eq!(round(r#""\u0041\ud83d\ude00\/\n\u0001\u007f""#), "\"A😀/\\n\\u0001\u{7f}\"");
        assert_eq!(round("[]"), "[]");
        assert_eq!(round("null"), "null");
    }

    #[test]
    fn refuses_and_names_the_place() {
        for (text, code, offset, pointer) in [
            ("", "malformed_json", 0, ""),
            ("{", "malformed_json", 1, "/"),
            ("[1,]", "malformed_json", 3, "/1"),
            ("[1 2]", "malformed_json", 3, "/1"),
            ("{\"a\":1,}", "malformed_json", 7, "/"),
            ("{\"a\" 1}", "malformed_json", 5, "/a"),
            ("{a:1}", "malformed_json", 1, "/"),
            ("01", "malformed_json", 1, ""),
            ("1.", "malformed_json", 2, ""),
            ("1e", "malformed_json", 2, ""),
            ("-", "malformed_json", 1, ""),
            ("NaN", "malformed_json", 0, ""),
            ("tru", "malformed_json", 0, ""),
            ("\"a\u{1}\"", "malformed_json", 2, ""),
            ("\"a", "malformed_json", 2, ""),
            ("\"\\x\"", "malformed_json", 2, ""),
            ("\"\\u12g4\"", "malformed_json", 5, ""),
            ("1 2", "malformed_json", 2, ""),
            ("\u{feff}1", "malformed_json", 0, ""),
            ("{\"a\":[\"\\ud800\"]}", "lone_surrogate", 7, "/a/0"),
            ("\"\\udc00\"", "lone_surrogate", 1, ""),
            ("\"\\ud800\\u0041\"", "lone_surrogate", 1, ""),
            ("{\"x\":{\"a\":1,\"b\":2,\"a\":3}}", "duplicate_key", 18, "/x/a"),
            ("{\"a\":1,\"\\u0061\":3}", "duplicate_key", 7, "/a"),
            ("{\"a\":1,\"a\":3}", "duplicate_key", 7, "/a"),
            ("{\"\":1,\"b\":2,\"\":3}", "duplicate_key", 12, "/"),
            ("{\"k\":1,\"longer key\":2,\"k\":3}", "duplicate_key", 22, "/k"),
        ] {
            let (got_code, got_offset, got_pointer) = refusal(text);
            assert_eq!((got_code, got_offset), (code, offset), "{text}");
            // A place before the first key of an object is the object itself.
            let place = if pointer == "/" { "/" } else { pointer };
            assert_eq!(got_pointer, place, "{text}");
        }
        let wide: String = (0..40).map(|i| format!("\"k{i}\":0,")).collect();
        assert_eq!(refusal(&format!("{{{wide}\"k7\":1}}")).0, "duplicate_key");
        let e = parse(b"[\"\xff\"]", &Limits::default()).unwrap_err();
        assert_eq!((e.code(), e.offset()), ("malformed_json", 2));
    }

    #[test]
    fn bounds_depth_size_and_count() {
        let limits = Limits { max_bytes: 40, max_depth: 3, max_values: 5 };
        assert!(parse(b"[[[1]]]", &limits).is_ok());
        assert_eq!(parse(b"[[[[1]]]]", &limits).unwrap_err().code(), "too_deep");
        assert_eq!(parse(b"[1,2,3,4,5]", &limits).unwrap_err().code(), "too_large");
        assert_eq!(parse(&[b' '; 41], &limits).unwrap_err().code(), "too_large");
        // A million open brackets cost neither stack nor much time.
        let deep = vec![b'['; 1 << 20];
        assert_eq!(parse(&deep, &Limits::default()).unwrap_err().code(), "too_deep");
    }
}
