//! Questions about the log: what it says of an entity, an attribute, an actor, a request, a time, and together.
//!
//! The index only says where to look. It follows the log by itself, lazily: whoever asks first brings
//! it up to the last durable record, so that an acknowledged record is always found and appending
//! never waits for the index. Every hit is confirmed against the line.
//!
//! | module | what it does |
//! |---|---|
//! | `following` | brings the index up to the log, writes it, takes out of it what was erased |
//! | `question` | what is asked, by name and value, the same for the command line and the API |
//! | `page` | a piece of an answer, and the cursor to the next |
//! | `answer` | from a question to the records |
//! | `about` | which acts concern a record, an entity, a data subject or a key |
//! | `cascade` | many records of one cause, told as one |
//! | `destroyed` | which keys the log says were destroyed |
//! | `lineage` | what caused what |
//! | `touched` | what the records of an answer have changed |
//! | `state` | what an entity was at a time |
//! | `traces` | which keys belong around a data subject that has none |
//! | `subject` | what is about a data subject: by its keys, as an entity, as an actor |
//! | `stop` | ends the work on an answer that nobody waits for |

mod about;
mod answer;
mod cascade;
mod destroyed;
mod following;
mod lineage;
mod page;
mod question;
mod state;
mod stop;
mod subject;
mod touched;
mod traces;

use std::path::Path;
use std::sync::{Arc, Mutex};

use sealtrail_history::Index;
use sealtrail_log::{Options, Reader};
use sealtrail_record::json;

use crate::code::Code;
use crate::error::{Error, Result, shown};
use destroyed::Earlier;
use following::Following;

pub use about::names_no_subject;
pub use answer::{Fitting, Found, Records};
pub use cascade::{Collapsed, Told};
pub use lineage::{Lineage, Node};
pub use page::{Cursor, Page, Span};
pub use question::Question;
pub use state::{State, StateText};
pub use stop::{Asker, Stop};
pub use touched::{Grain, Touched};

pub struct Questions {
    reader: Reader,
    index: Arc<Mutex<Following>>,
    earlier: Arc<Earlier>,
    /// Of whoever takes out of the index what was erased.
    purging: Arc<Mutex<()>>,
    nobody: String,
    stop: Stop,
}

/// What reading a stored line may cost. Whatever could be appended must be found again, so nothing that
/// the log takes as a line is too much.
pub const STORED: json::Limits = json::Limits {
    max_bytes: Options::MAX_LINE_BYTES,
    // Values stand deeper in a record than they stood in their image.
    max_depth: 160,
    // No value is shorter than one byte and what stands between it and the next.
    max_values: Options::MAX_LINE_BYTES / 2,
};

impl Questions {
    /// Opens the index beside the log's only writer. One of a log that was made anew, or put back to an
    /// older copy, is built again; that it had to be is told as an error, for it may be all that shows it.
    pub fn open(reader: Reader, dir: &Path, origin: &str) -> Result<Self> {
        let (mut index, next) = Index::open(dir, origin)?;
        if !following::agrees(&index, next, &reader)? {
            following::tell_other_log(dir, next, &reader)?;
            if !index.clear()? {
                let message = "another process writes the index, which is not of this log";
                return Err(Error::new(Code::LogInUse, message).context(dir.display()));
            }
        }
        // So that nobody makes it anew beside this process. Where nothing can be written, it still answers, and whoever
        // lets it follow the log is told.
        let _ = index.claim();
        Ok(Self::of(index, reader))
    }

    /// Opens the index to read only, beside a server that may be running.
    pub fn open_beside(reader: Reader, dir: &Path, origin: &str) -> Result<Self> {
        let (mut index, next) = Index::open_to_read(dir, origin)?;
        if !following::agrees(&index, next, &reader)? {
            following::tell_other_log(dir, next, &reader)?;
            // A folder that is not there is an index of nothing, and nothing is written to it.
            index = Index::open_to_read(&dir.join("none"), origin)?.0;
        }
        Ok(Self::of(index, reader))
    }

    fn of(index: Index, reader: Reader) -> Self {
        let nobody = uuid::Uuid::nil().to_string();
        let earlier = Arc::new(Earlier::new(index.next()));
        let index = Arc::new(Mutex::new(Following::new(index)));
        Self { reader, index, earlier, purging: Arc::default(), nobody, stop: Stop::default() }
    }

    /// The same, for somebody who may go: then whatever goes through records ends with an error.
    #[must_use]
    pub fn until(&self, stop: &Stop) -> Self {
        let Self { reader, index, earlier, purging, nobody, stop: _ } = self;
        let (reader, index, earlier) = (reader.clone(), index.clone(), earlier.clone());
        let (purging, nobody, stop) = (purging.clone(), nobody.clone(), stop.clone());
        Self { reader, index, earlier, purging, nobody, stop }
    }

    /// Shows an actor who was shredded as this.
    #[must_use]
    pub fn with_nobody(self, nobody: &str) -> Self {
        Self { nobody: nobody.to_owned(), ..self }
    }

    /// What is shown in the place of the id of an actor who was shredded.
    pub fn nobody(&self) -> &str {
        &self.nobody
    }

    pub fn reader(&self) -> &Reader {
        &self.reader
    }
}

/// What is not found may have been removed.
pub fn no_record(id: &str, reader: &Reader) -> Error {
    let mut message = format!("no record has the id `{}`", shown(id));
    if let Ok(first @ 1..) = reader.first() {
        message += &format!("; the records below {first} were removed by retention");
    }
    Error::new(Code::NotFound, message)
}
