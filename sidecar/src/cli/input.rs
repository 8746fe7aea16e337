//! Files that commands read; `-` is standard input.

use std::io::Read;
use std::path::{Path, PathBuf};

use sealtrail_log::proof::{Policy, VerifierKey};

use crate::code::Code;
use crate::error::{Error, Result};

/// No verifier key is longer.
const LONGEST_KEY: u64 = 4 << 10;

/// More is not read into memory.
const AT_MOST: u64 = 64 << 20;

pub fn read(path: &Path) -> Result<Vec<u8>> {
    let named = |error: std::io::Error| {
        let code = match error.kind() {
            std::io::ErrorKind::NotFound => Code::NotFound,
            _ => Code::Internal,
        };
        Error::new(code, error.to_string()).context(path.display())
    };
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        std::io::stdin().take(AT_MOST + 1).read_to_end(&mut bytes).map_err(named)?;
    } else {
        let file = std::fs::File::open(path).map_err(named)?;
        file.take(AT_MOST + 1).read_to_end(&mut bytes).map_err(named)?;
    }
    if bytes.len() as u64 > AT_MOST {
        let message = format!("{}: larger than {AT_MOST} bytes", path.display());
        return Err(Error::new(Code::TooLarge, message));
    }
    Ok(bytes)
}

/// Refuses `-` for more than one file of a command: the second reader would find nothing.
pub fn check_read_once<'p>(files: impl IntoIterator<Item = &'p PathBuf>) -> Result<()> {
    match files.into_iter().filter(|file| file.as_path() == Path::new("-")).count() {
        0 | 1 => Ok(()),
        _ => Err(Error::new(Code::WrongUse, "`-` is standard input, which is read once")),
    }
}

/// One change for each line, unless the first line is not a whole value: then the file is one change
/// that was written over several lines.
pub fn split(input: &[u8]) -> Vec<&[u8]> {
    split_numbered(input).into_iter().map(|(_, change)| change).collect()
}

/// The same, each with the number of its line, from 1; a file that is one change has no such number.
pub fn split_numbered(input: &[u8]) -> Vec<(Option<usize>, &[u8])> {
    let lines = input.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).zip(1..);
    let lines = lines.filter(|(line, _)| !line.is_empty());
    let lines: Vec<_> = lines.map(|(line, number)| (Some(number), line)).collect();
    let is_whole = |line: &[u8]| serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok();
    match lines[..] {
        [(Some(1), whole)] => vec![(None, whole)],
        [(_, first), _, ..] if !is_whole(first) => vec![(None, input)],
        _ => lines,
    }
}

/// Refuses the folder that a log is in, where the log itself is meant. What is damaged, or no log at all, is for others to
/// say.
pub fn expect_log(dir: &Path) -> Result<()> {
    let inside = dir.join("log");
    if dir.join("checkpoint").exists() || !inside.join("checkpoint").exists() {
        return Ok(());
    }
    let (dir, inside) = (dir.display(), inside.display());
    let message = format!("no log in `{dir}`, but in `{inside}`: give that one");
    Err(Error::new(Code::LogUnavailable, message))
}

/// A witness policy (C2SP tlog-policy).
pub fn read_witness_policy(path: &Path) -> Result<Policy> {
    Policy::parse(&read(path)?)
        .map_err(|error| Error::new(Code::KeyFile, error.to_string()).context(path.display()))
}

/// A witness policy that says which log is meant, unless a key does.
pub fn read_log_policy(path: &Path, key: Option<&VerifierKey>) -> Result<Policy> {
    let policy = read_witness_policy(path)?;
    if policy.logs().is_empty() && key.is_none() {
        let message = "the policy names no log: give the verifier key with --vkey";
        return Err(Error::new(Code::KeyFile, message).context(path.display()));
    }
    Ok(policy)
}

/// A key that is given as itself or as the path of a file that holds it; `-` is standard input.
pub fn read_verifier_key(text: &str) -> Result<VerifierKey> {
    let refused = |why: &dyn std::fmt::Display| {
        let message = format!("--vkey is neither a verifier key nor a file with one: {why}");
        Error::new(Code::KeyFile, message)
    };
    let read = match text {
        "-" => std::io::read_to_string(std::io::stdin().take(LONGEST_KEY)),
        path => std::fs::read_to_string(path),
    };
    let content = match read {
        Ok(content) => content,
        // A key has two of them.
        Err(error) if !text.contains('+') => return Err(refused(&error)),
        Err(_) => text.to_owned(),
    };
    content.trim().parse().map_err(|error: sealtrail_log::proof::Error| refused(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_or_many() {
        assert_eq!(split(b"{\"a\":1}\n\n{\"a\":2}\n"), [b"{\"a\":1}", b"{\"a\":2}"]);
        let pretty: &[u8] = b"{\n  \"a\": 1\n}\n";
        assert_eq!(split(pretty), [pretty]);
        assert_eq!(split(b"{not json"), [b"{not json"]);
        let numbered: [(_, &[u8]); 2] = [(Some(2), b"1"), (Some(4), b"2")];
        assert_eq!(split_numbered(b"\n1\n\n2"), numbered);
        assert_eq!(split_numbered(b"1\n"), [(None, &b"1"[..])]);
        assert!(split(b"\n \n").is_empty());
    }
}
