/// Text as it can be shown: nothing in it moves a cursor, changes a colour, breaks a line or turns the direction of
/// writing. At most `longest` characters of it, and then `…`.
///
/// ```
/// assert_eq!(sealtrail_record::sentences::clean("a\nb\x1b[2J", 80), r"a\nb\u{1b}[2J");
/// ```
pub fn clean(text: &str, longest: usize) -> String {
    let mut shown = String::with_capacity(text.len().min(longest.saturating_mul(4)) + 4);
    push_clean(text, false, longest, &mut shown);
    shown
}

/// The same of any length, as it stands between single quotes: it cannot end them.
///
/// ```
/// assert_eq!(sealtrail_record::sentences::inside("it's"), r"it\'s");
/// ```
pub fn inside(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    push_clean(text, true, usize::MAX, &mut shown);
    shown
}

/// The same between single quotes.
pub(super) fn quoted(text: &str, longest: usize) -> String {
    let mut shown = String::from("'");
    push_clean(text, true, longest, &mut shown);
    shown.push('\'');
    shown
}

/// Behind what is there.
pub(super) fn push_clean(text: &str, is_quoted: bool, longest: usize, out: &mut String) {
    for (count, character) in text.chars().enumerate() {
        if count == longest {
            return out.push('…');
        }
        match character {
            '\'' | '\\' if is_quoted => out.extend(['\\', character]),
            '\n' => *out += "\\n",
            '\t' => *out += "\\t",
            '\r' => *out += "\\r",
            _ if is_command(character) => out.extend(character.escape_unicode()),
            _ => out.push(character),
        }
    }
}

/// Characters that a terminal acts upon, or that make a text look like another: C0 and C1 controls, the
/// bidirectional controls and isolates, characters without width, line and paragraph separators, tags.
fn is_command(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_shown_and_not_obeyed() {
        assert_eq!(clean("\x1b[2J\u{9b}31m\x07\x7f", 80), r"\u{1b}[2J\u{9b}31m\u{7}\u{7f}");
        assert_eq!(quoted("a\r\nb\tc", 80), r"'a\r\nb\tc'");
        assert_eq!(
            clean("\u{202e}txt.exe\u{2066}\u{200b}\u{2028}", 80),
            r"\u{202e}txt.exe\u{2066}\u{200b}\u{2028}"
        );
    }

    #[test]
    fn a_quoted_text_cannot_end_its_quotes() {
        assert_eq!(quoted(r"' -> 'admin\", 80), r"'\' -> \'admin\\'");
        assert_eq!(inside("a'\n"), r"a\'\n");
    }

    #[test]
    fn ordinary_text_of_any_script_stays() {
        for text in ["Jürgen", "山田太郎", "Ελλάδα", "שלום", "50 % – “so” 🙂"]
        {
            assert_eq!(clean(text, 80), text);
        }
    }

    #[test]
    fn length_is_counted_in_characters() {
        assert_eq!(clean("ééééé", 5), "ééééé");
        assert_eq!(quoted("éééééé", 5), "'ééééé…'");
    }
}
