//! `kek`: a file, a variable of the environment, or a file that a KMS unwraps.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::invalid::invalid;
use super::kek::KekSource;
use super::quantity::{Span, or};
use crate::error::Result;
use crate::kms::{AwsKey, Keeper, check_key};

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "expected the path of a file, `{ env = \"NAME\" }` or `{ file = \"PATH\", aws_kms = \"KEY\" }`"
)]
pub enum KekEntry {
    File(PathBuf),
    Env(KekEnv),
    AwsKms(KekAwsKms),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KekEnv {
    env: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KekAwsKms {
    file: PathBuf,
    aws_kms: String,
    timeout: Option<Span>,
}

impl KekEntry {
    pub fn finish(self, origin: &str, folder: &Path) -> Result<KekSource> {
        let keeper = |wraps| Keeper { origin: origin.to_owned(), wraps };
        Ok(match self {
            Self::File(path) => KekSource::File { path: folder.join(path), keeper: keeper(None) },
            Self::Env(KekEnv { env }) => KekSource::Env(env),
            Self::AwsKms(KekAwsKms { file, aws_kms: key, timeout }) => {
                check_key(&key).map_err(|expected| invalid(format!("kek.aws_kms: {expected}")))?;
                let wraps = AwsKey { key, timeout: or(timeout, AwsKey::TIMEOUT) };
                KekSource::File { path: folder.join(file), keeper: keeper(Some(wraps)) }
            }
        })
    }
}
