//! From a protobuf file: field options that say what is personal.

use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{
    DescriptorProto, FieldDescriptorProto, FileDescriptorProto, UninterpretedOption,
};

use super::rules::{Policy, Rule, below, group_of};
use super::{unfit, unreadable};
use crate::error::Result;

/// Messages may hold themselves.
const DEPTH: usize = 24;
const RULES: usize = 20_000;

/// The policy for one message: the named one, or the only one that has marked fields.
pub fn import(source: &str, message: Option<&str>, id: &str, version: &str) -> Result<Policy> {
    let file = protox_parse::parse("schema.proto", source).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start);
        unreadable(source, offset, &error.to_string())
    })?;
    let root = choose(&file, message)?;
    let mut walk = Walk { file: &file, open: vec![root.name().to_owned()], rules: Vec::new() };
    walk.message(root, "$", DEPTH)?;
    Ok(Policy::new(id, version, walk.rules))
}

fn choose<'f>(file: &'f FileDescriptorProto, message: Option<&str>) -> Result<&'f DescriptorProto> {
    let names = || {
        file.message_type.iter().map(|m| format!("`{}`", m.name())).collect::<Vec<_>>().join(", ")
    };
    if let Some(name) = message {
        let found = file.message_type.iter().find(|m| m.name() == name);
        return found.ok_or_else(|| unfit(format!("no message `{name}`; there are {}", names())));
    }
    let mut marked = file.message_type.iter().filter(|m| m.field.iter().any(Mark::is_on));
    match (marked.next(), marked.next()) {
        (Some(only), None) => Ok(only),
        (Some(_), Some(_)) => Err(unfit(format!(
            "several messages have marked fields; choose one with --message: {}",
            names()
        ))),
        (None, _) => Err(unfit("no field has a `(gdpr)` option or a Confluent tag")),
    }
}

struct Walk<'f> {
    file: &'f FileDescriptorProto,
    open: Vec<String>,
    rules: Vec<Rule>,
}

impl<'f> Walk<'f> {
    fn message(&mut self, message: &'f DescriptorProto, select: &str, depth: usize) -> Result<()> {
        let marks = message.field.iter().map(|field| {
            Mark::of(field).map_err(|what| {
                unfit(format!("`{}` of the message `{}`: {what}", field.name(), message.name()))
            })
        });
        let marks: Vec<_> = marks.collect::<Result<_>>()?;
        // A pointer can name the subject only where no list lies between.
        let key = message
            .field
            .iter()
            .zip(&marks)
            .find(|(_, mark)| mark.as_ref().is_some_and(|m| m.is_key));
        let subject = key
            .filter(|_| !select.contains("[*]"))
            .map(|(field, _)| format!("{}/{}", select[1..].replace('.', "/"), field.name()));
        for (field, mark) in message.field.iter().zip(marks) {
            let at = below(select, field.name());
            match mark {
                Some(mark) => {
                    let mut rule = Rule::new(at, if mark.is_personal { "seal" } else { "keep" });
                    rule.group = mark.group;
                    rule.subject = subject.clone().filter(|_| mark.is_personal);
                    self.rules.push(rule);
                }
                None => self.unmarked(message, field, &at, depth)?,
            }
        }
        Ok(())
    }

    fn unmarked(
        &mut self,
        parent: &'f DescriptorProto,
        field: &FieldDescriptorProto,
        at: &str,
        depth: usize,
    ) -> Result<()> {
        let nested = match field.r#type() {
            // A name that is not resolved yet has no type.
            Type::Message | Type::Group => self.find(parent, field.type_name()),
            _ if field.r#type.is_none() => self.find(parent, field.type_name()),
            _ => None,
        };
        let is_scalar = field.type_name.is_none();
        let is_list = field.label() == Label::Repeated;
        match nested {
            Some(nested) if nested.options.as_ref().is_some_and(|o| o.map_entry()) => {
                // A map of anything but scalars may hold what is personal.
                let plain = nested.field.iter().all(|f| f.type_name.is_none());
                self.rules.push(Rule::new(at, if plain { "keep" } else { "seal" }));
            }
            Some(nested)
                if depth > 0
                    && self.rules.len() < RULES
                    && !self.open.iter().any(|n| n == nested.name()) =>
            {
                self.open.push(nested.name().to_owned());
                self.message(
                    nested,
                    &if is_list { format!("{at}[*]") } else { at.to_owned() },
                    depth - 1,
                )?;
                self.open.pop();
            }
            // A message that holds itself, or one of another file: nobody knows what is in it.
            Some(_) => self.rules.push(Rule::new(at, "seal")),
            None if is_scalar || self.is_enum(parent, field.type_name()) => {
                self.rules.push(Rule::new(at, "keep"))
            }
            None => self.rules.push(Rule::new(at, "seal")),
        }
        Ok(())
    }

    fn find(&self, parent: &'f DescriptorProto, name: &str) -> Option<&'f DescriptorProto> {
        let name = name.rsplit('.').next()?;
        let file = self.file;
        parent.nested_type.iter().chain(&file.message_type).find(|m| m.name() == name)
    }

    fn is_enum(&self, parent: &DescriptorProto, name: &str) -> bool {
        let name = name.rsplit('.').next().unwrap_or_default();
        parent.enum_type.iter().chain(&self.file.enum_type).any(|e| e.name() == name)
    }
}

