//! `GET /v1/export`: the records that fit, in a form for others, while they are read.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, header};
use http_body_util::channel::{Channel, Sender};
use http_body_util::{Either, Full};
use hyper::body::{Frame, SizeHint};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use tracing::{Instrument, Span};

use super::Api;
use super::answer;
use super::query::Query;
use super::records::{CRITERIA, known};
use super::turns::Turns;
use super::untaken::Room;
use crate::code::Code;
use crate::error::{Error, Result};
use crate::export::{Form, Pieces, pieces};
use crate::logging;
use crate::questions::{Asker, Questions, Stop};
use crate::trail::Trail;

/// A body that is there, or one that comes piece by piece; if an error ends it, the client sees that it is cut.
pub type Body = Either<Full<Bytes>, Sent>;

/// Pieces that come while the records are read, as long as it is taken.
pub struct Sent {
    pieces: Channel<Bytes, Error>,
    _asker: Asker,
    _room: Room,
}

/// How many records that fit left nothing in an export: in the head where it is known by then, else behind the end.
pub const LEFT_OUT: &str = "sealtrail-left-out";

/// The names of the keys that are asked for and are of several data subjects, percent-encoded, with commas between.
pub const SHARED_KEYS: &str = "sealtrail-shared-keys";

/// What no name in a header has: it is percent-encoded.
const ENCODED: &AsciiSet = &CONTROLS.add(b'%').add(b',').add(b' ');

/// What a header takes of any text.
fn encoded(name: &str) -> String {
    utf8_percent_encode(name, ENCODED).to_string()
}

/// A client that takes nothing for so long is given up.
const PATIENCE: Duration = Duration::from_secs(60);

impl Api {
    /// The answer begins when its first piece is there, so what can be seen until then is a problem.
    pub(super) async fn export(&self, query: Query) -> Result<Response<Body>> {
        query.allow(&known(&CRITERIA, &["subject", "acts_about", "format"]))?;
        let missing = || {
            let message = format!("the query needs `format`: {}", Form::names());
            Error::new(Code::BadRequest, message)
        };
        let form = Form::parse(query.get("format").ok_or_else(missing)?)?;
        let question = self.question(query).await?;
        let shared: Vec<String> = question.shared_keys().iter().map(|name| encoded(name)).collect();
        let begin = move |trail: &Trail, questions: &Questions| {
            let mut pieces = pieces(questions, &question, form, trail.sandbox())?;
            Ok((pieces.next().transpose()?, pieces))
        };
        let room = self.untaken.room(form.in_memory())?;
        let (stop, asker) = Stop::new();
        let (first, pieces) = self.look_until(&stop, begin).await?;
        let (is_over, left_out) = (first.is_none() || pieces.is_over(), pieces.left_out());
        let mut answer = Response::new(match first {
            // An answer without records, in a form that says nothing then.
            None => Either::Left(Full::default()),
            Some(first) if is_over => Either::Left(Full::new(room.around(first.into()))),
            Some(first) => {
                let (sender, body) = Channel::new(1);
                let sending = Sending { sender, turns: self.turns.clone(), stop };
                tokio::spawn(sending.send(first, pieces).instrument(Span::current()));
                Either::Right(Sent { pieces: body, _asker: asker, _room: room })
            }
        });
        let headers = answer.headers_mut();
        let mut set = |name, value: &str| {
            let value = HeaderValue::from_str(value).expect("a text of ours");
            headers.insert(name, value)
        };
        set(header::CONTENT_TYPE, form.media_type());
        let name = format!("attachment; filename=\"sealtrail.{}\"", form.extension());
        set(header::CONTENT_DISPOSITION, &name);
        set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
        if !shared.is_empty() {
            set(HeaderName::from_static(SHARED_KEYS), &shared.join(","));
        }
        match is_over {
            true => set(HeaderName::from_static(LEFT_OUT), &left_out.to_string()),
            false => set(header::TRAILER, LEFT_OUT),
        };
        Ok(answer::uncached(answer))
    }
}

struct Sending {
    sender: Sender<Bytes, Error>,
    turns: Arc<Turns>,
    stop: Stop,
}

impl Sending {
    /// Sends a piece when the one before it was taken. A thread is held only while a piece is made.
    async fn send(mut self, first: Vec<u8>, mut pieces: Pieces) {
        let mut piece = first;
        loop {
            let sent = self.sender.send_data(piece.into());
            match tokio::time::timeout(PATIENCE, sent).await {
                Ok(Ok(())) => {}
                // Nobody is there any more.
                Ok(Err(_)) => return,
                Err(_) => {
                    let message = "the client takes nothing of an export";
                    return self.sender.abort(Error::new(Code::RequestTimeout, message));
                }
            }
            let made = self.turns.take(move || (pieces.next(), pieces)).await;
            (piece, pieces) = match made {
                Ok((Some(Ok(piece)), pieces)) => (piece, pieces),
                Ok((None, pieces)) => {
                    let left_out = HeaderValue::from(pieces.left_out());
                    let trailers =
                        HeaderMap::from_iter([(HeaderName::from_static(LEFT_OUT), left_out)]);
                    // Nobody is there any more, or all is sent.
                    let _ = self.sender.send_trailers(trailers).await;
                    return;
                }
                Ok((Some(Err(_)), _)) if self.stop.is_set() => return,
                Ok((Some(Err(error)), _)) => {
                    logging::tell(&error);
                    return self.sender.abort(error);
                }
                Err(error) => return self.sender.abort(error),
            };
        }
    }
}

impl hyper::body::Body for Sent {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>>>> {
        Pin::new(&mut self.pieces).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.pieces.size_hint()
    }
}
