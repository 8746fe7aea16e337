use http::Uri;

use crate::code::Code;
use crate::error::{Error, Result};

/// Where a key of AWS KMS is.
#[derive(Debug, PartialEq, Eq)]
pub struct Place {
    pub region: String,
    pub endpoint: Uri,
}

/// Refuses what cannot name a key: `arn:aws:kms:<region>:<account>:key/<id>` or `…:alias/<name>`, an id, or
/// `alias/<name>`.
pub fn check_key(key: &str) -> Result<(), String> {
    let is_text = (1..=2048).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic());
    let is_named = match key.strip_prefix("arn:") {
        Some(rest) => {
            let parts: Vec<_> = rest.splitn(5, ':').collect();
            matches!(*parts, [_, "kms", region, _, what] if !region.is_empty()
                && (what.starts_with("key/") || what.starts_with("alias/")))
        }
        None => !key.contains([':', '"', '\\']),
    };
    if is_text && is_named {
        return Ok(());
    }
    Err(format!(
        "expected a key of AWS KMS, `arn:aws:kms:<region>:<account>:key/<id>`, its id or `alias/<name>`, got `{}`",
        key.escape_debug()
    ))
}

impl Place {
    /// The region is the key's own, or `AWS_REGION`, or `AWS_DEFAULT_REGION`. The endpoint is `AWS_ENDPOINT_URL_KMS`, or
    /// `AWS_ENDPOINT_URL`, or the region's, with `AWS_USE_FIPS_ENDPOINT=true` the one for FIPS 140.
    pub fn of(key: &str, env: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let env = |name: &str| env(name).filter(|value| !value.is_empty());
        let refused = |message: String| Error::new(Code::KeyFile, message);
        check_key(key).map_err(refused)?;
        let of_arn = key.strip_prefix("arn:").and_then(|rest| rest.split(':').nth(2));
        let region = of_arn.map(str::to_owned);
        let region = region.or_else(|| env("AWS_REGION")).or_else(|| env("AWS_DEFAULT_REGION"));
        let region = region.ok_or_else(|| {
            refused(format!(
                "AWS KMS: the region of key `{key}` is not known: give its ARN, or `AWS_REGION` in the environment"
            ))
        })?;
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if !region.chars().all(is_name) {
            let region = region.escape_debug();
            return Err(refused(format!(
                "AWS KMS: `{region}` is not a region like `eu-central-1`"
            )));
        }
        let named = ["AWS_ENDPOINT_URL_KMS", "AWS_ENDPOINT_URL"];
        let given = named.into_iter().find_map(|name| Some((name, env(name)?)));
        let endpoint = match &given {
            Some((name, url)) => read_endpoint(name, url)?,
            None => endpoint_of(&region, env("AWS_USE_FIPS_ENDPOINT").as_deref() == Some("true"))
                .parse()
                .map_err(|_| refused(format!("AWS KMS: no endpoint for region `{region}`")))?,
        };
        Ok(Self { region, endpoint })
    }
}

fn endpoint_of(region: &str, fips: bool) -> String {
    let service = if fips { "kms-fips" } else { "kms" };
    let domain = match region {
        _ if region.starts_with("cn-") => "amazonaws.com.cn",
        _ if region.starts_with("eusc-") => "amazonaws.eu",
        _ => "amazonaws.com",
    };
    format!("https://{service}.{region}.{domain}/")
}

/// The answer has the key-encryption key in clear, so it goes through TLS, or stays on the machine.
fn read_endpoint(name: &str, url: &str) -> Result<Uri> {
    let uri = url.parse::<Uri>().ok().filter(|uri| {
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        let is_here = host == "localhost"
            || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback());
        match uri.scheme_str() {
            Some("https") => !host.is_empty(),
            Some("http") => is_here,
            _ => false,
        }
    });
    let is_root = |uri: &Uri| uri.path() == "/" && uri.query().is_none();
    uri.filter(is_root).ok_or_else(|| {
        let message = format!(
            "the environment's `{name}` must look like `https://kms.eu-central-1.amazonaws.com`, `http` only to this \
             machine, and without a path"
        );
        Error::new(Code::KeyFile, message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str =
        "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

    fn place(key: &str, env: &[(&str, &str)]) -> Result<(String, String), String> {
        let of = |name: &str| env.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        let place = Place::of(key, of).map_err(|error| error.to_string())?;
        Ok((place.region, place.endpoint.to_string()))
    }

    #[test]
    fn the_region_is_the_keys_own_before_the_environments() {
        let at = |key, env: &[_]| place(key, env).unwrap();
        let here = ("AWS_REGION", "us-east-2");
        assert_eq!(
            at(ARN, &[here]),
            ("eu-central-1".into(), "https://kms.eu-central-1.amazonaws.com/".into())
        );
        assert_eq!(at("alias/trail", &[here]).1, "https://kms.us-east-2.amazonaws.com/");
        let older = ("AWS_DEFAULT_REGION", "cn-north-1");
        assert_eq!(at("alias/trail", &[older, here]).0, "us-east-2");
        assert_eq!(at("1234abcd", &[older]).1, "https://kms.cn-north-1.amazonaws.com.cn/");
        let fips = ("AWS_USE_FIPS_ENDPOINT", "true");
        assert_eq!(at("1234abcd", &[here, fips]).1, "https://kms-fips.us-east-2.amazonaws.com/");
        let error = place("alias/trail", &[("AWS_REGION", "")]).unwrap_err();
        assert!(error.contains("the region of key `alias/trail` is not known"), "{error}");
        assert!(place("alias/trail", &[("AWS_REGION", "eu/../x")]).is_err());
    }

    #[test]
    fn an_endpoint_is_reached_through_tls_or_on_this_machine() {
        let at = |url| place(ARN, &[("AWS_ENDPOINT_URL_KMS", url), ("AWS_ENDPOINT_URL", "bad")]);
        for good in [
            "https://vpce-1.kms.eu-central-1.vpce.amazonaws.com",
            "http://127.0.0.1:5000",
            "http://localhost:5000",
            "http://[::1]:5000/",
        ] {
            assert!(at(good).is_ok(), "{good}");
        }
        for bad in [
            "http://10.0.0.1:5000",
            "http://kms.example",
            "kms.example",
            "ftp://127.0.0.1",
            "https://kms.example/path",
            "https://kms.example/?q",
            "x",
        ] {
            let error = at(bad).unwrap_err();
            assert!(error.contains("`AWS_ENDPOINT_URL_KMS` must look like"), "{bad}: {error}");
        }
        assert!(place(ARN, &[("AWS_ENDPOINT_URL", "x")]).is_err());
    }

    #[test]
    fn what_cannot_be_a_key_is_refused() {
        let alias = "arn:aws-cn:kms:cn-north-1:1:alias/trail";
        for good in [ARN, alias, "alias/trail", "mrk-1234", "1234abcd-12ab-34cd-56ef-1234567890ab"]
        {
            assert_eq!(check_key(good), Ok(()));
        }
        let long = "a".repeat(2049);
        for bad in
            ["", " ", "a b", "a:b", "arn:", "arn:aws:s3:::b", "arn:aws:kms::1:key/x", "ä", &long]
        {
            assert!(check_key(bad).is_err(), "{bad}");
        }
    }
}
