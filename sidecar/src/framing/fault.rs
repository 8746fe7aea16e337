use crate::code::Code;
use crate::error::Error;

/// Why a head is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    RequestLine,
    LineEnd,
    ControlCharacter,
    Folded,
    Header,
    Length,
    Coding,
    TwoLengths,
    TooLarge,
    /// hyper says so, and not why.
    Unreadable,
}

impl Fault {
    pub fn error(self) -> Error {
        let message = match self {
            Fault::RequestLine => {
                "the request line is not `method target HTTP/1.1`, with one space between"
            }
            Fault::LineEnd => "a line of the head does not end with CR and LF",
            Fault::ControlCharacter => "the head has a control character",
            Fault::Folded => "a header goes on in the next line",
            Fault::Header => "a line of the head is not `name: value`",
            Fault::Length => "`Content-Length` is not one number of digits",
            Fault::Coding => "`Transfer-Encoding` is not `chunked`, the only coding there is here",
            Fault::TwoLengths => "the length of the request is stated in more than one way",
            Fault::Unreadable => "the head of the request cannot be read",
            Fault::TooLarge => {
                return Error::new(
                    Code::HeadTooLarge,
                    "the head of the request is larger than 64 KiB, or has more than 100 headers",
                );
            }
        };
        Error::new(Code::BadRequest, message)
    }
}
