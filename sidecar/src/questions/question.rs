use sealtrail_history::{Name, Order, Search};
use sealtrail_record::{pointer, time};
use sha2::{Digest, Sha256};

use super::about::{ACTS, About};
use super::subject::OfSubject;
use crate::code::Code;
use crate::error::{Error, Result, shown};

/// What is asked about the records of a log. Criteria are joined by "and".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    search: Search,
    order: Order,
    about: Option<About>,
    subject: Option<OfSubject>,
    /// What was given, sorted, for the cursor.
    given: Vec<(String, String)>,
}

impl Question {
    /// From criteria by their names (`type`, `id`, `attribute`, `actor`, `correlation`, `causation`, `tenant`, `action`, `from`,
    /// `to`, `subject`, `acts_about`, each `key` of either and the names of those that are `shared`, `order`); a text that
    /// cannot be one is refused.
    pub fn parse<'t>(given: impl IntoIterator<Item = (&'t str, &'t str)>) -> Result<Self> {
        let mut given: Vec<(String, String)> =
            given.into_iter().map(|(name, text)| (name.into(), text.into())).collect();
        given.sort();
        let get = |name: &str| {
            let found = given.iter().find(|(key, _)| key == name);
            found.map(|(_, text)| text.as_str())
        };
        let mut search = Search::all();
        search = match (get("type"), get("id")) {
            (Some(kind), Some(id)) => search.with(Name::Entity { kind, id }),
            (Some(kind), None) => search.with(Name::Type(kind)),
            (None, Some(_)) => {
                return Err(refused("`id` needs `type` beside it: the type of the entity"));
            }
            (None, None) => search,
        };
        if let Some(attribute) = get("attribute") {
            search = search.attribute(&attribute_pointer(attribute)?);
        }
        let names = [
            get("actor").map(Name::Actor),
            get("correlation").map(Name::Correlation),
            get("causation").map(Name::Causation),
            get("tenant").map(Name::Tenant),
            get("action").map(Name::Action),
        ];
        search = names.into_iter().flatten().fold(search, Search::with);
        let about = get("acts_about");
        let keys: Vec<String> = all(&given, "key").cloned().collect();
        let subject = get("subject").map(|name| OfSubject::new(name, &keys));
        let about = about.map(|what| About { what: what.into(), keys });
        search = match (&about, &subject) {
            (Some(_), _) => of_acts(search, &given)?,
            (None, Some(subject)) => search.with_any(&subject.names()),
            (None, None) => search,
        };
        let moment = |name: &str| {
            let parse = |text| {
                let parsed = time::unix_millis(text);
                parsed.ok_or_else(|| {
                    let text = shown(text);
                    let time = "2026-11-21T19:45:00Z";
                    refused(&format!("`{name}` must be a time like `{time}`, got `{text}`"))
                })
            };
            get(name).map(parse).transpose()
        };
        if let Some(from) = moment("from")? {
            search = search.since(from);
        }
        if let Some(to) = moment("to")? {
            search = search.until(to);
        }
        let order = match get("order") {
            None | Some("oldest") => Order::Oldest,
            Some("newest") => Order::Newest,
            Some(other) => {
                let other = shown(other);
                return Err(refused(&format!("`order` is `oldest` or `newest`, got `{other}`")));
            }
        };
        Ok(Self { search, order, about, subject, given })
    }

    /// What acts are asked about, if they are.
    pub fn about(&self) -> Option<&About> {
        self.about.as_ref()
    }

    /// Whom all that fits must be about, if somebody is asked about.
    pub(super) fn subject(&self) -> Option<&OfSubject> {
        self.subject.as_ref()
    }

    /// The names of the keys that are asked for and not of the data subject alone, `customer/*`: what they sealed may be
    /// of others.
    pub fn shared_keys(&self) -> Vec<String> {
        all(&self.given, "shared").cloned().collect()
    }

    pub fn search(&self) -> &Search {
        &self.search
    }

    pub fn order(&self) -> Order {
        self.order
    }

    /// Whether it is about a time.
    pub fn has_times(&self) -> bool {
        self.given.iter().any(|(name, _)| matches!(name.as_str(), "from" | "to"))
    }

    /// What tells it from another question. The keys of a data subject do not: it may have another one with each month, and
    /// a page of an answer goes on where the one before has ended.
    pub fn digest(&self) -> [u8; 8] {
        let mut hash = Sha256::new();
        hash.update(b"sealtrail/question/v1\0");
        let asked = self.given.iter().filter(|(name, _)| name != "key");
        for text in asked.flat_map(|(name, text)| [name, text]) {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        }
        let digest: [u8; 32] = hash.finalize().into();
        *digest.first_chunk().expect("8 of 32 bytes")
    }
}

