use std::path::PathBuf;

use clap::Args;
use sealtrail_record::json::{self, Value};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Style, input, output};
use crate::code::Code;
use crate::collector::resolve_user_agent;
use crate::config::Limits;
use crate::engine::Sandbox;
use crate::error::{Error, Result};

/// Shows what would be stored of a change, and for every field which rule decided it
///
/// Nothing is stored. The record is sealed with throw-away keys.
#[derive(Args)]
pub struct Preview {
    /// The policy that decides
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,
    /// The change, as a service would send it
    change: PathBuf,
}

#[derive(Deserialize)]
struct Answer {
    outcome: String,
    record: Box<RawValue>,
    fields: Vec<Field>,
}

#[derive(Deserialize)]
struct Field {
    path: String,
    side: Option<String>,
    action: String,
    group: Option<String>,
    because: Option<String>,
}

impl Preview {
    pub fn run(self, style: Style) -> Result<u8> {
        input::check_read_once([&self.policy, &self.change])?;
        let policy = input::read(&self.policy)?;
        let change = input::read(&self.change)?;
        let sandbox = Sandbox::new(&Limits::default())?;
        let mut guest = sandbox.guest()?;
        guest.policy(&policy).map_err(|e| e.context(self.policy.display()))?;
        let envelope = guest.read(&change).map_err(|e| e.context(self.change.display()))?;
        let envelope = json::parse(&envelope, &json::Limits::default()).map_err(|_| strange())?;
        let context = resolve_user_agent(envelope.get("context").unwrap_or(&Value::Null));
        let preview = sandbox.guest()?.preview(&policy, &change, &context)?;
        if style.json {
            output::print_line(&preview)?;
        } else {
            output::print(words(&preview)?.as_bytes())?;
        }
        Ok(0)
    }
}

fn words(preview: &[u8]) -> Result<String> {
    let preview: Answer = serde_json::from_slice(preview).map_err(|_| strange())?;
    let rows: Vec<[String; 4]> = preview.fields.into_iter().map(row).collect();
    let width =
        |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths = [width(0), width(1), width(2)];
    let mut text = format!("{}\n\n", preview.outcome);
    for [path, side, action, because] in &rows {
        let [a, b, c] = widths;
        let line = format!("{path:a$}  {side:b$}  {action:c$}  {because}");
        text += line.trim_end();
        text.push('\n');
    }
    if preview.record.get() != "null" {
        text += &format!("\n{}\n", preview.record.get());
    }
    Ok(text)
}

fn row(field: Field) -> [String; 4] {
    let action = match field.group {
        Some(group) => format!("{} {group}", field.action),
        None => field.action,
    };
    // Keys of a payload reach a terminal here: no control characters.
    let path = field.path.escape_debug().to_string();
    [path, field.side.unwrap_or_default(), action, field.because.unwrap_or_default()]
}

fn strange() -> Error {
    Error::new(Code::GuestFailed, "the core gave a preview of another form")
}
