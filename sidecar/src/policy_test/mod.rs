//! `policy test`: proof by trial that nothing of what a policy protects is stored or said.
//!
//! ```text
//! sample ─► which leaves are not kept (preview) ─► a canary in each ─► scenarios ─► guest ─► every output byte searched
//! ```
//!
//! A canary is a random value of the leaf's kind, so that no output can hold a part of it by chance.
//! What a mask may show of it (the first letter of an e-mail address) is allowed; of all else no part of
//! [`search::PART`] characters may survive, in clear or encoded. The scenarios are those in which policies
//! slip: created, deleted, one image unknown, items moved, a value in the place of an object and the
//! other way round, more in a field than the shape that its mask knows, and changes that are refused with an error.
//!
//! The guest is that of production. Searched are the record, the preview, the envelope and errors, but
//! not the ids of data subjects in a preview: they are for whoever holds the keys, and a policy may make an
//! e-mail address one. `diff` is no output of a policy: it shows a person two files that they have.
//!
//! | module | what it does |
//! |---|---|
//! | `sample` | a change, or an image alone, as JSON trees |
//! | `decision` | what the policy makes of each leaf, as the guest explains it |
//! | `canary` | values that can be recognised |
//! | `plant` | puts them into images |
//! | `scenario` | the changes that are tried |
//! | `pipeline` | runs one change, and collects what comes out |
//! | `search` | finds canaries in bytes |

mod canary;
mod decision;
mod pipeline;
mod plant;
mod sample;
mod scenario;
mod search;

use std::collections::BTreeSet;

use serde::Serialize;

use crate::code::Code;
use crate::engine::Sandbox;
use crate::error::{Error, Result};
use decision::Decisions;
use pipeline::Pipeline;
use plant::Plan;
use sample::Sample;
use scenario::Scenario;
use search::Searcher;

/// What a trial found.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    pub samples: usize,
    /// Leaves that got a canary.
    pub planted: usize,
    /// Changes that went through the guest.
    pub changes: usize,
    /// Bytes that were searched.
    pub bytes: usize,
    pub leaks: Vec<Leak>,
}

/// A protected value of which something survived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Leak {
    /// The sample, from 1.
    pub sample: usize,
    /// Pointer to the attribute; `/context/…` for the context.
    pub path: String,
    pub action: String,
    /// The rule, as a preview names it.
    pub because: String,
    /// What was done: `update`, `create`, `items moved`, …
    pub scenario: &'static str,
    /// Where it surfaced: `record`, `preview`, `envelope`, `error`.
    pub output: &'static str,
    /// Pointer into that output, where it is JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// As what it was found: `in clear`, `base64`, …
    pub form: &'static str,
}

/// Tries a policy with every sample. `expected` are selectors of attributes that must be protected, whatever
/// the policy says of them.
pub fn run(
    sandbox: &Sandbox,
    policy: &[u8],
    samples: &[&[u8]],
    expected: &[String],
) -> Result<Report> {
    sandbox.guest()?.policy(policy)?;
    let decisions = Decisions::new(sandbox, policy)?;
    expected.iter().try_for_each(|select| decisions.check(select))?;
    let mut report = Report { samples: samples.len(), ..Report::default() };
    let mut named = vec![false; expected.len()];
    for (i, text) in samples.iter().enumerate() {
        let named_here = one(sandbox, policy, text, expected, i + 1, &mut report)
            .map_err(|error| error.context(format!("sample {}", i + 1)))?;
        named.iter_mut().zip(named_here).for_each(|(named, here)| *named |= here);
    }
    // An expectation that nothing can fail is a slip.
    if let Some(missed) = named.iter().position(|named| !named) {
        let message =
            format!("--expect-protected `{}` names nothing in the samples", expected[missed]);
        return Err(Error::new(Code::WrongUse, message));
    }
    Ok(report)
}

fn one(
    sandbox: &Sandbox,
    policy: &[u8],
    text: &[u8],
    expected: &[String],
    number: usize,
    report: &mut Report,
) -> Result<Vec<bool>> {
    let sample = Sample::read(sandbox, policy, text)?;
    let decisions = Decisions::new(sandbox, policy)?;
    let (plan, named) = Plan::new(&sample, &decisions, expected)?;
    let searcher = Searcher::new(plan.leaves.iter().map(|leaf| &leaf.canary));
    let pipeline = Pipeline::new(sandbox, policy)?;
    let canaries: Vec<&str> = plan.leaves.iter().map(|leaf| leaf.canary.json.as_str()).collect();
    report.planted += plan.leaves.len();
    let mut told = BTreeSet::new();
    for scenario in Scenario::all(&sample, &plan) {
        let kept = scenario.kept(&decisions, &plan)?;
        let outputs = pipeline.run(&scenario, &sample, &canaries)?;
        report.changes += 1;
        for output in &outputs {
            report.bytes += output.bytes.len();
            let mut found = searcher.find(&output.bytes);
            found.extend(plan.shown_too_much(&scenario, output));
            for hit in found {
                let leaf = &plan.leaves[hit.canary];
                // The envelope is what the host joins its own context with; it is not stored.
                let is_due = output.name == pipeline::ENVELOPE && leaf.is_context;
                let place = (leaf.path.clone(), output.name);
                if is_due || kept.contains(&hit.canary) || !told.insert(place) {
                    continue;
                }
                report.leaks.push(Leak {
                    sample: number,
                    path: leaf.path.clone(),
                    action: leaf.decision.action.clone(),
                    because: leaf.decision.because.clone(),
                    scenario: scenario.name,
                    output: output.name,
                    at: hit.at,
                    form: hit.form,
                });
            }
        }
    }
    Ok(named)
}

#[cfg(test)]
mod tests;