/// What the options of a field say.
#[derive(Default)]
struct Mark {
    is_personal: bool,
    is_key: bool,
    group: Option<String>,
}

/// What `(gdpr)` is made of; whoever writes it otherwise is told, because what is not understood would be kept in clear.
const GDPR: &str = "expected `(gdpr) = {pii: true|false, key: true|false, dataGrouping: \"name\"}`";

impl Mark {
    fn is_on(field: &FieldDescriptorProto) -> bool {
        !matches!(Self::of(field), Ok(None))
    }

    fn of(field: &FieldDescriptorProto) -> Result<Option<Self>, String> {
        let options = field.options.iter().flat_map(|options| &options.uninterpreted_option);
        let mut mark: Option<Self> = None;
        for option in options {
            let name: Vec<&str> = option.name.iter().map(|part| part.name_part.as_str()).collect();
            match name.as_slice() {
                ["gdpr"] => mark.get_or_insert_default().gdpr(option)?,
                // `(gdpr).pii = true` says the same as `(gdpr) = {pii: true}`.
                ["gdpr", name] => mark.get_or_insert_default().set(name, &value_of(option))?,
                ["confluent.field_meta", "tags"] => {
                    let tag = String::from_utf8_lossy(option.string_value());
                    let group = Some(group_of(&tag));
                    return Ok(Some(Self { is_personal: true, is_key: false, group }));
                }
                _ => {}
            }
        }
        Ok(mark)
    }

    /// `pii: true, key: true, dataGrouping: "clientaggregate"` in the text format of protobuf.
    fn gdpr(&mut self, option: &UninterpretedOption) -> Result<(), String> {
        let Some(text) = &option.aggregate_value else {
            return Err(format!("`(gdpr)` is {}; {GDPR}", value_of(option)));
        };
        let words: Vec<&str> = text.split([' ', ',', ':', ';']).filter(|w| !w.is_empty()).collect();
        for pair in words.chunks(2) {
            let [name, value] = pair else {
                return Err(format!("`{}` in `(gdpr)` has no value; {GDPR}", pair[0]));
            };
            self.set(name, value)?;
        }
        Ok(())
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let is = || match value {
            "true" => Ok(true),
            "false" => Ok(false),
            other => Err(format!("`{name}` of `(gdpr)` is {other}; {GDPR}")),
        };
        match name {
            "pii" => self.is_personal = is()?,
            "key" => self.is_key = is()?,
            "dataGrouping" | "data_grouping" => {
                self.group = Some(group_of(value.trim_matches(['"', '\''])));
            }
            _ => return Err(format!("`(gdpr)` has `{name}`, which no rule knows; {GDPR}")),
        }
        Ok(())
    }
}

