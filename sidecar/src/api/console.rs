//! `GET /console/`: the static page, embedded in the binary.

use http::{HeaderValue, StatusCode, header};

use super::Api;
use super::answer::{self, Answer};
use crate::code::Code;
use crate::error::{Error, Result};

/// Name and bytes of each file; `build.rs` lists what `cargo xtask wasm` had assembled.
static FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/console.rs"));

/// The page may load itself and run its WebAssembly, and talk to nobody but this listener.
const POLICY: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; object-src 'none'; \
                      base-uri 'none'; frame-ancestors 'none'; form-action 'none'";

impl Api {
    pub(super) fn console(&self, path: &str) -> Result<Answer> {
        if path == "/console" {
            return Ok(to_the_folder());
        }
        let name = path.trim_start_matches("/console/");
        let name = if name.is_empty() { "index.html" } else { name };
        let Some((_, bytes)) = FILES.iter().find(|(file, _)| *file == name) else {
            let message = match FILES {
                [] => "this binary was built without the console; run `cargo xtask wasm` before",
                _ => "the console has no such file",
            };
            return Err(Error::new(Code::NotFound, message));
        };
        let mut answer = answer::with_type(media_type(name), *bytes);
        let headers = answer.headers_mut();
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        Ok(answer)
    }
}

/// The page's own links are relative: without the slash they would lead out of the folder.
fn to_the_folder() -> Answer {
    let mut answer = answer::with_type("text/plain; charset=utf-8", "/console/\n");
    *answer.status_mut() = StatusCode::PERMANENT_REDIRECT;
    answer.headers_mut().insert(header::LOCATION, HeaderValue::from_static("/console/"));
    answer
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("wasm") => "application/wasm",
        Some("json") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        _ => "application/octet-stream",
    }
}