fn all<'g>(given: &'g [(String, String)], name: &str) -> impl Iterator<Item = &'g String> {
    given.iter().filter(move |(key, _)| key == name).map(|(_, text)| text)
}

/// The acts that can concern something. They have no entity and no tenant: whoever asks for one would be told that
/// nothing was done.
fn of_acts(search: Search, given: &[(String, String)]) -> Result<Search> {
    const OTHERS: [&str; 6] = ["type", "id", "attribute", "causation", "tenant", "subject"];
    if let Some((name, _)) = given.iter().find(|(name, _)| OTHERS.contains(&name.as_str())) {
        let message = format!(
            "an act has no `{name}`: `acts_about` says what it concerns, and goes with `actor`, `correlation`, `action`, \
             `from`, `to` and `order`"
        );
        return Err(refused(&message));
    }
    Ok(search.with_any(&ACTS.map(Name::Action)))
}

/// A pointer, or the name of a column: `/address/city`, `address/city`.
fn attribute_pointer(text: &str) -> Result<String> {
    let at =
        if text.starts_with('/') || text.is_empty() { text.into() } else { format!("/{text}") };
    if pointer::tokens(&at).is_none() {
        let text = shown(text);
        return Err(refused(&format!(
            "`attribute` must be a JSON pointer (RFC 6901), got `{text}`"
        )));
    }
    Ok(at)
}

fn refused(message: &str) -> Error {
    Error::new(Code::BadRequest, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(given: &[(&str, &str)]) -> Result<Question> {
        Question::parse(given.iter().copied())
    }

    #[test]
    fn criteria_are_joined() {
        let line = br#"{"time":"2026-11-21T19:45:00Z","correlationid":"c","data":{"entity":{"type":"customer","id":"3"},"action":"update","changes":[{"op":"add","path":"/address/city"}],"seals":[{"kids":["k_1","t_1"]}]}}"#;
        let fits = |given: &[(&str, &str)]| question(given).unwrap().search().fits(line);
        assert!(fits(&[]));
        assert!(fits(&[("type", "customer"), ("attribute", "address"), ("action", "update")]));
        assert!(fits(&[("attribute", "/address/city"), ("from", "2026-11-21T20:45:00+01:00")]));
        assert!(!fits(&[("to", "2026-11-21T19:45:00Z")]));
        assert!(!fits(&[("type", "customer"), ("id", "4")]));
        assert!(fits(&[("subject", "customer/3")]));
        assert!(fits(&[("subject", "somebody"), ("key", "k_1")]));
        assert!(!fits(&[("subject", "somebody")]));
        assert!(!fits(&[("subject", "customer/4"), ("key", "k_2")]));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (given, said) in [
            (&[("id", "3")][..], "`id` needs `type`"),
            (&[("from", "yesterday")], "`from` must be a time"),
            (&[("to", "2026-11-21")], "`to` must be a time"),
            (&[("order", "up")], "`oldest` or `newest`, got `up`"),
            (&[("attribute", "a~b")], "RFC 6901"),
            (&[("acts_about", "customer/3"), ("tenant", "a")], "an act has no `tenant`"),
            (&[("acts_about", "customer/3"), ("subject", "customer/3")], "an act has no `subject`"),
        ] {
            let error = question(given).unwrap_err();
            assert!(error.message().contains(said), "{error}");
        }
    }

    #[test]
    fn a_question_is_known_by_what_is_asked() {
        let one = question(&[("tenant", "a"), ("action", "b")]).unwrap().digest();
        assert_eq!(one, question(&[("action", "b"), ("tenant", "a")]).unwrap().digest());
        let of = |key| question(&[("subject", "customer/3"), ("key", key)]).unwrap().digest();
        assert_eq!(of("k_1"), of("k_2"), "a key that comes between two pages");
        for other in [
            &[("tenant", "a")][..],
            &[("tenant", "b"), ("action", "a")],
            &[("tenant", "a"), ("action", "b"), ("order", "newest")],
        ] {
            assert_ne!(one, question(other).unwrap().digest());
        }
    }
}
