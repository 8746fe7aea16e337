use std::borrow::Cow;
use std::path::Path;
use std::time::Duration;

use base64ct::{Base64, Encoding};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, Uri, header};
use reqsign_aws_v4::RequestSigner;
use reqsign_core::{Context, SignRequest};
use rustls::RootCertStore;
use sealtrail_keyring::Kek;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

use super::aws_credentials;
use super::aws_place::Place;
use super::wrapped::Wrapped;
use crate::code::Code;
use crate::error::{Error, Result};
use crate::https::{Transport, roots_of, roots_of_the_web};

/// AWS KMS in one region: its JSON protocol, signed with Signature Version 4.
///
/// Two calls are all: [`GenerateDataKey`](https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateDataKey.html) and
/// [`Decrypt`](https://docs.aws.amazon.com/kms/latest/APIReference/API_Decrypt.html), both with the encryption context
/// `sealtrail-origin`, so that a policy can bind a key to a log (`kms:EncryptionContext:sealtrail-origin`) and CloudTrail
/// says which log was opened.
pub struct Aws {
    place: Place,
    timeout: Duration,
    transport: Transport,
}

/// The certificates that AWS's own tools would trust: those of the file that `AWS_CA_BUNDLE` names, or else those of
/// the web.
fn roots() -> Result<RootCertStore> {
    match std::env::var_os("AWS_CA_BUNDLE").filter(|path| !path.is_empty()) {
        None => Ok(roots_of_the_web()),
        Some(path) => roots_of(Path::new(&path))
            .map_err(|error| error.context("the environment's `AWS_CA_BUNDLE`")),
    }
}

/// Tries of one call; what is busy or not there is asked again after a tenth of a second, then after two.
const TRIES: u32 = 3;

#[derive(Deserialize)]
struct DataKey<'a> {
    #[serde(rename = "CiphertextBlob", borrow)]
    wrapped: Cow<'a, str>,
    #[serde(rename = "Plaintext", borrow)]
    plaintext: Cow<'a, str>,
    #[serde(rename = "KeyId", borrow)]
    key: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Decrypted<'a> {
    #[serde(rename = "Plaintext", borrow)]
    plaintext: Cow<'a, str>,
}

impl Aws {
    /// Where this key is.
    pub fn of(key: &str, timeout: Duration) -> Result<Self> {
        let place = Place::of(key, |name| std::env::var(name).ok())?;
        Ok(Self { place, timeout, transport: Transport::new(roots()?)? })
    }

    /// A new key-encryption key, and the same wrapped by `key` for the log of this origin.
    pub fn generate(&self, key: &str, origin: &str) -> Result<(Kek, Wrapped)> {
        let body = json!({"KeyId": key, "NumberOfBytes": 32, "EncryptionContext": context(origin)});
        self.call("GenerateDataKey", &body, key, |answer| {
            let answer = serde_json::from_slice::<DataKey<'_>>(answer).ok()?;
            let bytes = Base64::decode_vec(&answer.wrapped).ok()?;
            Some((kek_of(&answer.plaintext)?, Wrapped { key: answer.key.into_owned(), bytes }))
        })
    }

    /// What was wrapped for the log of this origin.
    pub fn unwrap(&self, wrapped: &Wrapped, origin: &str) -> Result<Kek> {
        let body = json!({"KeyId": wrapped.key, "CiphertextBlob": Base64::encode_string(&wrapped.bytes),
            "EncryptionContext": context(origin)});
        self.call("Decrypt", &body, &wrapped.key, |answer| {
            kek_of(&serde_json::from_slice::<Decrypted<'_>>(answer).ok()?.plaintext)
        })
        .map_err(|error| match error.message().contains("InvalidCiphertext") {
            true => Error::new(
                error.code(),
                format!(
                    "{error}: what the file holds was wrapped for another log than `{origin}`, by another key, or \
                     edited"
                ),
            ),
            false => error,
        })
    }

    /// One call; `read` gets the answer, whose memory is wiped then.
    fn call<T>(
        &self,
        action: &str,
        body: &Value,
        key: &str,
        read: impl FnOnce(&[u8]) -> Option<T>,
    ) -> Result<T> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let answer = runtime.block_on(async {
            let tries = tokio::time::timeout(self.timeout, self.try_call(action, body, key)).await;
            tries.unwrap_or_else(|_| {
                Err(self.unreachable(format!("no answer within {:?}", self.timeout)))
            })
        })?;
        let mut answer = match answer.try_into_mut() {
            Ok(bytes) => bytes,
            Err(shared) => shared.as_ref().into(),
        };
        let read = read(&answer);
        answer.as_mut().zeroize();
        read.ok_or_else(|| self.refused("the answer is not one of AWS KMS".into()))
    }

