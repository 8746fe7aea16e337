//! What the sender of a change is told.

use serde::Serialize;

use crate::error::Error;
use crate::problem::Problem;

/// A change that was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "status", rename_all = "lowercase")]
pub enum Receipt {
    /// Its record is on disk under this index.
    Recorded { id: String, index: u64, correlation_id: String },
    /// Its record is on disk in the spool, and goes to the log when that takes it.
    Spooled { id: String, correlation_id: String },
    /// Nothing in it had changed, so there is no record.
    Unchanged { correlation_id: String },
}

/// A receipt or what was wrong.
pub type Outcome = Result<Receipt, Error>;

/// One line of the answer to an NDJSON body.
pub fn to_json<T: Serialize>(outcome: &Result<T, Error>) -> Vec<u8> {
    match outcome {
        Ok(answer) => serde_json::to_vec(answer).unwrap_or_default(),
        Err(error) => Problem::of(error).to_json(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::Code;

    #[test]
    fn forms() {
        let text = |outcome: Outcome| String::from_utf8(to_json(&outcome)).unwrap();
        let (id, correlation_id) = ("r".to_owned(), "c".to_owned());
        assert_eq!(
            text(Ok(Receipt::Recorded { id, index: 7, correlation_id: correlation_id.clone() })),
            r#"{"status":"recorded","id":"r","index":7,"correlation_id":"c"}"#
        );
        assert_eq!(
            text(Ok(Receipt::Unchanged { correlation_id })),
            r#"{"status":"unchanged","correlation_id":"c"}"#
        );
        assert!(
            text(Err(Error::new(Code::UnknownAction, "x"))).contains(r#""code":"unknown_action""#)
        );
    }
}
