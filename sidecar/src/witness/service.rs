//! The witness protocol over HTTP (C2SP tlog-witness): `POST /add-checkpoint`, and the last cosigned
//! checkpoint of a log at `GET /<SHA-256 of its origin>/checkpoint`.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::Service as HyperService;
use sealtrail_log::proof::submission::MAX_BYTES;
use sealtrail_log::proof::{Checkpoint, Submission, VerifierKey};

use super::{Refusal, Witness};
use crate::api::{body, with_type};
use crate::clock::Moment;
use crate::code::Code;

type Answer = Response<Full<Bytes>>;

/// What all connections share.
#[derive(Clone)]
pub struct Service(Arc<Shared>);

struct Shared {
    witness: Mutex<Witness>,
    logs: Vec<VerifierKey>,
}

impl Service {
    /// Cosigns for these logs and no others.
    pub fn new(witness: Witness, logs: Vec<VerifierKey>) -> Self {
        Self(Arc::new(Shared { witness: Mutex::new(witness), logs }))
    }

    async fn answer(self, request: Request<Incoming>) -> Answer {
        let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
        let is_post = *request.method() == Method::POST;
        let path = request.uri().path().to_owned();
        match path.split('/').collect::<Vec<_>>()[..] {
            ["", "add-checkpoint"] if is_post => self.add_checkpoint(request).await,
            ["", "add-checkpoint"] => not_allowed("POST"),
            ["", digest, "checkpoint"] if is_read => self.checkpoint(digest.to_owned()).await,
            ["", _, "checkpoint"] => not_allowed("GET, HEAD"),
            _ => said(StatusCode::NOT_FOUND, "there is no such resource"),
        }
    }

    async fn add_checkpoint(self, request: Request<Incoming>) -> Answer {
        let body = match body::read(request.into_body(), MAX_BYTES).await {
            Ok(body) => body,
            Err(error) => {
                let mut answer = said(error.code().status(), error.message());
                if error.code() == Code::TooLarge {
                    // What was not read to its end would be read as the next request.
                    let close = HeaderValue::from_static("close");
                    answer.headers_mut().insert(header::CONNECTION, close);
                }
                return answer;
            }
        };
        // Remembering waits for the disk.
        self.apart(move |shared| shared.add_checkpoint(&body)).await
    }

    async fn checkpoint(self, digest: String) -> Answer {
        self.apart(move |shared| {
            let witness = shared.witness.lock().unwrap_or_else(PoisonError::into_inner);
            match witness.note_of_digest(&digest) {
                Ok(Some(note)) => {
                    let mut answer = with_type("text/plain; charset=utf-8", note);
                    let fresh = HeaderValue::from_static("no-cache");
                    answer.headers_mut().insert(header::CACHE_CONTROL, fresh);
                    answer
                }
                Ok(None) => said(StatusCode::NOT_FOUND, "no checkpoint of that log was cosigned"),
                Err(error) => failed(&error),
            }
        })
        .await
    }

    async fn apart(self, work: impl FnOnce(&Shared) -> Answer + Send + 'static) -> Answer {
        let done = tokio::task::spawn_blocking(move || work(&self.0)).await;
        done.unwrap_or_else(|_| {
            said(StatusCode::INTERNAL_SERVER_ERROR, "the work was given up halfway")
        })
    }
}

impl Shared {
    fn add_checkpoint(&self, body: &[u8]) -> Answer {
        let read = Submission::parse(body).and_then(|submission| {
            let checkpoint = Checkpoint::parse(submission.note().unverified_text())?;
            Ok((submission, checkpoint))
        });
        let (submission, checkpoint) = match read {
            Ok(read) => read,
            Err(error) => return said(StatusCode::BAD_REQUEST, &error.to_string()),
        };
        let mut keys = self.logs.iter().filter(|key| key.name() == checkpoint.origin());
        let Some(mut key) = keys.next() else {
            return said(StatusCode::NOT_FOUND, "this witness does not know the log");
        };
        // A log may have two keys for a while; the one that signed decides.
        for other in keys {
            if Checkpoint::of_note(submission.note(), key).is_err_and(|e| e.is_unknown_key()) {
                key = other;
            }
        }
        let mut witness = self.witness.lock().unwrap_or_else(PoisonError::into_inner);
        let refusal = match witness.cosign(&submission, key, Moment::now().posix_seconds()) {
            Ok(cosigned) => {
                let (origin, size) = (cosigned.checkpoint.origin(), cosigned.checkpoint.size());
                tracing::info!(origin, size, "cosigned");
                return with_type("text/plain; charset=utf-8", cosigned.line);
            }
            Err(refusal) => refusal,
        };
        let status = match &refusal {
            Refusal::Malformed(_) => StatusCode::BAD_REQUEST,
            Refusal::NotSigned(_) => StatusCode::FORBIDDEN,
            Refusal::Elsewhere { known } => {
                let mut answer = with_type("text/x.tlog.size", format!("{known}\n"));
                *answer.status_mut() = StatusCode::CONFLICT;
                return answer;
            }
            Refusal::Inconsistent { evidence, .. } => {
                let (origin, size) = (checkpoint.origin(), checkpoint.size());
                if evidence.is_some() {
                    tracing::error!(origin, size, "refused: {refusal}");
                } else {
                    tracing::warn!(origin, size, "refused: {refusal}");
                }
                // C2SP tlog-witness: another root of the same size is a conflict, and only that.
                if submission.old() == checkpoint.size() && submission.proof().is_empty() {
                    StatusCode::CONFLICT
                } else {
                    StatusCode::UNPROCESSABLE_ENTITY
                }
            }
            Refusal::Failed(error) => return failed(error),
        };
        // Where evidence is kept is nobody's business who asks over the network.
        match refusal {
            Refusal::Inconsistent { why, .. } => said(status, &why),
            refusal => said(status, &refusal.to_string()),
        }
    }
}

impl HyperService<Request<Incoming>> for Service {
    type Response = Answer;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Answer, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move { Ok(service.answer(request).await) })
    }
}

fn said(status: StatusCode, sentence: &str) -> Answer {
    let mut answer = with_type("text/plain; charset=utf-8", format!("{sentence}\n"));
    *answer.status_mut() = status;
    answer
}

fn not_allowed(methods: &'static str) -> Answer {
    let mut answer =
        said(StatusCode::METHOD_NOT_ALLOWED, "this resource does not know that method");
    answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static(methods));
    answer
}

/// The paths of the machine are for its operator.
fn failed(error: &crate::error::Error) -> Answer {
    tracing::error!(%error, "the witness cannot work");
    said(StatusCode::INTERNAL_SERVER_ERROR, "the witness cannot work at the moment")
}
