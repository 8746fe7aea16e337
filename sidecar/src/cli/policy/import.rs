use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::cli::{input, output};
use crate::code::Code;
use crate::config::Limits;
use crate::engine::Sandbox;
use crate::error::{Error, Result};
use crate::import;

/// Prints the policy that a schema asks for, to be read before it is used
///
/// JSON Schema (`x-sealtrail`, `x-pii`, `contentMediaType: aes256gcm` with `piiref`,
/// `confluent:tags`), protobuf (`(gdpr)` options, Confluent tags) and Avro (`confluent:tags`). What the schema marks as
/// personal is sealed, what it knows and does not mark is kept, and all else is sealed.
#[derive(Args)]
pub struct Import {
    /// The schema
    schema: PathBuf,
    /// What it is written in [default: protobuf for `.proto`, Avro for `.avsc`, else JSON
    /// Schema]
    #[arg(long, value_enum)]
    from: Option<Language>,
    /// The protobuf message [default: the only one with marked fields]
    #[arg(long, value_name = "NAME")]
    message: Option<String>,
    /// The id of the policy [default: the name of the file]
    #[arg(long)]
    id: Option<String>,
    /// The version of the policy
    #[arg(long, default_value = "1", value_name = "TEXT")]
    policy_version: String,
}

#[derive(Clone, Copy, ValueEnum)]
enum Language {
    JsonSchema,
    Protobuf,
    Avro,
}

impl Import {
    pub fn run(self) -> Result<u8> {
        let named = |error: Error| error.context(self.schema.display());
        let source = String::from_utf8(input::read(&self.schema)?)
            .map_err(|_| named(Error::new(Code::MalformedSchema, "a schema is UTF-8 text")))?;
        let extension = self.schema.extension().and_then(|e| e.to_str());
        let language = self.from.unwrap_or(match extension {
            Some("proto") => Language::Protobuf,
            Some("avsc") => Language::Avro,
            _ => Language::JsonSchema,
        });
        let stem = self.schema.file_name().and_then(|name| name.to_str()).unwrap_or("policy");
        let stem = stem.split('.').next().filter(|stem| !stem.is_empty() && *stem != "-");
        let id = self.id.as_deref().or(stem).unwrap_or("policy");
        let policy = match language {
            Language::JsonSchema => import::json_schema(&source, id, &self.policy_version),
            Language::Avro => import::avro(&source, id, &self.policy_version),
            Language::Protobuf => {
                import::protobuf(&source, self.message.as_deref(), id, &self.policy_version)
            }
        };
        let document = policy.map_err(named)?.to_json();
        // A wrong annotation shows here and not when the policy is used.
        Sandbox::new(&Limits::default())?.guest()?.policy(document.as_bytes()).map_err(named)?;
        output::print(document.as_bytes())?;
        Ok(0)
    }
}