    async fn try_call(&self, action: &str, body: &Value, key: &str) -> Result<Bytes> {
        let credential = aws_credentials::find(&self.transport).await;
        let credential = credential.map_err(|e| e.context("AWS KMS"))?;
        let signer = RequestSigner::new("kms", &self.place.region);
        let mut tried = 0;
        loop {
            tried += 1;
            let mut request = self.request(action, body)?.into_parts();
            let signed =
                signer.sign_request(&Context::new(), &mut request.0, Some(&credential), None).await;
            signed.map_err(|error| self.refused(clean(&error.to_string())))?;
            // Not signed: it may be changed on the way.
            let headers = &mut request.0.headers;
            headers.insert(header::USER_AGENT, HeaderValue::from_static("sealtrail"));
            let again = match self.transport.send(Request::from_parts(request.0, request.1)).await {
                Ok(answer) if answer.status().is_success() => return Ok(answer.into_body()),
                Ok(answer) => {
                    let refusal = Refused::read(&answer);
                    if !refusal.is_passing {
                        return Err(self.refused(refusal.in_words(key)));
                    }
                    self.unreachable(refusal.in_words(key))
                }
                Err(why) => self.unreachable(clean(&why)),
            };
            if tried == TRIES {
                return Err(again);
            }
            tokio::time::sleep(Duration::from_millis(100) * tried).await;
        }
    }

    fn request(&self, action: &str, body: &Value) -> Result<Request<Bytes>> {
        let body = Bytes::from(body.to_string());
        let digest: String =
            Sha256::digest(&body).iter().map(|byte| format!("{byte:02x}")).collect();
        let target = format!("TrentService.{action}");
        let request = Request::builder()
            .method(Method::POST)
            .uri(Uri::clone(&self.place.endpoint))
            .header(header::CONTENT_TYPE, "application/x-amz-json-1.1")
            .header("x-amz-target", target)
            .header("x-amz-content-sha256", digest);
        request.body(body).map_err(|error| self.refused(error.to_string()))
    }

    /// It answered, and that is its last word.
    fn refused(&self, why: String) -> Error {
        Error::new(Code::KeyFile, format!("AWS KMS in {}: {why}", self.place.region))
    }

    /// Somebody may try again later.
    fn unreachable(&self, why: String) -> Error {
        let message = format!("AWS KMS at {} cannot be asked: {why}", self.place.endpoint);
        Error::new(Code::UpstreamUnreachable, message)
    }
}

fn context(origin: &str) -> Value {
    json!({ "sealtrail-origin": origin })
}

fn kek_of(base64: &str) -> Option<Kek> {
    let mut bytes = Zeroizing::new([0; 32]);
    let length = Base64::decode(base64, &mut *bytes).ok()?.len();
    (length == 32).then(|| Kek::from_bytes(&bytes))
}

/// Why AWS KMS did not do what it was asked.
struct Refused {
    class: String,
    message: String,
    /// Whether it may do it later.
    is_passing: bool,
}

