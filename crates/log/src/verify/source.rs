//! The files of lines, in either form, as bytes.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Chain, Cursor, ErrorKind, Read, Seek, SeekFrom};

use zstd::stream::read::Decoder;

use super::{Class, Failure};
use crate::paths::{Form, Layout, Stored};
use crate::regular;

/// A frame may ask for this much memory, as a power of two: 8 MiB.
const WINDOW_LOG: u32 = 23;

/// RFC 8878 §3.1.1: how a frame begins, and the descriptor after it.
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
type Head = [u8; MAGIC.len() + 1];

/// What is there, and how long it is.
#[derive(Clone, Copy)]
pub(super) struct Segment {
    pub(super) stored: Stored,
    /// Bytes of the file when it was listed. The one that is written may have grown since.
    pub(super) bytes: u64,
}

/// Lists the files of lines in order.
pub(super) fn segments(layout: &Layout) -> Result<Vec<Segment>, Failure> {
    let entries = layout.entries();
    if fs::symlink_metadata(&entries).is_err_and(|error| error.kind() == ErrorKind::NotFound) {
        let message = "the folder is missing, and with it every line that was kept";
        return Err(Failure::new(Class::Segment, message).file(layout.below(&entries)));
    }
    let stored = layout
        .all_segments()
        .map_err(|error| Failure::new(Class::Unreadable, error.to_string()))?;
    let measure = |stored| {
        // What cannot be looked at is named when it is opened.
        let bytes = layout.stored(stored).metadata().map_or(0, |metadata| metadata.len());
        Segment { stored, bytes }
    };
    Ok(stored.into_iter().map(measure).collect())
}

/// Opening reads from the segment with the last covered record on, as it was written; no log compresses that one
/// or any after it.
pub(super) fn expect_plain_end(
    layout: &Layout,
    segments: &[Segment],
    covered: u64,
) -> Result<(), Failure> {
    let is_settled = |i: usize| segments.get(i + 1).is_some_and(|next| next.stored.first < covered);
    let is_cold = |segment: &Segment| segment.stored.form == Form::Cold;
    match segments.iter().enumerate().find(|(i, segment)| is_cold(segment) && !is_settled(*i)) {
        None => Ok(()),
        Some((_, Segment { stored, .. })) => {
            let message = format!(
                "a compressed file stands in its place, which no log makes of the segment with its last \
                 covered record ({covered} are covered), nor of a later one; nobody can append to it"
            );
            let missing = layout.segment(stored.first);
            Err(Failure::new(Class::Segment, message)
                .record(stored.first)
                .file(layout.below(&missing)))
        }
    }
}

/// The bytes of a segment as they were before it was compressed.
pub(super) enum Source {
    Plain(File),
    Cold(Frames),
}

impl Source {
    /// Opens a segment; `offset` is a byte of the lines and must be 0 for a compressed one.
    pub(super) fn open(layout: &Layout, stored: Stored, offset: u64) -> io::Result<Self> {
        let mut file = regular::open(&layout.stored(stored))?;
        Ok(match stored.form {
            Form::Plain => {
                file.seek(SeekFrom::Start(offset))?;
                Self::Plain(file)
            }
            Form::Cold => Self::Cold(Frames::new(file)),
        })
    }

    /// Where the frame begins from which bytes were given last; `None` if there are no frames.
    pub(super) fn frame(&self) -> Option<u64> {
        match self {
            Self::Plain(_) => None,
            Self::Cold(frames) => Some(frames.begin),
        }
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(file) => file.read(buffer),
            Self::Cold(frames) => frames.read(buffer),
        }
    }
}

/// The zstd frames of a compressed segment, one after another.
///
/// Only frames that hold lines and nothing else: no skippable frame, no dictionary, each with its content
/// size and checksum. What does not decode is an error of the kind `InvalidData`, or of the kind
/// `UnexpectedEof` if the file ends within a frame.
pub(super) struct Frames {
    state: State,
    begin: u64,
    /// The last byte that was given.
    last: u8,
}

enum State {
    Between(Counted),
    Within(Box<Decoder<'static, Chain<Cursor<Head>, Counted>>>),
    Over,
}

impl Frames {
    fn new(file: File) -> Self {
        let file = BufReader::with_capacity(128 << 10, file);
        Self { state: State::Between(Counted { file, read: 0 }), begin: 0, last: b'\n' }
    }
}

impl Read for Frames {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match std::mem::replace(&mut self.state, State::Over) {
                State::Over => return Ok(0),
                State::Between(mut file) => {
                    if file.fill_buf()?.is_empty() {
                        return Ok(0);
                    }
                    self.begin = file.read;
                    let mut head = Head::default();
                    file.read_exact(&mut head)?;
                    check(head)?;
                    let file = Cursor::new(head).chain(file);
                    let mut decoder = Decoder::with_buffer(file)?.single_frame();
                    decoder.window_log_max(WINDOW_LOG)?;
                    self.state = State::Within(Box::new(decoder));
                }
                State::Within(mut decoder) => {
                    let read = decoder.read(buffer).map_err(|error| match error.kind() {
                        ErrorKind::UnexpectedEof => error,
                        // An error of the operating system has a number, one of the decoder has none.
                        _ if error.raw_os_error().is_some() => error,
                        _ => damaged(&error.to_string()),
                    })?;
                    if read > 0 {
                        self.last = buffer[read - 1];
                        self.state = State::Within(decoder);
                        return Ok(read);
                    }
                    if buffer.is_empty() {
                        self.state = State::Within(decoder);
                        return Ok(0);
                    }
                    if self.last != b'\n' {
                        return Err(damaged("it does not end with a line"));
                    }
                    self.state = State::Between(decoder.finish().into_inner().1);
                }
            }
        }
    }
}

/// Looks at the head of a frame, which a decoder reads with more indulgence.
fn check(head: Head) -> io::Result<()> {
    let [magic @ .., descriptor] = head;
    if magic != MAGIC {
        return Err(damaged("it is no frame of zstd"));
    }
    let (sized, single) = (descriptor >> 6 != 0, descriptor >> 5 & 1 == 1);
    // RFC 8878 §3.1.1.1.1: unused bit, reserved bit, checksum, dictionary.
    if descriptor & 0b1_1111 != 0b0_0100 || !(sized || single) {
        return Err(damaged("its head is not that of a frame of lines"));
    }
    Ok(())
}

fn damaged(why: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("the compressed frame cannot be read: {why}"))
}

/// Knows how far it was read, whatever is buffered.
struct Counted {
    file: BufReader<File>,
    read: u64,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.read += read as u64;
        Ok(read)
    }
}

impl BufRead for Counted {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.file.fill_buf()
    }

    fn consume(&mut self, bytes: usize) {
        self.read += bytes as u64;
        self.file.consume(bytes);
    }
}
