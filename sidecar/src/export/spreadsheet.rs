//! CSV that a spreadsheet program may open: nothing in it is taken for a formula.
//!
//! Whoever changes an entity chooses what stands in a cell, and a cell that begins with `=` can be a formula that reads other
//! cells or asks a server. So such a cell gets an apostrophe in front, which makes it a text ("CSV injection" of OWASP).
//! What is a number stays one. It is for reading: whoever wants the values back takes `csv`.

/// What a program takes for the beginning of a formula, or skips before it looks.
const BEGINS: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// Guards every cell of CSV as RFC 4180 has it.
pub fn guarded(csv: &str) -> String {
    let mut out = String::with_capacity(csv.len() + csv.len() / 16);
    let mut rest = csv;
    while !rest.is_empty() {
        let is_quoted = rest.starts_with('"');
        let cell = &rest[..end_of_cell(rest)];
        let text = if is_quoted { &cell[1..] } else { cell };
        if is_quoted {
            out.push('"');
        }
        if text.starts_with(BEGINS) && !is_number(cell.trim_matches('"')) {
            out.push('\'');
        }
        out.push_str(text);
        rest = &rest[cell.len()..];
        let ends = [",", "\r\n", "\n"].into_iter().find(|end| rest.starts_with(end));
        // What ends no cell, and is none, is not of RFC 4180; it is passed on.
        let stray = || rest.chars().next().map_or(0, char::len_utf8);
        let taken = ends.map_or_else(|| if cell.is_empty() { stray() } else { 0 }, str::len);
        out.push_str(&rest[..taken]);
        rest = &rest[taken..];
    }
    out
}

/// Where the cell ends with which the text begins.
fn end_of_cell(text: &str) -> usize {
    let Some(quoted) = text.strip_prefix('"') else {
        return text.find([',', '\r', '\n']).unwrap_or(text.len());
    };
    let mut at = 0;
    while let Some(quote) = quoted[at..].find('"') {
        at += quote + 1;
        match quoted[at..].strip_prefix('"') {
            Some(_) => at += 1,
            None => return at + 1,
        }
    }
    text.len()
}

fn is_number(text: &str) -> bool {
    text.parse::<f64>().is_ok_and(f64::is_finite)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_a_formula_is_text_and_everything_else_is_as_it_was() {
        for (cell, expected) in [
            ("=1+1", "'=1+1"),
            ("@sum(a1)", "'@sum(a1)"),
            ("+49 221 1", "'+49 221 1"),
            ("-cmd", "'-cmd"),
            (
                "\"=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\"",
                "\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\"",
            ),
            ("\"\r\n=1\"", "\"'\r\n=1\""),
            ("＝1", "'＝1"),
            ("-5", "-5"),
            ("-1.5e3", "-1.5e3"),
            ("a=b", "a=b"),
            ("\"\"", "\"\""),
            ("", ""),
            ("\"a,\"\"=b\"\",=c\"", "\"a,\"\"=b\"\",=c\""),
            ("'=1", "'=1"),
        ] {
            for (before, after) in
                [("", ""), ("x,", ",y\r\n"), ("a\r\n", "\r\n"), ("\"q\",", "\r\n,")]
            {
                let text = format!("{before}{cell}{after}");
                assert_eq!(guarded(&text), format!("{before}{expected}{after}"), "{text}");
            }
        }
    }

    #[test]
    fn every_text_has_an_end() {
        for text in ["\"", "\"\"\"", "\r", "a\rb", "\"a\"b", ",,\r\n\r\n", "\"a\"\"", "é,\"=é"] {
            let out = guarded(text);
            assert!(out.len() >= text.len(), "{text:?} {out:?}");
        }
    }
}
