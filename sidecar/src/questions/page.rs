use base64ct::{Base64UrlUnpadded, Encoding};

use super::Question;
use crate::code::Code;
use crate::error::{Error, Result};

/// Which records of an answer: after this one in the order of the question, no more than so many, in no more
/// than so many bytes. One record is always given, however long it is.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    pub after: Option<u64>,
    pub limit: usize,
    pub bytes: usize,
}

impl Page {
    pub const ALL: Page = Page { after: None, limit: usize::MAX, bytes: usize::MAX };
}

/// Where a page ended, for the next one of the same question.
///
/// Records keep their numbers and come at the end, so pages that follow each other leave none out and give none
/// twice, whatever arrives meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    question: [u8; 8],
    after: u64,
}

/// The first characters of a cursor.
const MARK: &str = "c1.";

impl Cursor {
    pub fn of(question: &Question, after: u64) -> Self {
        Self { question: question.digest(), after }
    }

    /// The text of a cursor, which must be of this question: what it says is no place in the answer to another.
    pub fn parse(text: &str, question: &Question) -> Result<u64> {
        let refused = |message: &str| Error::new(Code::BadRequest, message);
        let mut bytes = [0; 16];
        let encoded = text.strip_prefix(MARK).unwrap_or_default();
        let decoded = Base64UrlUnpadded::decode(encoded, &mut bytes);
        if decoded.map(<[u8]>::len) != Ok(16) {
            return Err(refused("`cursor` is not one that a page gave"));
        }
        let (digest, after) = bytes.split_at(8);
        if digest != question.digest() {
            return Err(refused(
                "`cursor` is of another question; ask that one, or begin this one without it",
            ));
        }
        Ok(u64::from_be_bytes(after.try_into().expect("8 of 16 bytes")))
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bytes = [self.question, self.after.to_be_bytes()].concat();
        write!(f, "{MARK}{}", Base64UrlUnpadded::encode_string(&bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_of_its_question() {
        let question = |text: &str| Question::parse([("correlation", text)]).unwrap();
        let cursor = Cursor::of(&question("a"), 41).to_string();
        assert_eq!(Cursor::parse(&cursor, &question("a")).unwrap(), 41);
        let refused = Cursor::parse(&cursor, &question("b")).unwrap_err();
        assert!(refused.message().contains("another question"), "{refused}");
        for other in ["", "41", "c1.", "c1.AAAA", &cursor[..24], &format!("{cursor}AA")] {
            let refused = Cursor::parse(other, &question("a")).unwrap_err();
            assert!(refused.message().contains("not one that a page gave"), "{other}: {refused}");
        }
    }
}
