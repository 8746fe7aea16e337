use crate::name::{Kind, Name, Parts};
use crate::names;
use crate::run::{NO_TIME, Zone};

/// What the records of an answer have in common: names, and a span of time.
///
/// ```
/// use sealtrail_history::{Name, Search};
///
/// let search = Search::all()
///     .with(Name::Action("update"))
///     .attribute("/customer/email")
///     .since(1_795_290_300_000);
/// let line = br#"{"time":"2026-11-21T19:45:00.047Z","data":{"action":"update","changes":[{"path":"/customer"}]}}"#;
/// assert!(search.fits(line), "what stands above an attribute has changed it");
/// assert!(!search.until(1_795_290_300_000).fits(line));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Search {
    /// Of each one name at least.
    terms: Vec<Vec<Owned>>,
    since: Option<i64>,
    until: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Owned {
    kind: Kind,
    first: Vec<u8>,
    second: Option<Vec<u8>>,
}

impl Search {
    /// Every record.
    pub fn all() -> Self {
        Self::default()
    }

    /// Records with this name, too.
    #[must_use]
    pub fn with(self, name: Name<'_>) -> Self {
        self.with_any(&[name])
    }

    /// Records with one of these names at least.
    #[must_use]
    pub fn with_any(mut self, names: &[Name<'_>]) -> Self {
        self.terms.push(names.iter().map(|name| Owned::of(name.parts())).collect());
        self
    }

    /// Records that changed the attribute at this pointer, something in it, or what it stands in.
    #[must_use]
    pub fn attribute(self, pointer: &str) -> Self {
        let mut names = vec![Name::Attribute(pointer), Name::Above(pointer)];
        let ends = pointer.char_indices().filter(|(_, character)| *character == '/');
        names.extend(ends.map(|(end, _)| Name::Attribute(&pointer[..end])));
        self.with_any(&names)
    }

    /// Records of this time or later, in milliseconds since 1970.
    #[must_use]
    pub fn since(mut self, time: i64) -> Self {
        self.since = Some(time);
        self
    }

    /// Records before this time, in milliseconds since 1970.
    #[must_use]
    pub fn until(mut self, time: i64) -> Self {
        self.until = Some(time);
        self
    }

    /// Whether a record is one of these.
    pub fn fits(&self, line: &[u8]) -> bool {
        let mut found = vec![false; self.terms.len()];
        let time = names::each(line, &mut |name| {
            for (found, term) in found.iter_mut().zip(&self.terms) {
                *found = *found || term.iter().any(|owned| owned.parts() == name);
            }
        });
        found.iter().all(|found| *found) && self.overlaps(time.map_or(NO_TIME, |time| (time, time)))
    }

    /// Whether a time is asked for.
    pub(crate) fn has_times(&self) -> bool {
        self.since.is_some() || self.until.is_some()
    }

    /// Whether there may be a record of the time that is asked for in this span.
    pub(crate) fn overlaps(&self, (earliest, latest): Zone) -> bool {
        if !self.has_times() {
            return true;
        }
        earliest <= latest
            && self.since.is_none_or(|since| latest >= since)
            && self.until.is_none_or(|until| earliest < until)
    }

    /// The names of each term, those first that few records have.
    pub(crate) fn terms(&self) -> Vec<Vec<Parts<'_>>> {
        let mut terms: Vec<Vec<Parts<'_>>> =
            self.terms.iter().map(|term| term.iter().map(Owned::parts).collect()).collect();
        terms.sort_by_key(|term: &Vec<Parts<'_>>| term.iter().map(|name| commonness(name.0)).max());
        terms
    }
}

impl Owned {
    fn of((kind, first, second): Parts<'_>) -> Self {
        Self { kind, first: first.to_vec(), second: second.map(<[u8]>::to_vec) }
    }

    fn parts(&self) -> Parts<'_> {
        (self.kind, &self.first, self.second.as_deref())
    }
}

/// How many records are likely to have a name of this kind.
fn commonness(kind: Kind) -> u8 {
    match kind {
        Kind::Record => 0,
        Kind::Correlation => 1,
        Kind::Causation => 2,
        Kind::Entity => 3,
        Kind::Key => 4,
        Kind::Actor => 5,
        Kind::Attribute | Kind::Above => 6,
        Kind::Type => 7,
        Kind::Tenant => 8,
        Kind::Action => 9,
    }
}
