use sealtrail_record::json::Value;
use sealtrail_record::pointer;

use crate::Error;

/// An object of the document and where it stands.
pub(super) struct Object<'v, 'a> {
    value: &'v Value<'a>,
    at: &'v str,
}

impl<'v, 'a> Object<'v, 'a> {
    pub(super) fn of(value: &'v Value<'a>, at: &'v str) -> Result<Self, Error> {
        match value {
            Value::Object(_) => Ok(Self { value, at }),
            _ => Err(expected(at, "an object", value)),
        }
    }

    pub(super) fn only(&self, known: &[&str]) -> Result<(), Error> {
        match self.value.members().iter().find(|m| !known.contains(&m.key.as_ref())) {
            Some(member) => Err(invalid(
                &self.place(&member.key),
                &format!("is not known here; known are {}", quoted(known)),
            )),
            None => Ok(()),
        }
    }

    pub(super) fn value(&self, key: &str) -> Option<&'v Value<'a>> {
        self.value.get(key)
    }

    pub(super) fn text(&self, key: &str) -> Result<Option<String>, Error> {
        match self.value(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.to_string())),
            Some(other) => Err(expected(&self.place(key), "a string", other)),
        }
    }

    pub(super) fn required_text(&self, key: &str) -> Result<String, Error> {
        match self.text(key)? {
            Some(text) if !text.is_empty() => Ok(text),
            Some(_) => Err(invalid(&self.place(key), "must not be empty")),
            None => Err(invalid(&self.place(key), "is missing")),
        }
    }

    pub(super) fn array(&self, key: &str) -> Result<&'v [Value<'a>], Error> {
        match self.value(key) {
            None => Ok(&[]),
            Some(Value::Array(items)) => Ok(items),
            Some(other) => Err(expected(&self.place(key), "an array", other)),
        }
    }

    pub(super) fn switch(&self, key: &str, otherwise: bool) -> Result<bool, Error> {
        match self.value(key) {
            None => Ok(otherwise),
            Some(Value::Bool(on)) => Ok(*on),
            Some(other) => Err(expected(&self.place(key), "true or false", other)),
        }
    }

    pub(super) fn count(&self, key: &str) -> Result<usize, Error> {
        match self.value(key) {
            None => Ok(0),
            Some(Value::Number(text)) if text.len() <= 4 && pointer::index(text).is_some() => {
                Ok(pointer::index(text).unwrap_or(0))
            }
            Some(other) => Err(expected(&self.place(key), "a whole number up to 9999", other)),
        }
    }

    pub(super) fn place(&self, key: &str) -> String {
        let mut place = self.at.to_owned();
        pointer::push_key(&mut place, key);
        place
    }
}

fn quoted(words: &[&str]) -> String {
    words.iter().map(|w| format!("`{w}`")).collect::<Vec<_>>().join(", ")
}

pub(super) fn expected(at: &str, wanted: &str, got: &Value<'_>) -> Error {
    invalid(at, &format!("must be {wanted}, got {}", got.kind()))
}

pub(super) fn invalid(at: &str, what: &str) -> Error {
    Error::new("policy_invalid", format!("policy `{at}` {what}"))
}
