//! What is asked of the log, and how much of the answer is shown; the same for every command that asks.

use clap::Args;

use super::remote;
use crate::code::Code;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::export::Format;
use crate::questions::{Cursor, Page, Question};

/// Criteria of records, joined by "and".
#[derive(Args, Default)]
pub struct Criteria {
    /// Records that changed this attribute, something in it, or what it stands in: /address/city
    #[arg(long, value_name = "PTR")]
    attribute: Option<String>,
    /// Who did it, as it stands in the records: a pseudonym where the policy makes one
    #[arg(long, value_name = "ID")]
    actor: Option<String>,
    /// The request that they belong to
    #[arg(long, value_name = "ID")]
    correlation: Option<String>,
    /// What caused them
    #[arg(long, value_name = "ID")]
    causation: Option<String>,
    #[arg(long)]
    tenant: Option<String>,
    /// create, update, delete; reveal, shred and other acts; the type of an event
    #[arg(long)]
    action: Option<String>,
    /// Of this time or later, like 2026-11-21T19:45:00Z
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Before this time
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// The newest first
    #[arg(long)]
    newest: bool,
}

/// Which entities are meant, where it is not one.
#[derive(Args, Default)]
pub struct Entities {
    /// The type of the entity
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// The id of the entity
    #[arg(long, value_name = "ID", requires = "kind")]
    id: Option<String>,
    /// Everything about a data subject (GDPR Art. 15): what is sealed or named with its key, and the entity that it is
    #[arg(long, value_name = "SUBJECT")]
    subject: Option<String>,
}

/// How an answer is shown.
#[derive(Args, Default)]
pub struct Show {
    /// Print a table instead, sealed values as `[sealed contact]`
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// Show each of many records that one cause had
    #[arg(long)]
    pub expand: bool,
    /// At most so many
    #[arg(long, value_name = "N")]
    limit: Option<std::num::NonZeroUsize>,
    /// Go on where a page of the same question ended
    #[arg(long)]
    cursor: Option<String>,
}

impl Criteria {
    pub fn of_entity(&self, kind: &str, id: &str) -> Result<Question> {
        self.question(&[("type", Some(kind)), ("id", Some(id))])
    }

    pub fn among(&self, entities: &Entities, config: &Config) -> Result<Question> {
        let key = match &entities.subject {
            Some(subject) => key_of(subject, config)?,
            None => None,
        };
        self.question(&[
            ("type", entities.kind.as_deref()),
            ("id", entities.id.as_deref()),
            ("subject", entities.subject.as_deref()),
            ("key", key.as_deref()),
        ])
    }

    fn question(&self, others: &[(&'static str, Option<&str>)]) -> Result<Question> {
        let own = [
            ("attribute", &self.attribute),
            ("actor", &self.actor),
            ("correlation", &self.correlation),
            ("causation", &self.causation),
            ("tenant", &self.tenant),
            ("action", &self.action),
            ("from", &self.from),
            ("to", &self.to),
        ];
        let own = own.iter().map(|(name, text)| (*name, text.as_deref()));
        let order = self.newest.then_some(("order", Some("newest")));
        let given = own.chain(others.iter().copied()).chain(order);
        let given = given.filter_map(|(name, text)| Some((name, text?)));
        Question::parse(given).map_err(|error| Error::new(Code::WrongUse, error.message()))
    }
}

impl Show {
    pub fn page(&self, question: &Question) -> Result<Page> {
        let parse = |cursor: &String| {
            let after = Cursor::parse(cursor, question);
            after.map_err(|error| Error::new(Code::WrongUse, error.message()))
        };
        let after = self.cursor.as_ref().map(parse).transpose()?;
        Ok(Page { after, limit: self.limit.map_or(usize::MAX, usize::from), ..Page::ALL })
    }
}

/// The id of the key of a data subject. None of one that has no key, or was shredded.
fn key_of(subject: &str, config: &Config) -> Result<Option<String>> {
    let keyring = config.kek.open_keyring(&config.keyring_dir);
    let keyring = keyring.map_err(|error| remote::hint(error, "GET /v1/records?subject=…"))?;
    let found = keyring.existing_subject_key(subject)?;
    Ok(found.map(|(kid, _)| kid.as_str().to_owned()))
}
