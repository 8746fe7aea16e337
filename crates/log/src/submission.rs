//! Lines on their way to the log, checked and hashed by whoever brought them.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use sealtrail_proof::{Hash, entry_hash};

use crate::{Error, Options};

/// What is called when it is known how an append went.
pub(crate) type Done = Box<dyn FnOnce(Result<Range<u64>, Error>) + Send>;

/// Lines that are appended next to one another, hashed by whoever brought them.
pub(crate) struct Submission {
    /// The lines, each with its LF.
    pub(crate) bytes: Vec<u8>,
    pub(crate) entries: Vec<Hash>,
    done: Option<Done>,
}

impl Submission {
    /// Checks and hashes the lines, on the caller's time.
    pub(crate) fn new(lines: &[Vec<u8>], options: &Options) -> Result<Self, Error> {
        let limit = options.max_line_bytes.min(Options::MAX_LINE_BYTES);
        let mut bytes = Vec::with_capacity(lines.iter().map(|line| line.len() + 1).sum());
        let mut entries = Vec::with_capacity(lines.len());
        for line in lines {
            if line.is_empty() {
                return Err(Error::refused_line("expected a record, got an empty line"));
            }
            if line.len() > limit {
                return Err(Error::refused_line(format!(
                    "expected at most {limit} bytes, got {}",
                    line.len()
                )));
            }
            if let Some(at) = memchr::memchr2(b'\n', 0, line) {
                return Err(Error::refused_line(format!(
                    "expected neither LF nor NUL, got 0x{:02x} at byte {at}",
                    line[at]
                )));
            }
            bytes.extend_from_slice(line);
            bytes.push(b'\n');
            entries.push(entry_hash(line));
        }
        Ok(Self { bytes, entries, done: None })
    }

    /// Whom to tell what became of it, if nobody waits.
    pub(crate) fn tell(&mut self, done: Done) {
        self.done = Some(done);
    }

    /// Tells the caller. A panic of theirs is theirs: it must not take the next caller's answer with it.
    pub(crate) fn finish(mut self, result: Result<Range<u64>, Error>) {
        if let Some(done) = self.done.take() {
            let _ = catch_unwind(AssertUnwindSafe(|| done(result)));
        }
    }
}

impl Drop for Submission {
    /// Nobody waits for ever, even if the commit thread dies with the submission in its hands.
    fn drop(&mut self) {
        if let Some(done) = self.done.take() {
            done(Err(Error::poisoned("the commit thread died")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_would_break_the_file_are_refused() {
        let options = Options { max_line_bytes: 4, ..Options::default() };
        let refused = |line: &[u8]| Submission::new(&[b"ok".to_vec(), line.to_vec()], &options);
        assert!(refused(b"1234").is_ok());
        for line in [&b""[..], b"12345", b"a\nb", b"\n", b"a\0"] {
            assert!(refused(line).err().unwrap().is_refused_line(), "{line:?}");
        }
    }
}
