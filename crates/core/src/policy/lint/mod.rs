//! What a policy says in vain, and what it keeps that looks personal.
//!
//! | code | severity | what is wrong |
//! |---|---|---|
//! | `duplicate` | warning | the same selector stands earlier in the list, so this entry never decides |
//! | `shadowed` | warning | earlier selectors cover this one, whatever the payload |
//! | `unfolded_name` | warning | the selector has a name that no folded key can have |
//! | `never_matches` | warning | the selector names nothing in the samples |
//! | `never_first` | warning | it names values of the samples, and earlier rules decide all of them |
//! | `never_meets_array` | warning | an entry of `arrays` that names no array in the samples |
//! | `identity_missing` | warning | an item of an array that is matched by key has no such key |
//! | `unnamed` | note, warning if the default keeps | no rule names this field, the default decides |
//! | `personal_kept` | warning, or note if only a common name says so | a kept value looks personal |
//! | `unchecked` | note | a bound was reached, and the rest was not looked at |
//!
//! The first three are an error where an entry that protects gives way to one that keeps: the policy
//! protects less than it says. What needs samples is only said where there are some.

mod cover;
mod document;
mod finding;
mod personal;
mod sample;
mod seen;

use std::sync::Arc;

use sealtrail_record::json::Limits;

use super::Policy;
use crate::Error;
use document::{Document, List};
use finding::{Finding, Findings, Severity};
use sample::Sample;
use seen::Seen;

/// Steps of both parts together; past it a policy is too large to be looked at whole.
const BUDGET: usize = 10_000_000;

/// The findings as a JSON array of `{"code","at","path"?,"message","severity"}`: `at` is a pointer into
/// the policy, `path` one into an image (or `/context/…`). No finding quotes a value of a sample.
///
/// A sample is a change in either shape, or an object that is no change: one image.
///
/// # Errors
///
/// Those of [`Policy::parse`], and those of a change for a sample that is a wrong one.
pub fn lint(document: &[u8], samples: &[&[u8]], limits: &Limits) -> Result<Vec<u8>, Error> {
    let policy = Arc::new(Policy::parse(document)?);
    let document = Document::read(document)?;
    let mut findings = Findings::default();
    let mut budget = BUDGET;
    let lists = [&document.rules, &document.context, &document.ignore, &document.arrays];
    let mut vain: Vec<Vec<bool>> = Vec::new();
    for list in lists {
        vain.push(in_vain_by_itself(list, document.fold_keys, &mut findings, &mut budget));
    }
    let mut seen = Seen::new(&document, budget);
    for (i, text) in samples.iter().enumerate() {
        // One at a time: all of them together may be large.
        let sample = Sample::read(&policy, text, limits)
            .map_err(|error| Error::new(error.code(), format!("sample {}: {error}", i + 1)))?;
        seen.sample(&sample, &mut findings);
    }
    if !samples.is_empty() {
        seen.tell_unused(lists, &vain, &mut findings);
    }
    if seen.is_exhausted() {
        findings.add(Finding {
            code: "unchecked",
            at: String::new(),
            path: None,
            message: "not everything was looked at: the policy or the samples are too large".into(),
            severity: Severity::Note,
        });
    }
    Ok(findings.into_json())
}

/// What is provable without samples; says for each entry whether it was found to be in vain.
fn in_vain_by_itself(
    list: &List<'_>,
    fold_keys: bool,
    findings: &mut Findings,
    budget: &mut usize,
) -> Vec<bool> {
    let mut vain = vec![false; list.entries.len()];
    for (number, entry) in list.own().iter().enumerate() {
        let earlier = &list.entries[..number];
        let keeps = |by: &[usize]| by.iter().any(|&n| list.entries[n].keeps == Some(true));
        let mut tell = |code: &'static str, is_kept: bool, message: String| {
            let gives_way = entry.protects() && is_kept;
            let severity = if gives_way { Severity::Error } else { Severity::Warning };
            vain[number] = true;
            findings.add(Finding { code, at: entry.at.clone(), path: None, message, severity });
        };
        if fold_keys && let Some(name) = entry.unfolded_name() {
            let message =
                format!("`{}`: keys are folded, and none folds to `{name}`", entry.select);
            tell("unfolded_name", list.default.keeps, message);
            continue;
        }
        if let Some(same) = earlier.iter().position(|e| e.segments == entry.segments) {
            let message =
                format!("`{}` stands at `{}` already", entry.select, list.entries[same].at);
            tell("duplicate", keeps(&[same]), message);
            continue;
        }
        let paths: Vec<_> = earlier.iter().map(|e| e.segments.as_slice()).collect();
        if let Some(by) = cover::covering(&paths, &entry.segments, list.exact, budget) {
            let names: Vec<_> = by.iter().map(|&n| list.entries[n].name()).collect();
            let message =
                format!("`{}` never decides: covered by {}", entry.select, names.join(", "));
            tell("shadowed", keeps(&by), message);
        }
    }
    vain
}

#[cfg(test)]
mod tests;
