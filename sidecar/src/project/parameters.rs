//! What stands behind the `?` of a database's URL.

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::database::Dialect;
use crate::code::Code;
use crate::error::{Error, Result};

/// The parameters as the driver calls them, with the names and words of TLS that either server's own tools know.
///
/// One that is not known is refused: the driver would pass over it, and over a `sslmod=verify-full` with it. So is a
/// certificate that nothing would be checked against. No error tells what stands in the URL, for a password may have come
/// to stand behind a `?` that it holds itself.
pub(super) fn for_driver(dialect: Dialect, parameters: &str) -> Result<String> {
    let (mut written, mut mode, mut has_ca) = (Vec::new(), Mode::Prefer, false);
    for (number, parameter) in parameters.split('&').enumerate() {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        let value = value.replace('+', " ");
        let value = percent_decode_str(&value).decode_utf8_lossy().into_owned();
        let (name, value) = match name {
            "sslmode" | "ssl-mode" => {
                mode = Mode::parse(&value)?;
                ("sslmode", mode.word(dialect).to_owned())
            }
            "sslrootcert" | "ssl-root-cert" | "sslca" | "ssl-ca" => {
                check_certificates(&value)?;
                has_ca = true;
                ("ssl-ca", value)
            }
            "sslcert" | "ssl-cert" => ("ssl-cert", value),
            "sslkey" | "ssl-key" => ("ssl-key", value),
            other if others(dialect).contains(&other) => (other, value),
            _ => return Err(unknown(number, dialect)),
        };
        written.push(format!("{name}={}", utf8_percent_encode(&value, NON_ALPHANUMERIC)));
    }
    if has_ca && !mode.checks_certificates() {
        let message = "`sslrootcert` is given, and the certificate of the server is only checked with \
                       `sslmode=verify-full`, or `verify-ca` for any host name";
        return Err(Error::new(Code::WrongUse, message));
    }
    Ok(written.join("&"))
}

/// Whether the connection is encrypted, and who the other end has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// In clear.
    Disable,
    /// Encrypted if the server can, whoever it is.
    Prefer,
    /// Encrypted or not at all, whoever it is.
    Require,
    /// Its certificate is signed by somebody who is trusted.
    VerifyCa,
    /// And is of the host that the URL names.
    VerifyFull,
}

impl Mode {
    fn parse(word: &str) -> Result<Self> {
        Ok(match word.to_ascii_lowercase().replace('_', "-").as_str() {
            "disable" | "disabled" => Self::Disable,
            "prefer" | "preferred" => Self::Prefer,
            "require" | "required" => Self::Require,
            "verify-ca" => Self::VerifyCa,
            "verify-full" | "verify-identity" => Self::VerifyFull,
            _ => {
                let message = "the `sslmode` of the URL: expected `disable`, `prefer`, `require`, `verify-ca` or \
                               `verify-full`";
                return Err(Error::new(Code::WrongUse, message));
            }
        })
    }

    fn word(self, dialect: Dialect) -> &'static str {
        let (of_postgres, of_mysql) = match self {
            Self::Disable => ("disable", "disabled"),
            Self::Prefer => ("prefer", "preferred"),
            Self::Require => ("require", "required"),
            Self::VerifyCa => ("verify-ca", "verify_ca"),
            Self::VerifyFull => ("verify-full", "verify_identity"),
        };
        if dialect == Dialect::Postgres { of_postgres } else { of_mysql }
    }

    fn checks_certificates(self) -> bool {
        matches!(self, Self::VerifyCa | Self::VerifyFull)
    }
}

/// Parameters that have nothing to do with TLS.
fn others(dialect: Dialect) -> &'static [&'static str] {
    match dialect {
        Dialect::Sqlite => &[],
        Dialect::Postgres => &[
            "application_name",
            "dbname",
            "host",
            "hostaddr",
            "options",
            "password",
            "port",
            "statement-cache-capacity",
            "user",
        ],
        Dialect::Mysql => &["charset", "collation", "socket", "statement-cache-capacity"],
    }
}

