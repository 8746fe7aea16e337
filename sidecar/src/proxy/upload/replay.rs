//! A body that can be sent once more.
//!
//! A service that speaks HTTP/2 may say of a request that it did nothing about it, and then it goes out again, whatever
//! it asks for (RFC 9113 §8.7). By then a part of its body is on the way, often all of it.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderMap;
use hyper::body::{Body, Frame, Incoming, SizeHint};

/// Of a longer one nothing is kept: what a client sends is passed on, and not gathered.
const KEPT: usize = 64 << 10;

/// What is sent; only the newest of those of one body goes on.
pub struct Replay {
    body: Arc<Mutex<Kept>>,
    turn: u32,
    at: usize,
}

/// As long as this is held, the beginning of the body is kept.
pub struct Beginning(Arc<Mutex<Kept>>);

struct Kept {
    body: Incoming,
    pieces: Vec<Piece>,
    bytes: usize,
    /// None when it is too long.
    hint: Option<SizeHint>,
    is_over: bool,
    turn: u32,
}

enum Piece {
    Data(Bytes),
    Trailers(HeaderMap),
}

impl Replay {
    pub fn new(body: Incoming) -> Self {
        let hint = Some(body.size_hint());
        let kept = Kept { body, pieces: Vec::new(), bytes: 0, hint, is_over: false, turn: 0 };
        Self { body: Arc::new(Mutex::new(kept)), turn: 0, at: 0 }
    }

    pub fn beginning(&self) -> Beginning {
        Beginning(self.body.clone())
    }

    /// Nothing more of one that another has taken the place of.
    pub fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        let is_kept = Arc::strong_count(&self.body) > 1;
        let mut kept = lock(&self.body);
        if kept.turn != self.turn {
            return Poll::Ready(None);
        }
        if let Some(piece) = kept.pieces.get(self.at) {
            self.at += 1;
            return Poll::Ready(Some(Ok(piece.frame())));
        }
        if kept.is_over {
            return Poll::Ready(None);
        }
        let frame = ready!(Pin::new(&mut kept.body).poll_frame(cx)).transpose();
        match &frame {
            Ok(Some(frame)) if is_kept => kept.keep(frame),
            Ok(Some(_)) => kept.let_go(),
            Ok(None) => kept.is_over = true,
            // What could not be read once cannot be sent twice.
            Err(_) => kept.let_go(),
        }
        self.at = kept.pieces.len();
        Poll::Ready(frame.transpose())
    }

    pub fn is_end_stream(&self) -> bool {
        let kept = lock(&self.body);
        kept.turn != self.turn
            || self.at >= kept.pieces.len() && (kept.is_over || kept.body.is_end_stream())
    }

    pub fn size_hint(&self) -> SizeHint {
        lock(&self.body).hint.filter(|_| self.at == 0).unwrap_or_default()
    }
}

impl Beginning {
    /// The same body from its beginning, if that is still there.
    pub fn replay(&self) -> Option<Replay> {
        let mut kept = lock(&self.0);
        kept.hint.as_ref()?;
        kept.turn += 1;
        Some(Replay { body: self.0.clone(), turn: kept.turn, at: 0 })
    }
}

impl Kept {
    fn keep(&mut self, frame: &Frame<Bytes>) {
        if self.hint.is_none() {
            return;
        }
        self.bytes += frame.data_ref().map_or(0, Bytes::len);
        if self.bytes > KEPT {
            return self.let_go();
        }
        let data = frame.data_ref().cloned().map(Piece::Data);
        self.pieces.extend(data.or_else(|| frame.trailers_ref().cloned().map(Piece::Trailers)));
    }

    fn let_go(&mut self) {
        self.hint = None;
        self.pieces = Vec::new();
    }
}

impl Piece {
    fn frame(&self) -> Frame<Bytes> {
        match self {
            Self::Data(data) => Frame::data(data.clone()),
            Self::Trailers(trailers) => Frame::trailers(trailers.clone()),
        }
    }
}

fn lock(body: &Mutex<Kept>) -> MutexGuard<'_, Kept> {
    body.lock().unwrap_or_else(PoisonError::into_inner)
}
