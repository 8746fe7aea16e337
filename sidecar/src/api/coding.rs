//! Content codings of a body (RFC 9110 §8.4.1): `gzip` and `zstd`, decoded piece by piece as they arrive.
//!
//! What comes out is counted while it comes, so a body that grows a thousandfold is refused when it has grown
//! to the limit and costs no more than one of that size. What is kept besides is the window of the decoder: 32 KiB
//! for gzip, at most 8 MiB for zstd (RFC 9659 §3), of which no more is touched than was given out.

use std::io::{self, Write};

use flate2::write::MultiGzDecoder;
use http::{HeaderMap, header};
use zstd::stream::raw::{DParameter, Operation};

use crate::code::Code;
use crate::error::{Error, Result};

/// The codings that are taken, as `Accept-Encoding` names them (RFC 9110 §12.5.3).
pub const ACCEPTED: &str = "gzip, zstd";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    Identity,
    Gzip,
    Zstd,
}

impl Coding {
    /// The coding of a body. One upon another is refused, like one that is not known: nobody needs it, and each
    /// may multiply what the one before made.
    pub fn of(headers: &HeaderMap) -> Result<Self> {
        let mut codings = headers.get_all(header::CONTENT_ENCODING).iter();
        let (Some(coding), None) = (codings.next(), codings.next()) else {
            return match headers.contains_key(header::CONTENT_ENCODING) {
                true => Err(unsupported()),
                false => Ok(Self::Identity),
            };
        };
        match coding.to_str().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
            "identity" => Ok(Self::Identity),
            "gzip" | "x-gzip" => Ok(Self::Gzip),
            "zstd" => Ok(Self::Zstd),
            _ => Err(unsupported()),
        }
    }
}

fn unsupported() -> Error {
    let message = "expected no `Content-Encoding`, or `gzip` or `zstd` alone";
    Error::new(Code::UnsupportedEncoding, message)
}

/// The largest window of a zstd frame, as a power of two.
const WINDOW_LOG: u32 = 23;

/// Gives to the one decoder no more at a time, so that an error can say where.
const PIECE: usize = 512;

/// Decodes into a sink, whose errors are given back as they are.
pub struct Decoder<S: Write> {
    state: State<S>,
    /// Bytes of the body that were taken.
    taken: u64,
}

enum State<S: Write> {
    Identity(S),
    Gzip(Box<MultiGzDecoder<S>>),
    Zstd(Zstd<S>),
}

struct Zstd<S> {
    sink: S,
    raw: zstd::stream::raw::Decoder<'static>,
    buffer: Box<[u8]>,
    /// Whether the last frame is whole.
    is_whole: bool,
}

impl<S: Write> Decoder<S> {
    pub fn new(coding: Coding, sink: S) -> Result<Self> {
        let state = match coding {
            Coding::Identity => State::Identity(sink),
            Coding::Gzip => State::Gzip(Box::new(MultiGzDecoder::new(sink))),
            Coding::Zstd => State::Zstd(Zstd::new(sink)?),
        };
        Ok(Self { state, taken: 0 })
    }

    pub fn push(&mut self, mut piece: &[u8]) -> Result<()> {
        while !piece.is_empty() {
            let taken = match &mut self.state {
                State::Identity(sink) => sink.write_all(piece).map(|()| piece.len()),
                State::Gzip(gzip) => match gzip.write(&piece[..piece.len().min(PIECE)]) {
                    Ok(0) => Err(io::ErrorKind::InvalidData.into()),
                    taken => taken,
                },
                State::Zstd(zstd) => zstd.step(piece),
            };
            let taken = taken.map_err(|error| self.refused(error))?;
            self.taken += taken as u64;
            piece = &piece[taken..];
        }
        Ok(())
    }

    /// The sink, when the body has ended where its coding does.
    pub fn finish(self) -> Result<S> {
        let Self { state, taken } = self;
        let cut = |coding: &str, error: io::Error| match error.downcast::<Error>() {
            Ok(ours) => ours,
            Err(_) => {
                let message = format!("the body ends at byte {taken}, before its {coding} does");
                Error::new(Code::BadRequest, message)
            }
        };
        match state {
            State::Identity(sink) => Ok(sink),
            State::Gzip(gzip) => gzip.finish().map_err(|error| cut("gzip", error)),
            State::Zstd(zstd) if zstd.is_whole => Ok(zstd.sink),
            State::Zstd(_) => Err(cut("zstd", io::ErrorKind::UnexpectedEof.into())),
        }
    }

    fn refused(&self, error: io::Error) -> Error {
        let coding = match self.state {
            State::Identity(_) => "body",
            State::Gzip(_) => "gzip",
            State::Zstd(_) => "zstd",
        };
        // What the decoders say are texts of theirs without anything of the body.
        error.downcast::<Error>().unwrap_or_else(|error| {
            let message = format!("the body is no {coding} near its byte {}: {error}", self.taken);
            Error::new(Code::BadRequest, message)
        })
    }
}

impl<S: Write> Zstd<S> {
    fn new(sink: S) -> Result<Self> {
        let mut raw = zstd::stream::raw::Decoder::new()?;
        raw.set_parameter(DParameter::WindowLogMax(WINDOW_LOG))?;
        Ok(Self { sink, raw, buffer: vec![0; 32 << 10].into(), is_whole: false })
    }

