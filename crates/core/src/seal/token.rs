use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sealtrail_record::decimal::digits;

const PREFIX: &str = "st1.";

/// Appends the token of nonce, ciphertext and tag.
pub(super) fn write(index: usize, sealed: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(PREFIX.as_bytes());
    out.extend_from_slice(digits(index, &mut [0; 20]).as_bytes());
    out.push(b'.');
    let start = out.len();
    out.resize(start + (sealed.len() * 4).div_ceil(3), 0);
    let written = URL_SAFE_NO_PAD.encode_slice(sealed, &mut out[start..]);
    debug_assert_eq!(written, Ok(out.len() - start));
}

/// Index of the seal and the bytes; `None` if the text is no token. Base64 is read strictly
/// (RFC 4648 §3.5): there is one spelling of every token.
pub fn parse(token: &str) -> Option<(usize, Vec<u8>)> {
    let (_, encoded) = token.strip_prefix(PREFIX)?.split_once('.')?;
    Some((seal_index(token)?, URL_SAFE_NO_PAD.decode(encoded).ok()?))
}

/// Which entry of `seals` a token says it belongs to.
pub fn seal_index(token: &str) -> Option<usize> {
    let (index, _) = token.strip_prefix(PREFIX)?.split_once('.')?;
    sealtrail_record::pointer::index(index)
}

/// The nonce, and what is left: ciphertext and tag.
pub fn nonce(bytes: &[u8]) -> Option<(&[u8; super::NONCE_BYTES], &[u8])> {
    bytes.split_first_chunk()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        for index in [0, 7, 10, 123_456, usize::MAX] {
            for len in 0..50 {
                let (bytes, mut out) = (vec![0xA5; len], Vec::new());
                write(index, &bytes, &mut out);
                assert_eq!(parse(std::str::from_utf8(&out).unwrap()), Some((index, bytes)));
            }
        }
    }

    #[test]
    fn one_spelling() {
        assert_eq!(parse("st1.2.AAEC"), Some((2, vec![0, 1, 2])));
        for bad in [
            "",
            "st1.",
            "st1.0",
            "st2.0.AAEC",
            "st1.00.AAEC",
            "st1.-1.AAEC",
            "st1.0.AAEC=",
            "st1.0.AAE+",
            "st1.0.AB",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