fn unknown(number: usize, dialect: Dialect) -> Error {
    let message = format!(
        "parameter {} behind the `?` of the URL is not known: expected `sslmode`, `sslrootcert`, `sslcert`, `sslkey` or, \
         of {}, `{}`; a `?` in a password is written `%3F`",
        number + 1,
        dialect.name(),
        others(dialect).join("`, `")
    );
    Error::new(Code::WrongUse, message)
}

/// The driver takes a file without a certificate for one that needs none.
fn check_certificates(file: &str) -> Result<()> {
    let failed = |what: String| {
        Error::new(Code::WrongUse, format!("`sslrootcert`: `{}` {what}", file.escape_debug()))
    };
    let text = std::fs::read(file).map_err(|error| failed(format!("cannot be read: {error}")))?;
    match memchr::memmem::find(&text, b"-----BEGIN CERTIFICATE-----") {
        Some(_) => Ok(()),
        None => Err(failed("has no certificate in it; expected one in PEM".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(dialect: Dialect, parameters: &str) -> Result<String> {
        for_driver(dialect, parameters)
    }

    #[test]
    fn both_servers_know_the_words_of_both() {
        for (given, of_postgres, of_mysql) in [
            ("sslmode=require", "require", "required"),
            ("ssl-mode=REQUIRED", "require", "required"),
            ("sslmode=verify-full", "verify-full", "verify_identity"),
            ("ssl-mode=VERIFY_IDENTITY", "verify-full", "verify_identity"),
            ("sslmode=verify-ca", "verify-ca", "verify_ca"),
            ("sslmode=disable", "disable", "disabled"),
        ] {
            for (dialect, word) in [(Dialect::Postgres, of_postgres), (Dialect::Mysql, of_mysql)] {
                let word = utf8_percent_encode(word, NON_ALPHANUMERIC);
                assert_eq!(of(dialect, given).unwrap(), format!("sslmode={word}"));
            }
        }
    }

    #[test]
    fn what_would_be_passed_over_is_refused_and_nothing_of_it_is_told() {
        for parameters in [
            "sslmod=verify-full",
            "SSLMODE=require",
            "sslmode=secret",
            "sslmode=allow",
            "sslmode=",
            "secret@host/audit",
            "application_name=a&secret",
            "",
        ] {
            for dialect in [Dialect::Postgres, Dialect::Mysql] {
                let error = of(dialect, parameters).unwrap_err();
                assert_eq!(error.code(), Code::WrongUse, "{parameters}");
                assert!(!error.message().contains("secret"), "{error}");
            }
        }
        assert!(of(Dialect::Postgres, "application_name=a+b%26c").unwrap().ends_with("a%20b%26c"));
        assert!(of(Dialect::Mysql, "application_name=a").is_err());
    }

    #[test]
    fn a_certificate_that_nothing_is_checked_against_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (ca, empty) = (folder.path().join("ca.pem"), folder.path().join("empty.pem"));
        std::fs::write(&ca, "-----BEGIN CERTIFICATE-----\n").unwrap();
        std::fs::write(&empty, "").unwrap();
        let with = |file: &std::path::Path, mode: &str| {
            of(Dialect::Postgres, &format!("sslrootcert={}{mode}", file.display()))
        };
        assert!(with(&ca, "&sslmode=verify-full").unwrap().starts_with("ssl-ca=%2F"));
        for mode in ["", "&sslmode=require", "&sslmode=prefer", "&sslmode=disable"] {
            let error = with(&ca, mode).unwrap_err();
            assert!(error.message().contains("only checked with `sslmode=verify-full`"), "{error}");
        }
        let error = with(&empty, "&sslmode=verify-full").unwrap_err();
        assert!(error.message().contains("empty.pem` has no certificate"), "{error}");
        let error = with(&folder.path().join("none"), "&sslmode=verify-full").unwrap_err();
        assert!(error.message().contains("none` cannot be read"), "{error}");
    }
}
