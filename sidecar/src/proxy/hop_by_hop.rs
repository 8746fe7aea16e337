//! Headers that concern one connection only and do not travel through a proxy (RFC 9110 §7.6.1).

use http::header::{self, HeaderMap, HeaderName};

/// Removes what `Connection` names, and what is hop by hop even when it forgot to name it.
///
/// `Transfer-Encoding` goes too: the framing of the next hop is made anew.
pub fn remove(headers: &mut HeaderMap) {
    for name in named_by_connection(headers) {
        headers.remove(name);
    }
    for name in [
        &header::CONNECTION,
        &HeaderName::from_static("keep-alive"),
        &HeaderName::from_static("proxy-connection"),
        &header::PROXY_AUTHENTICATE,
        &header::PROXY_AUTHORIZATION,
        &header::TE,
        &header::TRANSFER_ENCODING,
        &header::UPGRADE,
    ] {
        headers.remove(name);
    }
}

fn named_by_connection(headers: &HeaderMap) -> Vec<HeaderName> {
    // By bytes: one odd option on the line must not save the others.
    let values = headers.get_all(header::CONNECTION).iter();
    let options = values.flat_map(|value| value.as_bytes().split(|b| *b == b','));
    let names = options.filter_map(|option| HeaderName::from_bytes(option.trim_ascii()).ok());
    // A client must not be able to make us drop how long the body is or where it goes.
    names.filter(|name| !matches!(*name, header::CONTENT_LENGTH | header::HOST)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

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
}