    fn step(&mut self, piece: &[u8]) -> io::Result<usize> {
        let mut taken = 0;
        loop {
            let status = self.raw.run_on_buffers(&piece[taken..], &mut self.buffer)?;
            self.sink.write_all(&self.buffer[..status.bytes_written])?;
            taken += status.bytes_read;
            self.is_whole = status.remaining == 0;
            // A full buffer means that more is ready, without any input.
            if self.is_whole || status.bytes_written < self.buffer.len() {
                break;
            }
        }
        if taken == 0 {
            return Err(io::ErrorKind::InvalidData.into());
        }
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &[u8] = b"{\"a\":1}\n{\"a\":2}\n";

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(vec![], flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        zstd::encode_all(bytes, 3).unwrap()
    }

    /// Pushes so many bytes at a time.
    fn decode(coding: Coding, bytes: &[u8], step: usize) -> Result<Vec<u8>> {
        let mut decoder = Decoder::new(coding, vec![]).unwrap();
        for piece in bytes.chunks(step) {
            decoder.push(piece)?;
        }
        decoder.finish()
    }

    #[test]
    fn what_was_coded_comes_out_however_it_arrives() {
        let long: Vec<u8> =
            (0..300_000_u32).flat_map(|n| n.wrapping_mul(n).to_le_bytes()).collect();
        for bytes in [TEXT, b"", &long, &[7; 200_000], &[7; 32 << 10]] {
            for (coding, coded) in [(Coding::Gzip, gzip(bytes)), (Coding::Zstd, zstd(bytes))] {
                for step in [1, 7, 511, 512, 513, 100_000] {
                    if step < 7 && coded.len() > 10_000 {
                        continue;
                    }
                    let decoded = decode(coding, &coded, step).unwrap();
                    assert!(decoded == bytes, "{coding:?}, {} bytes, {step}", bytes.len());
                }
                // As `cat a.gz b.gz` and `zstd` over several files give it.
                let twice = decode(coding, &[&coded[..], &coded].concat(), 4096).unwrap();
                assert!(twice == [bytes, bytes].concat(), "{coding:?}");
            }
        }
    }

    #[test]
    fn what_is_cut_or_garbled_is_refused_with_its_place() {
        for (coding, coded) in [(Coding::Gzip, gzip(TEXT)), (Coding::Zstd, zstd(TEXT))] {
            for cut in 0..coded.len() {
                let error = decode(coding, &coded[..cut], 3).unwrap_err();
                assert_eq!(error.code(), Code::BadRequest);
                let said = error.to_string();
                assert!(said.contains(&format!("ends at byte {cut}, before its")), "{said}");
            }
            let mut garbled = coded.clone();
            garbled[0] ^= 1;
            let error = decode(coding, &garbled, 4096).unwrap_err();
            assert!(error.to_string().contains("near its byte 0"), "{error}");
            let trailing = [&coded[..], b"and more"].concat();
            assert!(decode(coding, &trailing, 4096).is_err(), "{coding:?}");
        }
        // The checksum of gzip, and that of its length.
        let coded = gzip(TEXT);
        for at in coded.len() - 8..coded.len() {
            let mut garbled = coded.clone();
            garbled[at] ^= 0x40;
            assert!(decode(Coding::Gzip, &garbled, 4096).is_err(), "{at}");
        }
    }

    #[test]
    fn a_window_above_the_bound_is_refused() {
        let mut encoder = zstd::stream::write::Encoder::new(vec![], 1).unwrap();
        encoder.window_log(24).unwrap();
        encoder.write_all(TEXT).unwrap();
        let error = decode(Coding::Zstd, &encoder.finish().unwrap(), 4096).unwrap_err();
        assert!(error.to_string().contains("memory"), "{error}");
    }

    /// Full after so many bytes.
    struct Small(usize);

    impl Write for Small {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            match self.0.checked_sub(bytes.len()) {
                Some(left) => self.0 = left,
                None => return Err(io::Error::other(Error::new(Code::TooLarge, "full"))),
            }
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_bomb_is_refused_by_the_sink_when_it_is_full() {
        let zeros = vec![0; 64 << 20];
        for (coding, coded) in [(Coding::Gzip, gzip(&zeros)), (Coding::Zstd, zstd(&zeros))] {
            let mut decoder = Decoder::new(coding, Small(1 << 20)).unwrap();
            assert_eq!(decoder.push(&coded).unwrap_err().code(), Code::TooLarge);
            assert!(decoder.taken < coded.len() as u64 / 16, "{coding:?} {}", decoder.taken);
        }
    }

    #[test]
    fn headers() {
        let of = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::CONTENT_ENCODING, value.parse().unwrap());
            }
            Coding::of(&headers)
        };
        assert_eq!(of(&[]).unwrap(), Coding::Identity);
        assert_eq!(of(&["identity"]).unwrap(), Coding::Identity);
        assert_eq!(of(&["GZip"]).unwrap(), Coding::Gzip);
        assert_eq!(of(&["x-gzip"]).unwrap(), Coding::Gzip);
        assert_eq!(of(&["zstd "]).unwrap(), Coding::Zstd);
        for refused in
            [&["br"][..], &[""], &["gzip, gzip"], &["gzip", "gzip"], &["gzip,"], &["gzip;q=1"]]
        {
            assert_eq!(of(refused).unwrap_err().code(), Code::UnsupportedEncoding, "{refused:?}");
        }
    }
}
