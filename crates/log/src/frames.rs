//! The zstd frames of a compressed segment, read within bounds.

use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

use zstd::stream::read::Decoder;

use crate::regular;

/// The largest window that is accepted, as a power of two: 8 MiB of memory for each reader.
pub(crate) const WINDOW_LOG: u32 = 23;

/// The bytes of a compressed segment from the frame at `offset` on.
pub(crate) fn decode_from(path: &Path, offset: u64) -> io::Result<impl BufRead + Send + use<>> {
    let mut decoder = Decoder::with_buffer(open(path, offset)?)?;
    decoder.window_log_max(WINDOW_LOG)?;
    Ok(BufReader::with_capacity(64 << 10, decoder))
}

/// The frames of a compressed segment, one after another.
pub(crate) struct Frames {
    file: Counted<BufReader<File>>,
}

/// What was found in a frame.
pub(crate) struct Frame {
    /// Where it begins in the file.
    pub(crate) offset: u64,
    /// How many lines it holds.
    pub(crate) lines: u64,
    /// Where the next one begins.
    pub(crate) end: u64,
}

impl Frames {
    /// Begins with the frame at `offset`.
    pub(crate) fn open(path: &Path, offset: u64) -> io::Result<Self> {
        Ok(Self { file: Counted { inner: open(path, offset)?, consumed: offset } })
    }

    /// Decodes the next frame and counts its lines; `None` after the last.
    pub(crate) fn next(&mut self) -> io::Result<Option<Frame>> {
        if self.file.fill_buf()?.is_empty() {
            return Ok(None);
        }
        let offset = self.file.consumed;
        let mut decoder = Decoder::with_buffer(&mut self.file)?.single_frame();
        decoder.window_log_max(WINDOW_LOG)?;
        let (mut lines, mut last) = (0, b'\n');
        let mut buffer = vec![0; 64 << 10];
        loop {
            let read = decoder.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            lines += memchr::memchr_iter(b'\n', &buffer[..read]).count() as u64;
            last = buffer[read - 1];
        }
        if last != b'\n' {
            let why = format!("the frame at byte {offset} does not end with a line");
            return Err(io::Error::new(ErrorKind::InvalidData, why));
        }
        Ok(Some(Frame { offset, lines, end: self.file.consumed }))
    }
}

fn open(path: &Path, offset: u64) -> io::Result<BufReader<File>> {
    let mut file = regular::open(path)?;
    file.seek(SeekFrom::Start(offset))?;
    Ok(BufReader::with_capacity(128 << 10, file))
}

/// Knows how far it was read, whatever is buffered.
struct Counted<R> {
    inner: R,
    consumed: u64,
}

impl<R: BufRead> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.consumed += read as u64;
        Ok(read)
    }
}

impl<R: BufRead> BufRead for Counted<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, bytes: usize) {
        self.consumed += bytes as u64;
        self.inner.consume(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(frames: &[&[u8]]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        let bytes: Vec<u8> =
            frames.iter().flat_map(|frame| zstd::bulk::compress(frame, 1).unwrap()).collect();
        std::fs::write(file.path(), bytes).unwrap();
        file
    }

    #[test]
    fn frames_are_told_apart_and_can_be_read_from() {
        let file = file(&[b"a\nb\n", b"c\n", b"d\ne\nf\n"]);
        let mut frames = Frames::open(file.path(), 0).unwrap();
        let mut found = Vec::new();
        while let Some(frame) = frames.next().unwrap() {
            found.push(frame);
        }
        assert!(found.iter().map(|frame| frame.lines).eq([2, 1, 3]));
        assert_eq!(found[1].offset, found[0].end);
        let mut rest = String::new();
        decode_from(file.path(), found[1].offset).unwrap().read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "c\nd\ne\nf\n");
        let mut frames = Frames::open(file.path(), found[2].offset).unwrap();
        assert_eq!(frames.next().unwrap().unwrap().lines, 3);
    }

    #[test]
    fn what_is_no_frame_of_lines_is_an_error() {
        let torn = file(&[b"a\nb"]);
        let error = Frames::open(torn.path(), 0).unwrap().next().err().unwrap();
        assert!(error.to_string().contains("does not end with a line"), "{error}");
        let whole = file(&[b"a\nb\n"]);
        let bytes = std::fs::read(whole.path()).unwrap();
        std::fs::write(whole.path(), &bytes[..bytes.len() - 1]).unwrap();
        assert!(Frames::open(whole.path(), 0).unwrap().next().is_err());
        std::fs::write(whole.path(), b"not zstd").unwrap();
        assert!(Frames::open(whole.path(), 0).unwrap().next().is_err());
    }

    #[test]
    fn a_window_that_would_take_more_memory_is_refused() {
        let mut compressor = zstd::bulk::Compressor::new(1).unwrap();
        compressor.set_parameter(zstd::zstd_safe::CParameter::WindowLog(27)).unwrap();
        compressor.set_parameter(zstd::zstd_safe::CParameter::ContentSizeFlag(false)).unwrap();
        let lines = "x".repeat(16 << 20) + "\n";
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), compressor.compress(lines.as_bytes()).unwrap()).unwrap();
        assert!(Frames::open(file.path(), 0).unwrap().next().is_err());
        let mut all = Vec::new();
        assert!(decode_from(file.path(), 0).unwrap().read_to_end(&mut all).is_err());
    }
}
