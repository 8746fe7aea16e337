use std::path::Path;

use base64ct::{Base64, Encoding};

use crate::error::{Error, Result};
use crate::id::KeyId;

/// A small file with one key id and some bytes:
///
/// ```text
/// <head>LF
/// <kid>LF
/// <base64 of N bytes>LF
/// ```
///
/// `head` says what kind of file it is and of which version, so that no kind can be read as another.
pub(crate) struct Slip<const N: usize> {
    pub(crate) kid: KeyId,
    pub(crate) bytes: [u8; N],
}

/// A slip is never longer than this; nothing of a longer file is read.
pub(crate) const LIMIT: usize = 512;

impl<const N: usize> Slip<N> {
    pub(crate) fn to_text(&self, head: &str) -> String {
        format!("{head}\n{}\n{}\n", self.kid, Base64::encode_string(&self.bytes))
    }

    /// Reads `text`, which came from `path`. Every deviation is an edit: these files are written whole.
    pub(crate) fn parse(text: &[u8], head: &str, path: &Path) -> Result<Self> {
        let slip = || {
            let text = std::str::from_utf8(text).ok()?;
            let (kid, bytes) = text
                .strip_prefix(head)?
                .strip_prefix('\n')?
                .strip_suffix('\n')?
                .split_once('\n')?;
            let kid = KeyId::parse(kid).ok()?;
            let mut decoded = [0; N];
            (Base64::decode(bytes, &mut decoded).ok()?.len() == N)
                .then_some(Self { kid, bytes: decoded })
        };
        slip().ok_or_else(|| {
            Error::edited(
                path,
                format!("`{head}`, a key id and {N} bytes of base64 on three lines"),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exact_form_is_read() {
        let slip = Slip { kid: KeyId::of_subject(&[1; 16]), bytes: [2; 32] };
        let text = slip.to_text("sealtrail test v1");
        let parse =
            |text: &str, head| Slip::<32>::parse(text.as_bytes(), head, Path::new("some/place"));
        let back = parse(&text, "sealtrail test v1").unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((back.kid, back.bytes), (slip.kid, slip.bytes));

        for bad in [
            text.trim_end().to_owned(),
            format!("{text}\n"),
            format!(" {text}"),
            text.replace('\n', "\r\n"),
            text.replace("k_", "k_/"),
            text.replace("v1", "v2"),
            text[..text.len() - 3].to_owned(),
            String::new(),
        ] {
            let error = parse(&bad, "sealtrail test v1").err().unwrap();
            assert!(
                error.is_edited() && error.to_string().contains("`some/place`"),
                "{bad:?}: {error}"
            );
        }
        assert!(Slip::<31>::parse(text.as_bytes(), "sealtrail test v1", Path::new("p")).is_err());
    }
}
