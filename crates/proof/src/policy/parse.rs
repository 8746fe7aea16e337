//! The text of a policy, line by line.

use super::{Group, Member, Policy, WHAT, Witness};
use crate::checkpoint::decimal;
use crate::{Error, VerifierKey};

/// Bytes of the largest policy that is read.
pub const MAX_BYTES: usize = 256 * 1024;

/// Logs, witnesses and groups, each; the specification asks for at least 32.
const MAX_LINES: usize = 64;

/// The quorum of whoever asks for no witness.
const NONE: &[u8] = b"none";

/// Longer names are refused, so that errors stay readable.
const MAX_NAME: usize = 256;

pub(super) fn policy(text: &[u8]) -> Result<Policy, Error> {
    if text.len() > MAX_BYTES {
        return Err(Error::malformed(
            WHAT,
            format!("expected at most {MAX_BYTES} bytes, got {}", text.len()),
        ));
    }
    let mut parser = Parser::default();
    let mut lines = text.split(|byte| *byte == b'\n').zip(1..).peekable();
    while let Some((line, number)) = lines.next() {
        let result = if lines.peek().is_some() {
            parser.line(line)
        } else if line.is_empty() {
            // What follows the last line feed is no line.
            break;
        } else {
            Err("expected a line feed at the end; the file may have been cut".into())
        };
        result.map_err(|why| Error::malformed(WHAT, format!("line {number}: {why}")))?;
    }
    let Parser { logs, witnesses, groups, quorum, .. } = parser;
    let quorum = quorum.ok_or_else(|| Error::malformed(WHAT, "expected a `quorum` line"))?;
    Ok(Policy { logs, witnesses, groups, quorum })
}

#[derive(Default)]
struct Parser {
    logs: Vec<VerifierKey>,
    witnesses: Vec<Witness>,
    groups: Vec<Group>,
    quorum: Option<Option<Member>>,
    /// What is defined so far; names are bytes to the specification.
    names: Vec<Name>,
}

struct Name {
    bytes: Vec<u8>,
    member: Member,
    is_taken: bool,
}

impl Parser {
    fn line(&mut self, line: &[u8]) -> Result<(), String> {
        if let Some(byte) =
            line.iter().find(|byte| (**byte < 0x20 && **byte != b'\t') || **byte == 0x7f)
        {
            return Err(format!("expected no control character but tabs, got 0x{byte:02x}"));
        }
        let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
        let fields: Vec<&[u8]> = line.split(is_blank).filter(|field| !field.is_empty()).collect();
        match fields[..] {
            [] => Ok(()),
            [word, ..] if word.starts_with(b"#") => Ok(()),
            [b"log", key] | [b"log", key, _] => self.log(key),
            [b"log", ..] => Err("expected `log <vkey> [<url>]`".into()),
            [b"witness", name, key] => self.witness(name, key, None),
            [b"witness", name, key, url] => self.witness(name, key, Some(url)),
            [b"witness", ..] => Err("expected `witness <name> <vkey> [<url>]`".into()),
            [b"group", name, threshold, ref members @ ..] if !members.is_empty() => {
                self.group(name, threshold, members)
            }
            [b"group", ..] => Err("expected `group <name> all|any|<number> <name>...`".into()),
            [b"quorum", name] => self.quorum(name),
            [b"quorum", ..] => Err("expected `quorum <name>`".into()),
            [word, ..] => Err(format!(
                "expected `log`, `witness`, `group` or `quorum`, got `{}`",
                shown(&word[..word.len().min(32)])
            )),
        }
    }

    fn log(&mut self, key: &[u8]) -> Result<(), String> {
        check_room(self.logs.len(), "logs")?;
        let key: VerifierKey = utf_8(key)?.parse().map_err(|error: Error| error.to_string())?;
        if let Some(same) = self.logs.iter().find(|log| log.bytes() == key.bytes()) {
            return Err(format!("the log `{}` has this key already", same.name()));
        }
        self.logs.push(key);
        Ok(())
    }

    fn witness(&mut self, name: &[u8], key: &[u8], url: Option<&[u8]>) -> Result<(), String> {
        check_room(self.witnesses.len(), "witnesses")?;
        let key: crate::WitnessKey =
            utf_8(key)?.parse().map_err(|error: Error| error.to_string())?;
        // One who has the key could cosign under both names.
        if let Some(same) = self.witnesses.iter().find(|known| known.key.bytes() == key.bytes()) {
            return Err(format!("the witness `{}` has this key already", same.name));
        }
        self.define(name, Member::Witness(self.witnesses.len()))?;
        let url = url.map(|url| String::from_utf8_lossy(url).into_owned());
        self.witnesses.push(Witness { name: shown(name), key, url });
        Ok(())
    }