impl Refused {
    fn read(answer: &Response<Bytes>) -> Self {
        let body = serde_json::from_slice::<Value>(answer.body()).unwrap_or_default();
        // Whoever stands in front of the service may answer in XML, as older services do.
        let xml = std::str::from_utf8(answer.body()).unwrap_or_default();
        let text = |key: &str| body[key].as_str().unwrap_or_default();
        let first = |texts: [&'_ str; 3]| {
            texts.into_iter().find(|text| !text.is_empty()).unwrap_or_default().to_owned()
        };
        let class = first([text("__type"), element(xml, "Code"), ""]);
        let class = class.rsplit('#').next().unwrap_or_default();
        let message = first([text("message"), text("Message"), element(xml, "Message")]);
        let is_passing = answer.status().is_server_error()
            || answer.status() == http::StatusCode::TOO_MANY_REQUESTS
            || class.contains("Throttling")
            || ["LimitExceededException", "DependencyTimeoutException", "KeyUnavailableException"]
                .contains(&class);
        let class = match class {
            "" => format!("status {}", answer.status().as_u16()),
            class => clean(class),
        };
        Self { class, message: clean(&message), is_passing }
    }

    fn in_words(&self, key: &str) -> String {
        let said = match self.message.as_str() {
            "" => self.class.clone(),
            message => format!("{}: {message}", self.class),
        };
        match self.class.as_str() {
            "NotFoundException" => format!("there is no key `{key}` ({said})"),
            "AccessDeniedException" | "AccessDenied" => {
                format!("access to key `{key}` is denied ({said})")
            }
            "DisabledException" | "KMSInvalidStateException" => {
                format!("key `{key}` cannot be used now ({said})")
            }
            "UnrecognizedClientException"
            | "InvalidClientTokenId"
            | "ExpiredTokenException"
            | "MissingAuthenticationTokenException"
            | "InvalidSignatureException"
            | "SignatureDoesNotMatch" => format!("the credentials are refused ({said})"),
            _ => said,
        }
    }
}

/// The text of the first element of this name; empty, if there is none.
fn element<'x>(xml: &'x str, name: &str) -> &'x str {
    let after = xml.split_once(&format!("<{name}>")).map_or("", |(_, after)| after);
    after.split_once('<').map_or("", |(text, _)| text)
}

/// What somebody else said, to be shown: one line, not long.
pub fn clean(text: &str) -> String {
    text.chars().take(400).flat_map(char::escape_debug).collect::<String>().replace("\\\"", "\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(status: u16, body: &str) -> (String, bool) {
        let answer = Response::builder().status(status).body(Bytes::from(body.to_owned())).unwrap();
        let refused = Refused::read(&answer);
        (refused.in_words("alias/trail"), refused.is_passing)
    }

    #[test]
    fn what_it_answers_is_told_in_words() {
        for (status, body, words, is_passing) in [
            (
                400,
                r#"{"__type":"NotFoundException","message":"Alias is not found"}"#,
                "there is no key `alias/trail` (NotFoundException: Alias is not found)",
                false,
            ),
            (
                400,
                r#"{"__type":"AccessDeniedException","Message":"User: u\nis not authorized"}"#,
                "access to key `alias/trail` is denied (AccessDeniedException: User: u\\nis not authorized)",
                false,
            ),
            (
                400,
                r#"{"__type":"com.amazonaws.kms#DisabledException"}"#,
                "key `alias/trail` cannot be used now (DisabledException)",
                false,
            ),
            (400, r#"{"__type":"ThrottlingException"}"#, "ThrottlingException", true),
            (500, r#"{"__type":"KMSInternalException"}"#, "KMSInternalException", true),
            (503, "<html>", "status 503", true),
            (403, "", "status 403", false),
            (
                403,
                "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>",
                "access to key `alias/trail` is denied (AccessDenied: no)",
                false,
            ),
        ] {
            assert_eq!(said(status, body), (words.to_owned(), is_passing), "{body}");
        }
        assert!(
            said(400, &format!(r#"{{"__type":"X","message":"{}"}}"#, "a".repeat(9000))).0.len()
                < 500
        );
    }

    #[test]
    fn only_32_bytes_are_a_key() {
        assert!(kek_of("RSgdzPkwL3VsRLKcMwSaFUrGdxVbLBMSCbCgSy3mTkE=").is_some());
        for bad in ["", "RSgd", "RSgdzPkwL3VsRLKcMwSaFUrGdxVbLBMSCbCgSy3mTkEAAAA=", "*"] {
            assert!(kek_of(bad).is_none(), "{bad}");
        }
    }
}
