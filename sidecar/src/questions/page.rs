use base64ct::{Base64UrlUnpadded, Encoding};

use super::Question;
use crate::code::Code;
use crate::error::{Error, Result};

/// Which records of an answer: after this one in the order of the question, no more than so many, in no more
/// than so many bytes. One record is always given, however long it is.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    pub after: Option<u64>,
    /// Where the page before was one in which records of one cause are told as one.
    pub span: Option<Span>,
    pub limit: usize,
    pub bytes: usize,
}

/// The records among which those of one cause were counted: what arrives later is not among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub start: u64,
    pub end: u64,
}

impl Page {
    pub const ALL: Page = Page { after: None, span: None, limit: usize::MAX, bytes: usize::MAX };

    /// Begins where another page ended.
    #[must_use]
    pub fn behind(self, cursor: Cursor) -> Self {
        Self { after: Some(cursor.after), span: cursor.span, ..self }
    }
}

/// Where a page ended, for the next one of the same question.
///
/// Records keep their numbers and come at the end, so pages that follow each other leave none out and give none
/// twice, whatever arrives meanwhile. What was told as one stays what it was for all pages that follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    question: [u8; 8],
    after: u64,
    span: Option<Span>,
}

/// The first characters of a cursor, and of one with a span.
const MARK: &str = "c1.";
const WITH_SPAN: &str = "c2.";

impl Cursor {
    pub fn of(question: &Question, after: u64) -> Self {
        Self { question: question.digest(), after, span: None }
    }

    #[must_use]
    pub fn with(self, span: Span) -> Self {
        Self { span: Some(span), ..self }
    }

    /// The text of a cursor, which must be of this question: what it says is no place in the answer to another.
    pub fn parse(text: &str, question: &Question) -> Result<Self> {
        let refused = |message: &str| Err(Error::new(Code::BadRequest, message));
        let Some(cursor) = Self::decode(text) else {
            return refused("`cursor` is not one that a page gave");
        };
        if cursor.question != question.digest() {
            return refused(
                "`cursor` is of another question; ask that one, or begin this one without it",
            );
        }
        Ok(cursor)
    }

    fn decode(text: &str) -> Option<Self> {
        let (encoded, has_span) = match text.strip_prefix(WITH_SPAN) {
            Some(encoded) => (encoded, true),
            None => (text.strip_prefix(MARK)?, false),
        };
        let mut bytes = [0; 32];
        let bytes = Base64UrlUnpadded::decode(encoded, &mut bytes).ok()?;
        let (question, numbers) = bytes.split_first_chunk()?;
        let (numbers, rest) = numbers.as_chunks();
        let numbers: Vec<u64> = numbers.iter().map(|bytes| u64::from_be_bytes(*bytes)).collect();
        let (after, span) = match (&numbers[..], rest, has_span) {
            ([after], [], false) => (*after, None),
            ([after, start, end], [], true) if start <= end => {
                (*after, Some(Span { start: *start, end: *end }))
            }
            _ => return None,
        };
        Some(Self { question: *question, after, span })
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mark = if self.span.is_some() { WITH_SPAN } else { MARK };
        let span = self.span.into_iter().flat_map(|span| [span.start, span.end]);
        let numbers = std::iter::once(self.after).chain(span);
        let bytes = self.question.into_iter().chain(numbers.flat_map(u64::to_be_bytes));
        let bytes: Vec<u8> = bytes.collect();
        write!(f, "{mark}{}", Base64UrlUnpadded::encode_string(&bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_of_its_question() {
        let question = |text: &str| Question::parse([("correlation", text)]).unwrap();
        let plain = Cursor::of(&question("a"), 41);
        for (cursor, mark) in [(plain, "c1."), (plain.with(Span { start: 7, end: 99 }), "c2.")] {
            let text = cursor.to_string();
            assert_eq!(Cursor::parse(&text, &question("a")).unwrap(), cursor);
            let refused = Cursor::parse(&text, &question("b")).unwrap_err();
            assert!(refused.message().contains("another question"), "{refused}");
            let (short, long) = (&text[..text.len() - 1], format!("{text}AA"));
            // The bytes of the other form.
            let other = text.replacen(mark, if mark == "c1." { "c2." } else { "c1." }, 1);
            let swapped = plain.with(Span { start: 99, end: 7 }).to_string();
            for other in ["", "41", mark, "c1.AAAA", "c3.", short, &long, &other, &swapped] {
                let refused = Cursor::parse(other, &question("a")).unwrap_err();
                let said = refused.message();
                assert!(said.contains("not one that a page gave"), "{other}: {refused}");
            }
        }
        assert_eq!(plain.to_string().len(), 3 + 22, "those that pages gave stay what they are");
    }
}