    fn group(&mut self, name: &[u8], threshold: &[u8], members: &[&[u8]]) -> Result<(), String> {
        check_room(self.groups.len(), "groups")?;
        let count = members.len();
        let threshold = match threshold {
            b"all" => count,
            b"any" => 1,
            digits => std::str::from_utf8(digits)
                .ok()
                .and_then(decimal)
                .and_then(|k| usize::try_from(k).ok())
                .filter(|k| (1..=count).contains(k))
                .ok_or_else(|| {
                    let digits = shown(&digits[..digits.len().min(32)]);
                    format!("expected `all`, `any` or a number from 1 to {count}, got `{digits}`")
                })?,
        };
        // Defined after its members are looked up, so that it cannot be its own.
        let members = members.iter().map(|name| self.take(name)).collect::<Result<_, _>>()?;
        self.define(name, Member::Group(self.groups.len()))?;
        self.groups.push(Group { name: shown(name), threshold, members });
        Ok(())
    }

    fn quorum(&mut self, name: &[u8]) -> Result<(), String> {
        if self.quorum.is_some() {
            return Err("there is a quorum already".into());
        }
        self.quorum = Some(if name == NONE { None } else { Some(self.find(name)?.member) });
        Ok(())
    }

    fn define(&mut self, name: &[u8], member: Member) -> Result<(), String> {
        if name.len() > MAX_NAME {
            return Err(format!("expected a name of at most {MAX_NAME} bytes, got {}", name.len()));
        }
        if name == NONE {
            return Err("the name `none` is not free".into());
        }
        if self.names.iter().any(|known| known.bytes == name) {
            return Err(format!("the name `{}` is given already", shown(name)));
        }
        self.names.push(Name { bytes: name.into(), member, is_taken: false });
        Ok(())
    }

    /// Makes it the member of a group, which happens once.
    fn take(&mut self, name: &[u8]) -> Result<Member, String> {
        let found = self.find(name)?;
        if std::mem::replace(&mut found.is_taken, true) {
            return Err(format!("`{}` is a member already; it would count twice", shown(name)));
        }
        Ok(found.member)
    }

    fn find(&mut self, name: &[u8]) -> Result<&mut Name, String> {
        let unknown = || {
            let name = shown(&name[..name.len().min(MAX_NAME)]);
            format!("expected a witness or group of an earlier line, got `{name}`")
        };
        self.names.iter_mut().find(|known| known.bytes == name).ok_or_else(unknown)
    }
}

fn check_room(count: usize, what: &str) -> Result<(), String> {
    if count < MAX_LINES { Ok(()) } else { Err(format!("expected at most {MAX_LINES} {what}")) }
}

fn utf_8(key: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(key).map_err(|_| "the key is not UTF-8".into())
}

