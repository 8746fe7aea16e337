//! `[retention.classes]`: how long what is sealed under a retention class stays readable.

use std::collections::BTreeMap;

use sealtrail_keyring::KeyId;
use serde::{Deserialize, Deserializer, de::Error as _};

use super::quantity::Period;

/// Retention classes that end, each with the time that its periods are kept after they are over. A class that is
/// not here never ends.
#[derive(Debug, Clone, Default)]
pub struct Classes(BTreeMap<String, Period>);

impl Classes {
    pub fn kept(&self, class: &str) -> Option<&Period> {
        self.0.get(class)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'de> Deserialize<'de> for Classes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let classes = BTreeMap::<String, Period>::deserialize(deserializer)?;
        // The name is part of the id of a key; one that no key can have is a slip of the pen.
        match classes.keys().find(|class| KeyId::parse(&format!("t_{class}.0")).is_err()) {
            Some(class) => Err(D::Error::custom(format!(
                "expected a retention class, 1 to 64 of `A-Z a-z 0-9 _ -`, got `{}`",
                class.escape_debug()
            ))),
            None => Ok(Self(classes)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_has_a_period() {
        let parse = |text: &str| toml::from_str::<Classes>(text);
        let classes = parse("standard-7y = \"7y\"\nshort = \"90d\"").unwrap();
        assert_eq!(classes.kept("standard-7y").unwrap().to_string(), "7y");
        assert!(classes.kept("standard").is_none() && !classes.is_empty());
        assert!(parse("").unwrap().is_empty());
        for (bad, expected) in [
            ("a = \"6m\"", "months are written `6mo`"),
            ("a = 7", "expected a string"),
            ("\"a.b\" = \"7y\"", "expected a retention class"),
            ("\"\" = \"7y\"", "expected a retention class"),
        ] {
            let error = parse(bad).unwrap_err().to_string();
            assert!(error.contains(expected), "{bad}: {error}");
        }
    }
}
