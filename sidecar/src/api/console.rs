//! `GET /console/`: the static page, embedded in the binary in each coding that its build made.

use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::Api;
use super::answer::{self, Answer};
use crate::code::Code;
use crate::error::{Error, Result};

struct File {
    name: &'static str,
    /// The beginning of its SHA-256, in hexadecimal.
    digest: &'static str,
    plain: &'static [u8],
    brotli: Option<&'static [u8]>,
    gzip: Option<&'static [u8]>,
}

/// `build.rs` lists what `cargo xtask wasm` had built.
static FILES: &[File] = include!(concat!(env!("OUT_DIR"), "/console.rs"));

/// The page may load its own files and run its WebAssembly, in a worker too whose script is part of the page's.
/// A worker of that kind has this policy, and so talks to nobody but this listener either.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src blob:; \
                      style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; \
                      frame-ancestors 'none'; form-action 'none'";

/// The page as one file is to be kept and opened from a folder; here its own script would be refused.
const ONE_FILE: &str = "sealtrail-console.html";

impl Api {
    pub(super) fn console(&self, path: &str, asked: &HeaderMap) -> Result<Answer> {
        if path == "/console" {
            return Ok(to_the_folder());
        }
        let name = path.trim_start_matches("/console/");
        let name = if name.is_empty() { "index.html" } else { name };
        let Some(file) = FILES.iter().find(|file| file.name == name) else {
            let message = match FILES {
                [] => "this binary was built without the console; run `cargo xtask wasm` before",
                _ => "the console has no such file",
            };
            return Err(Error::new(Code::NotFound, message));
        };
        Ok(file.answer(asked))
    }
}

impl File {
    fn answer(&self, asked: &HeaderMap) -> Answer {
        let tag = format!("W/\"{}\"", self.digest);
        let known = asked.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
        let is_known = known.is_some_and(|tags| tags.split(',').any(|known| known.trim() == tag));
        let (coding, bytes) = self.coded(asked);
        let media_type = media_type(self.name);
        let mut answer = match is_known {
            true => answer::with_type(media_type, ""),
            false => answer::with_type(media_type, bytes),
        };
        let headers = answer.headers_mut();
        let mut set = |name, value| headers.insert(name, HeaderValue::from_static(value));
        set(header::CONTENT_SECURITY_POLICY, POLICY);
        set(header::REFERRER_POLICY, "no-referrer");
        set(header::VARY, "accept-encoding");
        // Names of built files have a digest in them; the others keep theirs from one release to the next.
        let is_named_by_digest = self.name.starts_with("assets/");
        let keep = "public, max-age=31536000, immutable";
        set(header::CACHE_CONTROL, if is_named_by_digest { keep } else { "no-cache" });
        if let Some(coding) = coding.filter(|_| !is_known) {
            set(header::CONTENT_ENCODING, coding);
        }
        if self.name == ONE_FILE {
            set(header::CONTENT_DISPOSITION, "attachment");
        }
        if let Ok(tag) = HeaderValue::from_str(&tag) {
            headers.insert(header::ETAG, tag);
        }
        if is_known {
            *answer.status_mut() = StatusCode::NOT_MODIFIED;
        }
        answer
    }

    fn coded(&self, asked: &HeaderMap) -> (Option<&'static str>, &'static [u8]) {
        for (coding, bytes) in [("br", self.brotli), ("gzip", self.gzip)] {
            if let Some(bytes) = bytes.filter(|_| takes(asked, coding)) {
                return (Some(coding), bytes);
            }
        }
        (None, self.plain)
    }
}

/// Whether `Accept-Encoding` names a coding and does not refuse it (RFC 9110 §12.5.3). `*` is nobody's wish for one.
fn takes(asked: &HeaderMap, coding: &str) -> bool {
    let values = asked.get_all(header::ACCEPT_ENCODING).iter().filter_map(|v| v.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|item| {
        let (name, weight) = item.split_once(';').unwrap_or((item, "q=1"));
        let weight = weight.trim().trim_start_matches(['q', 'Q']).trim_start_matches('=');
        name.trim().eq_ignore_ascii_case(coding) && weight.parse().is_ok_and(|q: f32| q > 0.0)
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: File = File {
        name: "guest.wasm",
        digest: "0123",
        plain: b"plain",
        brotli: Some(b"brotli"),
        gzip: Some(b"gzip"),
    };

    fn asked(name: header::HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn the_smallest_coding_that_is_taken() {
        for (value, expected) in [
            ("", None),
            ("gzip, deflate", Some("gzip")),
            ("gzip, deflate, br, zstd", Some("br")),
            ("gzip;q=1.0, br;q=0", Some("gzip")),
            ("BR ; q=0.5", Some("br")),
            ("br;q=x, *", None),
            ("x-br, brotli", None),
        ] {
            let asked = asked(header::ACCEPT_ENCODING, value);
            assert_eq!(FILE.coded(&asked).0, expected, "{value}");
            let answer = FILE.answer(&asked);
            let coding = answer.headers().get(header::CONTENT_ENCODING);
            assert_eq!(coding.map(|value| value.to_str().unwrap()), expected, "{value}");
        }
        let plain = File { brotli: None, gzip: None, ..FILE };
        assert_eq!(plain.coded(&asked(header::ACCEPT_ENCODING, "br, gzip")), (None, &b"plain"[..]));
    }

    #[test]
    fn what_is_known_is_not_sent_again() {
        for (value, status) in
            [("W/\"0123\"", 304), ("\"a\", W/\"0123\"", 304), ("W/\"4567\"", 200), ("\"0123", 200)]
        {
            let answer = FILE.answer(&asked(header::IF_NONE_MATCH, value));
            assert_eq!(answer.status(), status, "{value}");
            assert_eq!(answer.headers()[header::ETAG], "W/\"0123\"");
        }
    }

    #[test]
    fn only_what_is_named_by_its_digest_is_kept_unasked() {
        let of = |name| {
            let answer = File { name, ..FILE }.answer(&HeaderMap::new());
            let has = |name, text: &str| {
                let value = answer.headers().get(name);
                value.is_some_and(|value| value.to_str().unwrap().contains(text))
            };
            let is_kept = has(header::CACHE_CONTROL, "immutable");
            (is_kept, has(header::CONTENT_DISPOSITION, "attachment"))
        };
        assert_eq!(of("guest.wasm"), (false, false));
        assert_eq!(of("assets/index-0123.js"), (true, false));
        assert_eq!(of(ONE_FILE), (false, true));
    }
}