/// The value of an option as it was written, or nearly.
fn value_of(option: &UninterpretedOption) -> String {
    match (&option.identifier_value, &option.string_value) {
        (Some(word), _) => word.clone(),
        (None, Some(text)) => format!("\"{}\"", String::from_utf8_lossy(text)),
        (None, None) => match (option.positive_int_value, option.negative_int_value) {
            (Some(number), _) => number.to_string(),
            (None, Some(number)) => number.to_string(),
            (None, None) => "something else".to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(source: &str, message: Option<&str>) -> Vec<String> {
        let policy =
            import(source, message, "p", "1").unwrap_or_else(|error| panic!("{source}: {error}"));
        policy.rules.iter().map(|rule| serde_json::to_string(rule).unwrap()).collect()
    }

    #[test]
    fn the_purchase_of_the_first_users() {
        assert_eq!(
            rules(include_str!("../../../tests/first-users/purchase.proto"), None),
            [
                r#"{"select":"$.email","action":"seal","subject":"/email"}"#,
                r#"{"select":"$.name","action":"seal","group":"clientaggregate","subject":"/email"}"#,
                r#"{"select":"$.location","action":"keep","group":"clientaggregate"}"#,
                r#"{"select":"$.purchase_value","action":"keep"}"#,
            ]
        );
        let raw = include_str!("../../../tests/first-users/purchase.raw.proto");
        let error = import(raw, None, "p", "1").err().unwrap().to_string();
        assert!(
            error.contains("expected '=', but found '\"proto 3\"' at line 1, column 8"),
            "{error}"
        );
        assert!(error.contains("1 | syntax \"proto 3\""), "{error}");
    }

    #[test]
    fn nested_messages_maps_and_tags() {
        let source = r#"syntax = "proto3";
            enum State { NEW = 0; }
            message Order {
              message Line { string note = 1 [(gdpr) = {pii: true}]; int32 n = 2; Order again = 3; }
              repeated Line lines = 1; State state = 2; map<string, string> labels = 3;
              map<string, Line> by_name = 4; other.Thing thing = 5;
              string phone = 6 [(confluent.field_meta).tags = "PII"]; repeated string tags = 7;
            }"#;
        assert_eq!(
            rules(source, Some("Order")),
            [
                r#"{"select":"$.lines[*].note","action":"seal"}"#,
                r#"{"select":"$.lines[*].n","action":"keep"}"#,
                r#"{"select":"$.lines[*].again","action":"seal"}"#,
                r#"{"select":"$.state","action":"keep"}"#,
                r#"{"select":"$.labels","action":"keep"}"#,
                r#"{"select":"$.by_name","action":"seal"}"#,
                r#"{"select":"$.thing","action":"seal"}"#,
                r#"{"select":"$.phone","action":"seal","group":"pii"}"#,
                r#"{"select":"$.tags","action":"keep"}"#,
            ]
        );
    }

    #[test]
    fn an_option_says_the_same_in_either_form() {
        let of = |options: &str| {
            let fields = format!("string id = 1 [(gdpr).key = true]; string a = 2 [{options}];");
            rules(&format!(r#"syntax = "proto3"; message A {{ {fields} }}"#), None).pop().unwrap()
        };
        let sealed = r#"{"select":"$.a","action":"seal","group":"x","subject":"/id"}"#;
        for options in [
            r#"(gdpr) = {pii: true, dataGrouping: "x"}"#,
            r#"(gdpr).pii = true, (gdpr).dataGrouping = "x""#,
        ] {
            assert_eq!(of(options), sealed, "{options}");
        }
    }

    /// It would be kept in clear, and nobody would see it.
    #[test]
    fn an_option_that_is_not_understood_is_refused() {
        for (option, said) in [
            ("(gdpr) = true", "`email` of the message `A`: `(gdpr)` is true; expected"),
            (r#"(gdpr) = "PERSONAL""#, r#"`(gdpr)` is "PERSONAL"; expected"#),
            ("(gdpr) = PII", "`(gdpr)` is PII; expected"),
            ("(gdpr).personal = true", "`(gdpr)` has `personal`, which no rule knows"),
            ("(gdpr) = {personal: true}", "`(gdpr)` has `personal`, which no rule knows"),
            ("(gdpr) = {pii: yes}", "`pii` of `(gdpr)` is yes; expected"),
            ("(gdpr) = {pii: 1}", "`pii` of `(gdpr)` is 1; expected"),
        ] {
            for message in [None, Some("A")] {
                let source =
                    format!(r#"syntax = "proto3"; message A {{ string email = 1 [{option}]; }}"#);
                let error =
                    import(&source, message, "p", "1").err().unwrap_or_else(|| panic!("{option}"));
                assert!(error.to_string().contains(said), "{option}: {error}");
            }
        }
    }

    #[test]
    fn refusals() {
        let two = r#"syntax = "proto3";
            message A { string a = 1 [(gdpr) = {pii: true}]; } message B { string b = 1 [(gdpr) = {pii: true}]; }"#;
        for (source, message, said) in [
            (two, None, "choose one with --message: `A`, `B`"),
            (two, Some("C"), "no message `C`; there are `A`, `B`"),
            (
                r#"syntax = "proto3"; message A { string a = 1; }"#,
                None,
                "no field has a `(gdpr)` option",
            ),
            ("message {", None, "at line 1"),
        ] {
            let error =
                import(source, message, "p", "1").err().unwrap_or_else(|| panic!("{source}"));
            assert!(error.to_string().contains(said), "{source}: {error}");
        }
    }
}
