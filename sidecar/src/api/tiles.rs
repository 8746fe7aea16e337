//! `GET /checkpoint` and `GET /tile/...`: the read API of C2SP tlog-tiles, so that any monitor can
//! follow the log.

use http::{HeaderValue, header};

use super::Api;
use super::answer::{self, Answer};
use crate::code::Code;
use crate::error::{Error, Result};

impl Api {
    pub(super) async fn log_resource(&self, path: &str) -> Result<Answer> {
        let path = path.trim_start_matches('/').to_owned();
        let is_checkpoint = path == "checkpoint";
        let read = move |trail: &crate::trail::Trail| {
            let found = trail.questions.reader().resource(&path)?;
            found.ok_or_else(|| Error::new(Code::NotFound, "the log has no such tile"))
        };
        let bytes = self.ask(read).await?;
        let (media_type, cache) = if is_checkpoint {
            ("text/plain; charset=utf-8", "no-cache")
        } else {
            // A tile of a given width never changes.
            ("application/octet-stream", "public, max-age=31536000, immutable")
        };
        let mut answer = answer::with_type(media_type, bytes);
        answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
        Ok(answer)
    }
}
