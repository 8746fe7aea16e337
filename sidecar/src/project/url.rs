use std::path::PathBuf;
use std::str::FromStr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::code::Code;
use crate::error::{Error, Result};

use super::database::Dialect;
use super::parameters::for_driver;

/// Which database. The text of it can hold a password and is never told.
#[derive(Clone)]
pub struct Url {
    pub dialect: Dialect,
    text: String,
}

/// What stands for itself in the path of a URL.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_');

impl FromStr for Url {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let refused = || {
            let scheme: String =
                text.split(':').next().unwrap_or_default().chars().take(20).collect();
            let message = format!(
                "expected the URL of a database, `sqlite:FILE`, `postgres://USER@HOST/DATABASE`, `mysql://…` or \
                 `mariadb://…`, got `{}…`",
                scheme.escape_debug()
            );
            Error::new(Code::WrongUse, message)
        };
        let (scheme, rest) = text.split_once(':').ok_or_else(refused)?;
        let (dialect, text) = match scheme {
            "sqlite" => {
                let file = rest.strip_prefix("//").unwrap_or(rest);
                if file.is_empty() || file.starts_with(':') {
                    return Err(refused());
                }
                let file = std::path::absolute(PathBuf::from(file))?;
                let file = file.to_str().ok_or_else(refused)?.to_owned();
                let file = utf8_percent_encode(&file, PATH);
                (Dialect::Sqlite, format!("sqlite://{file}?mode=rwc"))
            }
            "postgres" | "postgresql" if rest.starts_with("//") => {
                (Dialect::Postgres, with_parameters(Dialect::Postgres, text)?)
            }
            "mysql" | "mariadb" if rest.starts_with("//") => {
                (Dialect::Mysql, with_parameters(Dialect::Mysql, text)?)
            }
            _ => return Err(refused()),
        };
        Ok(Self { dialect, text })
    }
}

fn with_parameters(dialect: Dialect, text: &str) -> Result<String> {
    Ok(match text.split_once('?') {
        Some((place, parameters)) => format!("{place}?{}", for_driver(dialect, parameters)?),
        None => text.to_owned(),
    })
}

impl Url {
    /// With its password: for nobody but the driver.
    pub(super) fn secret_text(&self) -> &str {
        &self.text
    }
}

impl std::fmt::Debug for Url {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.dialect.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_database() {
        let of = |text: &str| text.parse::<Url>();
        assert_eq!(of("postgres://u:p@h/d").unwrap().dialect, Dialect::Postgres);
        assert_eq!(of("mariadb://u:p@h/d").unwrap().dialect, Dialect::Mysql);
        let sqlite = of("sqlite:/var/a b?c%d.db").unwrap();
        assert_eq!(sqlite.dialect, Dialect::Sqlite);
        assert_eq!(sqlite.text, "sqlite:///var/a%20b%3Fc%25d.db?mode=rwc");
        assert!(of("sqlite:audit.db").unwrap().text.starts_with("sqlite:///"));
        for other in
            ["", "sqlite:", "sqlite::memory:", "audit.db", "oracle://secret@h/d", "mysql:d"]
        {
            let error = of(other).unwrap_err();
            assert!(error.message().contains("expected the URL of a database"), "{other}: {error}");
            assert!(!error.message().contains("secret"), "{error}");
        }
        assert!(!format!("{:?}", of("mysql://u:secret@h/d").unwrap()).contains("secret"));
    }
}
