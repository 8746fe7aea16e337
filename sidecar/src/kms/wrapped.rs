use base64ct::{Base64, Encoding};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::code::Code;
use crate::error::{Error, Result};

/// The file of a key-encryption key that a KMS wraps:
///
/// ```text
/// {"format":"sealtrail wrapped kek v1","kms":"aws","key":"<ARN of the key>","wrapped":"<base64>"}LF
/// ```
///
/// It opens nothing without the KMS. For AWS `wrapped` is the `CiphertextBlob` of GenerateDataKey, under the encryption
/// context `{"sealtrail-origin": "<origin of the log>"}`.
#[derive(Debug, PartialEq, Eq)]
pub struct Wrapped {
    pub key: String,
    pub bytes: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'l> {
    format: &'l str,
    kms: &'l str,
    key: &'l str,
    wrapped: &'l str,
}

const FORMAT: &str = "sealtrail wrapped kek v1";
const AWS: &str = "aws";

/// More than any KMS makes of 32 bytes.
const AT_MOST: usize = 8 << 10;

impl Wrapped {
    pub fn to_line(&self) -> Zeroizing<Vec<u8>> {
        let wrapped = Base64::encode_string(&self.bytes);
        let line = Line { format: FORMAT, kms: AWS, key: &self.key, wrapped: &wrapped };
        let mut line = serde_json::to_vec(&line).expect("texts are always JSON");
        line.push(b'\n');
        Zeroizing::new(line)
    }

    /// Reads a file; none if it holds a key-encryption key that nobody wraps.
    pub fn parse(held: &[u8]) -> Result<Option<Self>> {
        if held.first() != Some(&b'{') {
            return Ok(None);
        }
        let refused = |expected: &str| {
            Error::new(
                Code::KeyFile,
                format!("the file was edited or damaged: expected {expected}"),
            )
        };
        let line = serde_json::from_slice::<Line<'_>>(held).map_err(|_| {
            refused("one JSON object with `format`, `kms`, `key` and `wrapped`, all of them texts")
        })?;
        if (line.format, line.kms) != (FORMAT, AWS) {
            return Err(refused(&format!("format `{FORMAT}` and KMS `{AWS}`")));
        }
        match Base64::decode_vec(line.wrapped) {
            Ok(bytes) if !bytes.is_empty() && bytes.len() <= AT_MOST => {
                Ok(Some(Self { key: line.key.into(), bytes }))
            }
            _ => Err(refused(&format!("1 to {AT_MOST} bytes of base64 as `wrapped`"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_gives_back_what_was_written() {
        let key = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd".to_owned();
        let wrapped = Wrapped { key, bytes: vec![7; 200] };
        let line = wrapped.to_line();
        assert!(
            line.starts_with(br#"{"format":"sealtrail wrapped kek v1","kms":"aws","key":"arn:"#)
        );
        assert_eq!(Wrapped::parse(&line).unwrap(), Some(wrapped));
    }

    #[test]
    fn a_plain_one_is_told_from_an_edited_one() {
        assert_eq!(
            Wrapped::parse(b"RSgdzPkwL3VsRLKcMwSaFUrGdxVbLBMSCbCgSy3mTkE=\n").unwrap(),
            None
        );
        assert_eq!(Wrapped::parse(b"").unwrap(), None);
        let good =
            String::from_utf8(Wrapped { key: "k".into(), bytes: vec![7] }.to_line().to_vec());
        let good = good.unwrap();
        for bad in [
            good.replace("v1", "v2"),
            good.replace("aws", "gcp"),
            good.replace("\"key\":\"k\",", ""),
            good.replace("{", "{\"more\":1,"),
            good.replace("Bw==", "B"),
            good.replace("Bw==", ""),
            good.replace("\"Bw==\"", "7"),
            good.trim_end_matches(['\n', '}']).to_owned(),
        ] {
            let error = Wrapped::parse(bad.as_bytes()).unwrap_err();
            assert!(error.to_string().contains("edited or damaged: expected"), "{bad}: {error}");
            assert_eq!(error.code(), Code::KeyFile);
        }
    }
}
