//! Asks a running sidecar, for commands that need the log while `serve` has it.
//!
//! A command that opens the files itself has the rights of whoever may read them. One that asks has those of its
//! token, or of the way it comes.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::Deserialize;

use crate::api::{LEFT_OUT, SHARED_KEYS};
use crate::code::Code;
use crate::config::read_secret_file;
use crate::error::{Error, Place, Result};
use crate::http_client::{Client, Reply, Token};

/// For an answer that changes nothing.
const PATIENCE: Duration = Duration::from_secs(60);

/// The largest answer that is read.
const AT_MOST: usize = 64 << 20;

/// Which sidecar, and as whom.
#[derive(Args)]
pub struct Remote {
    /// The API of a running sidecar, http://127.0.0.1:8090
    #[arg(long)]
    url: Option<String>,
    /// A file with the token to send [default: the environment's `SEALTRAIL_TOKEN`]
    #[arg(long, value_name = "FILE", requires = "url")]
    token_file: Option<PathBuf>,
}

/// A running sidecar.
pub struct Sidecar {
    url: String,
    token: Option<Token>,
}

impl Remote {
    /// The sidecar that is to be asked, if one is.
    pub fn sidecar(&self) -> Result<Option<Sidecar>> {
        let Some(url) = self.url.clone() else { return Ok(None) };
        Ok(Some(Sidecar { url, token: self.token()? }))
    }

    fn token(&self) -> Result<Option<Token>> {
        const NAME: &str = "SEALTRAIL_TOKEN";
        let (from, text) = match (&self.token_file, std::env::var(NAME)) {
            (Some(path), _) => (path.display().to_string(), read_secret_file(path)?),
            (None, Ok(text)) => (format!("the environment's `{NAME}`"), text.into_bytes().into()),
            (None, Err(_)) => return Ok(None),
        };
        let refused = || Error::new(Code::KeyFile, "expected a token, one word").context(from);
        Token::parse(text.trim_ascii()).ok_or_else(refused).map(Some)
    }
}

impl Sidecar {
    /// Posts JSON and gives the answer; a problem becomes the error that it was.
    pub fn post(&self, path: &str, body: &serde_json::Value) -> Result<Vec<u8>> {
        // An act that is under way is waited for: that it is not told does not undo it.
        let client = self.client(Duration::MAX)?;
        answer(&client, client.post(path, "application/json", body.to_string(), AT_MOST)?)
    }

    /// The answer of [`Self::post`] as what it says.
    pub fn ask<T: serde::de::DeserializeOwned>(
        &self,
        path: &str,
        body: &serde_json::Value,
    ) -> Result<T> {
        read(&self.post(path, body)?)
    }

    /// Asks for what it knows.
    pub fn look<T: serde::de::DeserializeOwned>(&self, path: &str) -> Result<T> {
        read(&self.get(path)?)
    }

    /// The answer of [`Self::look`] as it is.
    pub fn get(&self, path: &str) -> Result<Vec<u8>> {
        let client = self.client(PATIENCE)?;
        answer(&client, client.get(path, AT_MOST)?)
    }

    /// Gives an answer of any length away while it comes; says how many records it leaves out, and which keys that it asks
    /// for are shared.
    pub fn export(
        &self,
        path: &str,
        take: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<(u64, Vec<String>)> {
        let client = self.client(PATIENCE)?;
        let (reply, headers) = client.download(path, AT_MOST, take)?;
        answer(&client, reply)?;
        let left_out = headers.get(LEFT_OUT).and_then(|count| count.to_str().ok()?.parse().ok());
        let shared = headers.get(SHARED_KEYS).and_then(|names| names.to_str().ok());
        let names = shared.into_iter().flat_map(|names| names.split(','));
        let names = names.map(|name| percent_decode_str(name).decode_utf8_lossy().into_owned());
        Ok((left_out.unwrap_or(0), names.collect()))
    }

    fn client(&self, timeout: Duration) -> Result<Client> {
        let client = Client::new("--url", &self.url, timeout)?;
        Ok(match &self.token {
            Some(token) => client.with_token(token.clone()),
            None => client,
        })
    }
}

fn answer(sidecar: &Client, reply: Reply) -> Result<Vec<u8>> {
    if reply.status.is_success() {
        Ok(reply.body.to_vec())
    } else {
        Err(problem(&reply.body).unwrap_or_else(|| sidecar.failed(reply.status)))
    }
}

fn read<T: serde::de::DeserializeOwned>(answer: &[u8]) -> Result<T> {
    let other_form = |_| Error::new(Code::Internal, "the sidecar gave an answer of another form");
    serde_json::from_slice(answer).map_err(other_form)
}

/// One segment of a path.
pub fn segment(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// Says what to do about a log that `serve` holds.
pub fn hint(error: Error, call: &str) -> Error {
    if error.code() != Code::LogInUse {
        return error;
    }
    let message = format!("{}; while `sealtrail serve` runs, use its API: {call}", error.message());
    Error::new(Code::LogInUse, message)
}

fn problem(body: &[u8]) -> Option<Error> {
    #[derive(Deserialize)]
    struct Problem {
        code: String,
        detail: String,
        at: Option<Place>,
    }
    let problem: Problem = serde_json::from_slice(body).ok()?;
    Some(Error::new(Code::of_name(&problem.code), problem.detail).at(problem.at))
}
