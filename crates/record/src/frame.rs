//! How several byte strings cross a boundary as one.
//!
//! A frame is a sequence of parts; a part is its length as 4 bytes little-endian, then its bytes.
//! Both sides of a WebAssembly boundary use it, so that neither has to copy payloads into a
//! structured form.
//!
//! ```
//! use sealtrail_record::frame::{Frame, Reader};
//!
//! let frame = Frame::new().part(b"policy").part(b"").into_bytes();
//! let mut reader = Reader::new(&frame);
//! assert_eq!(reader.part("the policy").unwrap(), b"policy");
//! assert_eq!(reader.part("the change").unwrap(), b"");
//! assert_eq!(reader.part("the context").unwrap_err().to_string(), "the context is missing from the frame");
//! ```

use std::fmt;

/// A frame being written.
#[derive(Default)]
pub struct Frame(Vec<u8>);

impl Frame {
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a part.
    ///
    /// # Panics
    ///
    /// If the part is 4 GiB or longer.
    #[must_use]
    pub fn part(mut self, bytes: &[u8]) -> Self {
        let len = u32::try_from(bytes.len()).expect("a part is shorter than 4 GiB");
        self.0.extend_from_slice(&len.to_le_bytes());
        self.0.extend_from_slice(bytes);
        self
    }

    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// A frame being read.
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub fn new(frame: &'a [u8]) -> Self {
        Self(frame)
    }

    /// The next part; `what` names it in the error when it is not there.
    pub fn part(&mut self, what: &'static str) -> Result<&'a [u8], Missing> {
        let (len, rest) = self.0.split_first_chunk::<4>().ok_or(Missing { what })?;
        let len = usize::try_from(u32::from_le_bytes(*len)).map_err(|_| Missing { what })?;
        let part = rest.get(..len).ok_or(Missing { what })?;
        self.0 = &rest[len..];
        Ok(part)
    }

    /// Whether all parts were read.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A part that was expected and is not there whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    what: &'static str,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is missing from the frame", self.what)
    }
}

impl std::error::Error for Missing {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_that_lies_is_refused() {
        for bytes in [&[1, 0, 0][..], &[5, 0, 0, 0, 1, 2], &[255, 255, 255, 255]] {
            assert!(Reader::new(bytes).part("it").is_err());
        }
    }
}