/// Names are any bytes; people read text.
fn shown(name: &[u8]) -> String {
    String::from_utf8_lossy(name).escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CosigningKey, SigningKey};

    fn log(seed: u8) -> String {
        SigningKey::from_seed("a.example", &[seed; 32]).unwrap().verifier_key().to_string()
    }

    fn witness(seed: u8) -> String {
        CosigningKey::from_seed("w.example", &[seed; 32]).unwrap().witness_key().to_string()
    }

    fn parse(text: &str) -> Result<Policy, Error> {
        Policy::parse(text.as_bytes())
    }

    #[test]
    fn blanks_comments_urls_and_names_of_any_bytes() {
        let text = format!(
            " # first\n\n\t \nlog\t{}  https://a.example/ \n\twitness\tK {} https://w.example/w1\nwitness \u{212a} {}\ngroup all any K\n \
             group 2 all \u{212a} all # is no comment here\n",
            log(1),
            witness(1),
            witness(2)
        );
        // `#` begins a comment at the begin of a line only; here it is the name of a member.
        let error = parse(&text).unwrap_err().to_string();
        assert!(error.contains("line 8: ") && error.contains("got `#`"), "{error}");
        let policy = parse(&(text.replace(" # is no comment here", "") + "quorum 2\n")).unwrap();
        assert_eq!(policy.logs().len(), 1);
        assert_eq!(policy.witnesses()[0].url(), Some("https://w.example/w1"));
        assert_eq!((policy.witnesses()[1].name(), policy.witnesses()[1].url()), ("\u{212a}", None));
        let raw = [b"witness \xff\xfe ", witness(1).as_bytes(), b"\nquorum \xff\xfe\n"].concat();
        Policy::parse(&raw).unwrap();
        let raw = [b"witness \xff\xfe ", witness(1).as_bytes(), b"\nquorum \xff\xff\n"].concat();
        assert!(Policy::parse(&raw).unwrap_err().is_malformed());
    }

    #[test]
    fn wrong_lines_are_told_by_their_number() {
        let (l, a, b) = (log(1), witness(1), witness(2));
        let same_key = CosigningKey::from_seed("v.example", &[1; 32]).unwrap().witness_key();
        let two = format!("witness a {a}\nwitness b {b}\n");
        for (text, line, said) in [
            ("quorum\u{a0}none\n".into(), 1, r"got `quorum\u{a0}none`"),
            ("quorum none\r\n".into(), 1, "got 0x0d"),
            ("quorum none\u{7f}\n".into(), 1, "got 0x7f"),
            ("quorum none\0\n".into(), 1, "got 0x00"),
            ("quorum none".into(), 1, "a line feed at the end"),
            ("quorum none\nlog".into(), 2, "a line feed at the end"),
            ("quorum\n".into(), 1, "expected `quorum <name>`"),
            ("quorum a b\n".into(), 1, "expected `quorum <name>`"),
            ("quorum a\n".into(), 1, "got `a`"),
            ("quorum none\nquorum none\n".into(), 2, "a quorum already"),
            ("Quorum none\n".into(), 1, "got `Quorum`"),
            ("log\n".into(), 1, "expected `log <vkey> [<url>]`"),
            (format!("log {l} u v\n"), 1, "expected `log <vkey> [<url>]`"),
            (format!("log {a}\n"), 1, "expected key type 1 (Ed25519), got 4"),
            (format!("log {l}\nlog {l}\n"), 2, "has this key already"),
            (
                format!("log {}\n", l.replacen("a.example", "b.example", 1)),
                1,
                "changed or mistyped",
            ),
            (format!("witness a {l}\n"), 1, "expected key type 4 (Ed25519 cosignatures), got 1"),
            (format!("witness {a}\n"), 1, "expected `witness <name> <vkey> [<url>]`"),
            (format!("witness none {a}\n"), 1, "`none` is not free"),
            (format!("witness a {a}\nwitness a {b}\n"), 2, "`a` is given already"),
            (format!("witness a {a}\nwitness b {same_key}\n"), 2, "`a` has this key already"),
            (format!("witness {} {a}\n", "x".repeat(257)), 1, "at most 256 bytes"),
            (format!("{two}group g all\n"), 3, "expected `group"),
            (format!("{two}group g 0 a b\n"), 3, "a number from 1 to 2, got `0`"),
            (format!("{two}group g 3 a b\n"), 3, "a number from 1 to 2, got `3`"),
            (format!("{two}group g 01 a b\n"), 3, "got `01`"),
            (format!("{two}group g +1 a b\n"), 3, "got `+1`"),
            (format!("{two}group g 18446744073709551617 a b\n"), 3, "got `18446744073709551617`"),
            (format!("{two}group g All a b\n"), 3, "got `All`"),
            (format!("{two}group g any a a\n"), 3, "`a` is a member already"),
            (format!("{two}group g any a\ngroup h any a\n"), 4, "`a` is a member already"),
            (format!("{two}group g any a g\n"), 3, "got `g`"),
            (format!("{two}group g any a none\n"), 3, "got `none`"),
            (format!("{two}group g any h\ngroup h any a\n"), 3, "got `h`"),
            (format!("{two}group a any b\n"), 3, "`a` is given already"),
            (format!("{two}group none any b\n"), 3, "`none` is not free"),
            (format!("{two}quorum g\ngroup g any b\n"), 3, "got `g`"),
            ("include other\n".into(), 1, "got `include`"),
        ] {
            let error = parse(&text).unwrap_err();
            let error_text = error.to_string();
            assert!(error.is_malformed() && error_text.contains(said), "{text}: {error}");
            let place = format!("malformed witness policy: line {line}: ");
            assert!(error_text.starts_with(&place), "{text}: {error}");
        }
        for text in ["", "\n", "# quorum none\n", &two] {
            assert!(parse(text).unwrap_err().to_string().contains("expected a `quorum` line"));
        }
    }

    #[test]
    fn bounds() {
        let many = |what: &str, count: u8| {
            let line = |i: u8| match what {
                "log" => format!("log {}\n", log(i)),
                "witness" => format!("witness w{i} {}\n", witness(i)),
                _ => format!(
                    "group g{i} any {}\n",
                    if i == 0 { "a".into() } else { format!("g{}", i - 1) }
                ),
            };
            let lines: String = (0..count).map(line).collect();
            format!("witness a {}\n{lines}quorum none\n", witness(255))
        };
        for (what, most) in [("log", 64), ("witness", 63), ("group", 64)] {
            parse(&many(what, most)).unwrap();
            let error = parse(&many(what, most + 1)).unwrap_err().to_string();
            assert!(error.contains(&format!("line {}: expected at most 64", most + 2)), "{error}");
        }
        let long = format!("#{}\nquorum none\n", "x".repeat(MAX_BYTES - 14));
        assert_eq!(long.len(), MAX_BYTES);
        parse(&long).unwrap();
        assert!(parse(&(long + "\n")).unwrap_err().is_malformed());
    }
}
