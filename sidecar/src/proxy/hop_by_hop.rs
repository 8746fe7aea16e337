//! Headers that concern one connection only and do not travel through a proxy (RFC 9110 §7.6.1).

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::Request;
use hyper::body::Body;

/// Removes what `Connection` names, and what is hop by hop even when it forgot to name it.
///
/// `Transfer-Encoding` goes too: the framing of the next hop is made anew.
pub fn remove(headers: &mut HeaderMap) {
    // Most messages have one of them or none, so it is looked first which.
    let mut there = [false; ALWAYS.len()];
    for key in headers.keys() {
        if let Some(at) = ALWAYS.iter().position(|name| *name == key.as_str()) {
            there[at] = true;
        }
    }
    if there[0] {
        for name in named_by_connection(headers) {
            headers.remove(name);
        }
    }
    for (name, _) in ALWAYS.iter().zip(there).filter(|(_, there)| *there) {
        headers.remove(*name);
    }
}

/// `Connection` is the first.
const ALWAYS: [&str; 8] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// Says how a body of unknown length is framed on the next hop, also where a body is unusual: of a GET without this the
/// client would send none.
pub fn frame_body<B: Body>(request: &mut Request<B>) {
    let body = request.body();
    if !body.is_end_stream() && body.size_hint().exact().is_none() {
        let chunked = HeaderValue::from_static("chunked");
        request.headers_mut().insert(header::TRANSFER_ENCODING, chunked);
    }
}

/// Why nobody could be sure where the body of an answer ends, or what it is (RFC 9112 §6.1, §6.3, RFC 9110 §8.6).
///
/// `Transfer-Encoding` ends here, so what is coded otherwise would be passed on as something that it is not.
pub fn unclear_framing(headers: &HeaderMap) -> Option<&'static str> {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    if let Some(coding) = codings.next() {
        if headers.contains_key(header::CONTENT_LENGTH) {
            return Some("it has both `Content-Length` and `Transfer-Encoding`");
        }
        if codings.next().is_some() || !coding.as_bytes().eq_ignore_ascii_case(b"chunked") {
            return Some("its `Transfer-Encoding` is another than `chunked`");
        }
    }
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    let length = lengths.next()?;
    let is_number = length.as_bytes().iter().all(u8::is_ascii_digit) && !length.is_empty();
    if lengths.next().is_some() || !is_number {
        return Some("its `Content-Length` is not one number");
    }
    None
}

/// Whether the sender takes trailers (RFC 9110 §10.1.4).
pub fn takes_trailers(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::TE).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|coding| {
        let name = coding.split(';').next().unwrap_or_default();
        name.trim().eq_ignore_ascii_case("trailers")
    })
}

/// Says to the next hop that trailers are taken.
pub fn take_trailers(headers: &mut HeaderMap) {
    headers.insert(header::TE, HeaderValue::from_static("trailers"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("te"));
}

fn named_by_connection(headers: &HeaderMap) -> Vec<HeaderName> {
    // By bytes: one odd option on the line must not save the others.
    let values = headers.get_all(header::CONNECTION).iter();
    let options = values.flat_map(|value| value.as_bytes().split(|b| *b == b','));
    // These name no header, or one that goes anyway.
    let is_known = |option: &&[u8]| {
        [&b"keep-alive"[..], b"close", b"upgrade"].iter().any(|k| option.eq_ignore_ascii_case(k))
    };
    let options = options.map(|option| option.trim_ascii()).filter(|option| !is_known(option));
    let names = options.filter_map(|option| HeaderName::from_bytes(option).ok());
    // A client must not be able to make us drop how long the body is or where it goes.
    names.filter(|name| !matches!(*name, header::CONTENT_LENGTH | header::HOST)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_of_unknown_length_is_chunked() {
        use http_body_util::{BodyExt, Empty, Full};
        let framed = |request: &mut Request<_>| {
            frame_body(request);
            request.headers().contains_key(header::TRANSFER_ENCODING)
        };
        let known = Full::new(bytes::Bytes::from_static(b"a")).boxed();
        let unknown = known.map_frame(|frame| frame).boxed();
        assert!(!framed(&mut Request::new(Empty::<bytes::Bytes>::new().boxed())));
        assert!(framed(&mut Request::new(unknown)));
    }

    #[test]
    fn an_answer_has_one_framing() {
        for (fields, is_clear) in [
            (&[][..], true),
            (&[("content-length", "3")], true),
            (&[("transfer-encoding", "chunked")], true),
            (&[("transfer-encoding", "Chunked")], true),
            (&[("content-length", "3"), ("transfer-encoding", "chunked")], false),
            (&[("transfer-encoding", "gzip, chunked")], false),
            (&[("transfer-encoding", "gzip"), ("transfer-encoding", "chunked")], false),
            (&[("transfer-encoding", "identity")], false),
            (&[("content-length", "3, 3")], false),
            (&[("content-length", "3"), ("content-length", "3")], false),
            (&[("content-length", "+3")], false),
            (&[("content-length", "")], false),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in fields {
                headers.append(*name, HeaderValue::from_static(value));
            }
            assert_eq!(unclear_framing(&headers).is_none(), is_clear, "{fields:?}");
        }
    }

    #[test]
    fn listed_and_well_known_ones_go_the_rest_stays() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "keep-alive, X-Secret-Hop"),
            ("connection", "x-other, content-length, host, , é"),
            ("keep-alive", "timeout=5"),
            ("proxy-authorization", "Basic eA=="),
            ("te", "trailers"),
            ("trailer", "x-checksum"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
            ("x-secret-hop", "1"),
            ("x-other", "1"),
            ("content-length", "3"),
            ("host", "shop"),
            ("accept", "*/*"),
        ] {
            headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        remove(&mut headers);
        let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["accept", "content-length", "host", "trailer"]);
    }

    #[test]
    fn trailers_are_one_of_several_codings() {
        for (te, expected) in [
            ("trailers", true),
            ("gzip;q=0.5, Trailers ", true),
            ("gzip", false),
            ("trailersx", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::TE, HeaderValue::from_str(te).unwrap());
            assert_eq!(takes_trailers(&headers), expected, "{te}");
        }
    }
}
