use crate::code::Code;
use crate::error::Error;

pub(super) fn invalid(message: impl Into<String>) -> Error {
    Error::new(Code::ConfigInvalid, message)
}
