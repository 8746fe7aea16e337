use base64ct::{Base64UrlUnpadded, Encoding};

use super::NONCE_BYTES;

const PREFIX: &str = "st1.";

pub(super) fn write(index: usize, nonce: &[u8; NONCE_BYTES], sealed: &[u8]) -> String {
    let bytes = [nonce, sealed].concat();
    format!("{PREFIX}{index}.{}", Base64UrlUnpadded::encode_string(&bytes))
}

/// Index of the seal and the bytes; `None` if the text is no token. Base64 is read strictly
/// (RFC 4648 §3.5): there is one spelling of every token.
pub fn parse(token: &str) -> Option<(usize, Vec<u8>)> {
    let (_, encoded) = token.strip_prefix(PREFIX)?.split_once('.')?;
    Some((seal_index(token)?, Base64UrlUnpadded::decode_vec(encoded).ok()?))
}

/// Which entry of `seals` a token says it belongs to.
pub fn seal_index(token: &str) -> Option<usize> {
    let (index, _) = token.strip_prefix(PREFIX)?.split_once('.')?;
    sealtrail_record::pointer::index(index)
}

/// The nonce, and what is left: ciphertext and tag.
pub fn nonce(bytes: &[u8]) -> Option<(&[u8; NONCE_BYTES], &[u8])> {
    bytes.split_first_chunk()
}

#[cfg(test)]
mod tests {
    use super::*;

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
