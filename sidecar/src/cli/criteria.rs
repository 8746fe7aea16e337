//! What is asked of the log, and how much of the answer is shown; the same for every command that asks.

use clap::Args;

use super::{records, remote};
use crate::code::Code;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::export::Format;
use crate::questions::{Cursor, Page, Question, names_no_subject};
use crate::trail;

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
    /// Everything about a data subject (GDPR Art. 15): what is sealed or named with its keys, the entity that it is, and
    /// what it did as an actor
    #[arg(long, value_name = "SUBJECT")]
    subject: Option<String>,
    /// The acts that concern a record, an entity or data subject (customer/3), or what was sealed with a key (k_…): who
    /// opened it, who was refused that, and erasures
    #[arg(
        long,
        value_name = "WHAT",
        conflicts_with_all = ["kind", "subject", "attribute", "causation", "tenant"]
    )]
    acts_about: Option<String>,
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
    pub cursor: Option<String>,
}

/// Criteria by the names that the API has for them.
pub type Given = Vec<(&'static str, String)>;

impl Criteria {
    pub fn of_entity(&self, kind: &str, id: &str) -> Result<Given> {
        self.given(&[("type", Some(kind)), ("id", Some(id))])
    }

    pub fn among(&self, entities: &Entities) -> Result<Given> {
        self.given(&[
            ("type", entities.kind.as_deref()),
            ("id", entities.id.as_deref()),
            ("subject", entities.subject.as_deref()),
            ("acts_about", entities.acts_about.as_deref()),
        ])
    }

    /// Refuses what no question can be made of.
    fn given(&self, others: &[(&'static str, Option<&str>)]) -> Result<Given> {
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
        let given: Given =
            given.filter_map(|(name, text)| Some((name, text?.to_owned()))).collect();
        question(&given)?;
        Ok(given)
    }
}

/// What is asked of the files themselves: a data subject is known by its keys.
pub fn question_here(given: &Given, config: &Config) -> Result<Question> {
    let of = |name: &str| given.iter().find(|(key, _)| *key == name).map(|(_, text)| text.as_str());
    let keys = match (of("subject"), of("acts_about")) {
        (Some(subject), _) => keys_of(subject, config)?,
        (None, Some(what)) if names_no_subject(what) => Vec::new(),
        (None, Some(what)) => match keys_of(what, config) {
            // Of most subjects the records say enough.
            Err(error) if error.code() == Code::LogInUse => {
                eprintln!(
                    "note: a running server has the keyring: acts on records of others that hold something of `{}` are \
                     found with --url only",
                    what.escape_debug()
                );
                Vec::new()
            }
            keys => keys?,
        },
        _ => Vec::new(),
    };
    let subject = of("subject").or(of("acts_about")).unwrap_or_default();
    let mut known = given.clone();
    for (name, kid) in keys {
        known.push(("key", kid));
        known.extend((name != subject).then_some(("shared", name)));
    }
    let question = question(&known)?;
    records::tell_shared(&question.shared_keys());
    Ok(question)
}

fn question(given: &Given) -> Result<Question> {
    let question = Question::parse(given.iter().map(|(name, text)| (*name, text.as_str())));
    question.map_err(|error| Error::new(Code::WrongUse, error.message()))
}

impl Show {
    pub fn page(&self, question: &Question) -> Result<Page> {
        let page = Page { limit: self.limit(), ..Page::ALL };
        let Some(cursor) = &self.cursor else { return Ok(page) };
        let cursor = Cursor::parse(cursor, question);
        Ok(page.behind(cursor.map_err(|error| Error::new(Code::WrongUse, error.message()))?))
    }

    pub fn limit(&self) -> usize {
        self.limit.map_or(usize::MAX, usize::from)
    }
}

/// The keys that a data subject's values may be sealed with, by the names that they are known by. None of one that has no
/// key, or was shredded.
fn keys_of(subject: &str, config: &Config) -> Result<Vec<(String, String)>> {
    let keyring = config.kek.open_keyring(&config.keyring_dir);
    let keyring = keyring
        .map_err(|error| remote::hint(error, "--url http://..., or GET /v1/records?subject=…"))?;
    let keys = trail::keys_of_subject(&keyring, subject)?.into_iter();
    Ok(keys.map(|(name, kid)| (name, kid.as_str().to_owned())).collect())
}
