use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::json;

use super::{Style, output};
use crate::access::Grants;
use crate::access::token::{self, Entry, Tokens};
use crate::clock::Moment;
use crate::code::Code;
use crate::config::Period;
use crate::error::{Error, Result};

/// Makes tokens for the API
#[derive(Args)]
pub struct Token {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Makes a token, prints it once, and what the file of `access.tokens` has to say of it
    ///
    /// The file holds the SHA-256 of a token. A line that is taken out of it is a token that is refused.
    New(New),
}

#[derive(Args)]
struct New {
    /// Who that is, in records and logs
    #[arg(long)]
    name: String,
    /// writer, sealer, reader, revealer, eraser or operator; may be given more than once
    #[arg(long = "role", value_name = "ROLE", required = true)]
    roles: Vec<String>,
    /// A data group of a revealer, `*` for all; may be given more than once
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
    /// A service that a writer or sealer may write for, `*` for any; may be given more than once [default: any]
    #[arg(long = "service", value_name = "SERVICE")]
    services: Vec<String>,
    /// How long it is good: 90d, 1y, or never
    #[arg(long, value_name = "PERIOD", default_value = "90d")]
    expires: Expiry,
    /// Add it to this file, which is made where there is none
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

#[derive(Clone, Copy)]
struct Expiry(Option<Period>);

impl std::str::FromStr for Expiry {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "never" { Ok(Self(None)) } else { text.parse().map(|period| Self(Some(period))) }
    }
}

impl Token {
    pub fn run(self, style: Style) -> Result<u8> {
        match self.what {
            What::New(command) => command.run(style),
        }
    }
}

impl New {
    fn run(self, style: Style) -> Result<u8> {
        let wrong = |message: String| Error::new(Code::WrongUse, message);
        let grants = Grants::parse(&self.roles, &self.groups).map_err(wrong)?;
        let grants = grants.for_services(&self.services).map_err(wrong)?;
        let secret = token::generate()?;
        let entry = Entry {
            name: self.name,
            sha256: token::sha256_hex(&secret),
            roles: grants.roles().map(|role| role.name().to_owned()).collect(),
            groups: grants.groups().map(str::to_owned).collect(),
            services: grants.service_names().map(str::to_owned).collect(),
            expires: self.expires.0.map(|period| period.after(Moment::now()).to_string()),
        };
        let text = text_of(&entry)?;
        Tokens::parse(&text).map_err(|error| wrong(error.message().replace("token 1: ", "--")))?;
        if let Some(file) = &self.file {
            add(file, &text)?;
        }
        if style.json {
            output::print_json(&json!({"token": *secret, "entry": entry, "file": self.file}))?;
        } else if let Some(file) = &self.file {
            eprintln!("added to {}; the token is not shown again", file.display());
            output::print_line(secret.as_bytes())?;
        } else {
            eprintln!("the token, which is not shown again:");
            output::print_line(secret.as_bytes())?;
            eprintln!("\nfor the file of `access.tokens`:");
            output::print_line(text.trim_end().as_bytes())?;
        }
        Ok(0)
    }
}

fn text_of(entry: &Entry) -> Result<String> {
    #[derive(Serialize)]
    struct File<'e> {
        token: [&'e Entry; 1],
    }
    toml::to_string(&File { token: [entry] })
        .map_err(|_| Error::new(Code::Internal, "the token cannot be written as TOML"))
}

/// What is in the file must be right before, so that a mistake in it is not this token's.
fn add(file: &Path, text: &str) -> Result<()> {
    if file.exists() {
        Tokens::read(file)?;
    }
    let at = |error: std::io::Error| Error::from(error).context(file.display());
    let mut open =
        OpenOptions::new().append(true).create(true).mode(0o600).open(file).map_err(at)?;
    let gap = if open.metadata().map_err(at)?.len() > 0 { "\n" } else { "" };
    open.write_all(format!("{gap}{text}").as_bytes()).and_then(|()| open.sync_all()).map_err(at)
}
