/// Whether a text is set between quotation marks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Quotes {
    None,
    Double,
}

/// Text as it can be shown: nothing in it moves a cursor, changes a colour or turns the direction of writing,
/// and none of it can be taken for what is around it. At most `longest` characters of it, and then `…`.
pub(super) fn clean(text: &str, quotes: Quotes, longest: usize) -> String {
    let mut shown = String::with_capacity(text.len().min(4 * longest) + 2);
    if quotes == Quotes::Double {
        shown.push('"');
    }
    let mut characters = text.chars();
    for character in characters.by_ref().take(longest) {
        match character {
            '"' | '\\' if quotes == Quotes::Double => {
                shown.push('\\');
                shown.push(character);
            }
            '\n' => shown += "\\n",
            '\t' => shown += "\\t",
            '\r' => shown += "\\r",
            _ if is_command(character) => shown.extend(character.escape_unicode()),
            _ => shown.push(character),
        }
    }
    if characters.next().is_some() {
        shown.push('…');
    }
    if quotes == Quotes::Double {
        shown.push('"');
    }
    shown
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
        assert_eq!(
            clean("\x1b[2J\u{9b}31m\x07\x7f", Quotes::None, 80),
            r"\u{1b}[2J\u{9b}31m\u{7}\u{7f}"
        );
        assert_eq!(clean("a\r\nb\tc", Quotes::Double, 80), r#""a\r\nb\tc""#);
        assert_eq!(
            clean("\u{202e}txt.exe\u{2066}\u{200b}\u{2028}", Quotes::None, 80),
            r"\u{202e}txt.exe\u{2066}\u{200b}\u{2028}"
        );
    }

    #[test]
    fn a_quoted_text_cannot_end_its_quotes() {
        assert_eq!(clean(r#"" → "admin\"#, Quotes::Double, 80), r#""\" → \"admin\\""#);
    }

    #[test]
    fn ordinary_text_of_any_script_stays() {
        for text in ["Jürgen", "山田太郎", "Ελλάδα", "שלום", "50 % – “so” 🙂"]
        {
            assert_eq!(clean(text, Quotes::None, 80), text);
        }
    }

    #[test]
    fn length_is_counted_in_characters() {
        assert_eq!(clean("ééééé", Quotes::None, 5), "ééééé");
        assert_eq!(clean("éééééé", Quotes::Double, 5), "\"ééééé…\"");
    }
}
