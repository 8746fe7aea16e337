//! The query of a request target.

use percent_encoding::percent_decode_str;

use crate::code::Code;
use crate::error::{Error, Result, shown};
use crate::questions::{Cursor, Page, Question};

/// The parameters, decoded, in their order.
#[derive(Clone)]
pub struct Query(Vec<(String, String)>);

const LIMIT: usize = 100;
const MAX_LIMIT: usize = 1000;
/// A page ends with the record that would take it past this.
const PAGE_BYTES: usize = 8 << 20;

impl Query {
    pub fn parse(text: Option<&str>) -> Result<Self> {
        let pairs = text.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        let decoded = pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(&name.replace('+', " "))?, decode(&value.replace('+', " "))?))
        });
        Ok(Self(decoded.collect::<Result<_>>()?))
    }

    /// Refuses a parameter that is not known, and one that is given twice: a typing error must not
    /// look like an answer.
    pub fn allow(&self, known: &[&str]) -> Result<()> {
        for (i, (name, _)) in self.0.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                let (name, known) = (shown(name), known.join("`, `"));
                return Err(refused(format!("unknown parameter `{name}`; known are `{known}`")));
            }
            if self.0[..i].iter().any(|(other, _)| other == name) {
                return Err(refused(format!("the parameter `{name}` is given twice")));
            }
        }
        Ok(())
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// What is asked, with what the path says of it.
    pub fn question(&self, of_path: &[(&str, &str)], known: &[&str]) -> Result<Question> {
        let given = self.0.iter().map(|(name, text)| (name.as_str(), text.as_str()));
        let criteria = given.filter(|(name, _)| known.contains(name));
        Question::parse(criteria.chain(of_path.iter().copied()))
    }

    /// The page of an answer: `after` or `cursor`, and `limit`.
    pub fn page_of(&self, question: &Question) -> Result<Page> {
        let page = self.page()?;
        match (self.get("cursor"), page.after) {
            (None, _) => Ok(page),
            (Some(_), Some(_)) => Err(refused("give `after` or `cursor`, not both".to_owned())),
            (Some(cursor), None) => Ok(page.behind(Cursor::parse(cursor, question)?)),
        }
    }

    /// Whether a parameter is `true`; nothing is `false`.
    pub fn flag(&self, name: &str) -> Result<bool> {
        match self.get(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(refused(format!("`{name}` must be `true` or `false`"))),
        }
    }

    /// `after` and `limit`.
    pub fn page(&self) -> Result<Page> {
        let number = |name: &str| {
            let parse = |text: &str| {
                text.parse::<u64>().map_err(|_| refused(format!("`{name}` must be a number")))
            };
            self.get(name).map(parse).transpose()
        };
        let limit = number("limit")?.map_or(LIMIT, |limit| usize::try_from(limit).unwrap_or(0));
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(refused(format!("`limit` must be 1 to {MAX_LIMIT}")));
        }
        Ok(Page { after: number("after")?, limit, bytes: PAGE_BYTES, ..Page::ALL })
    }
}

/// Percent-decodes a part of a request target; what is not UTF-8 is refused.
pub fn decode(text: &str) -> Result<String> {
    let decoded = percent_decode_str(text).decode_utf8();
    decoded.map(Into::into).map_err(|_| refused("the target is not UTF-8".to_owned()))
}

fn refused(message: String) -> Error {
    Error::new(Code::BadRequest, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters() {
        let query = Query::parse(Some("correlation=a%2Fb+c&limit=5&&after=7")).unwrap();
        assert_eq!(query.get("correlation"), Some("a/b c"));
        let page = query.page().unwrap();
        assert_eq!((page.after, page.limit), (Some(7), 5));
        assert!(query.allow(&["correlation", "limit"]).is_err());
        assert!(query.allow(&["correlation", "limit", "after"]).is_ok());
        for bad in ["limit=0", "limit=1001", "limit=x", "after=-1", "limit=99999999999999999999"] {
            assert!(Query::parse(Some(bad)).unwrap().page().is_err(), "{bad}");
        }
        assert!(Query::parse(Some("a=%FF")).is_err());
        assert!(Query::parse(Some("a=1&a=2")).unwrap().allow(&["a"]).is_err());
    }
}
