//! What a shredding leaves, or finds in the place of what it was asked for.

use sealtrail_keyring::KeyId;

use super::Asked;
use crate::code::Code;
use crate::config::KeyScope;
use crate::error::{Error, Result, shown};
use crate::trail::{Known, Trail};

/// The names of the keys that a shredding does not reach and that still open something of what was asked for.
pub(super) fn still_shared(trail: &Trail, asked: &Asked<'_>) -> Result<Option<String>> {
    let names = match &asked.period {
        Some(period) => shared_in_period(trail, asked.subject, period)?,
        None => shared_by_others(trail, asked.subject)?,
    };
    Ok((!names.is_empty()).then(|| names.join(", ")))
}

/// The names of the keys that the subject shares with others and that still exist: by the scope of now, or by another one
/// that its records still tell of.
fn shared_by_others(trail: &Trail, subject: &str) -> Result<Vec<String>> {
    let by_scope = trail.key_scope.name(subject);
    let (mut names, mut around) = (Vec::new(), None);
    for (name, kid) in shared_keys(trail, subject)? {
        if name != by_scope {
            let around = match &mut around {
                Some(around) => around,
                none => none.insert(trail.questions.keys_around(subject, None)?),
            };
            if !around.contains(kid.as_str()) {
                continue;
            }
        }
        names.push(name);
    }
    Ok(names)
}

/// The names of the keys that values of the subject are sealed with in a period, under another scope than that of a key for
/// each: the subject's own, or one that it shares.
fn shared_in_period(trail: &Trail, subject: &str, period: &KeyId) -> Result<Vec<String>> {
    if !trail.has_key(period)? {
        return Ok(Vec::new());
    }
    let (mut names, around) = (Vec::new(), trail.questions.keys_around(subject, Some(period))?);
    let in_periods = trail.keyring.subject_keys_in_periods(subject)?;
    for (name, kid) in trail.keys_of_subject(subject)? {
        if in_periods.iter().any(|(_, of_a_period)| *of_a_period == kid) {
            continue;
        }
        // A rule of the policy may have its own key seal in records of others.
        let is_in = around.contains(kid.as_str())
            || (name == subject && trail.questions.is_sealed_with([&kid, period])?);
        if is_in {
            names.push(name);
        }
    }
    Ok(names)
}

/// Those keys of a subject that are others' too.
fn shared_keys(trail: &Trail, subject: &str) -> Result<Vec<(String, KeyId)>> {
    let mut keys = trail.keys_of_subject(subject)?;
    keys.retain(|(name, _)| name != subject);
    Ok(keys)
}

/// Why there is no key to destroy: it was destroyed before, it is another's, or nobody was ever called so.
///
/// Neither keyring nor log keeps the name of whoever was erased; but the records of the entity or actor of that name
/// still have the ids of their keys. As long as one of these is shared and alive, nobody is told that all is erased.
pub(super) fn nothing_to_erase(trail: &Trail, subject: &str) -> Result<Error> {
    let (mut destroyed, mut alive) = (Vec::new(), Vec::new());
    for kid in trail.questions.keys_around(subject, None)? {
        let kid = KeyId::parse(&kid)?;
        match trail.key(&kid)? {
            Known::Gone(gone) => destroyed.push((kid, gone)),
            Known::Key(_) => alive.push(kid),
            Known::Unknown => {}
        }
    }
    let shared = shared_keys(trail, subject)?;
    let are_others = alive.iter().any(|kid| shared.iter().all(|(_, shared)| shared != kid));
    let left: Vec<_> = shared.into_iter().filter(|(_, kid)| alive.contains(kid)).collect();
    // The last one, of a subject that came again.
    let last = destroyed.into_iter().max_by(|(_, a), (_, b)| a.when.cmp(&b.when));
    let shown = shown(subject);
    if let (Some((kid, gone)), true) = (&last, left.is_empty()) {
        let rest = if are_others {
            "what else is in its records belongs to other data subjects, and is still there"
        } else {
            "nothing is left under this name"
        };
        let message = format!(
            "`{shown}`: erased already: the key {kid} of its values was destroyed at {} by `{}`: {}; {rest}, and `sealtrail \
             query --acts-about {kid}` shows the record",
            gone.when, gone.who, gone.reason
        );
        return Ok(Error::new(Code::Shredded, message));
    }
    let names = left.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>().join("`, `");
    let by_scope = trail.key_scope.name(subject);
    let mut message = match last {
        Some((kid, gone)) => format!(
            "`{shown}` has no key of its own any more (the key {kid} was destroyed at {} by `{}`: {}), and what is sealed in \
             its records with the key that it shares as `{names}` by `keys.scope` can still be read; to shred that key \
             is to forget all who share it",
            gone.when, gone.who, gone.reason
        ),
        None if !left.is_empty() || by_scope != subject => {
            let names = if left.is_empty() { &*by_scope } else { &names };
            format!("`{shown}` has no key of its own, it shares that of `{names}` by `keys.scope`")
        }
        None if are_others => format!(
            "`{shown}`: this subject has no key: what is sealed in its records belongs to other data subjects, which \
             the rules of the policy name as `subject`"
        ),
        None if trail.questions.knows(subject)? => format!(
            "`{shown}`: this subject has no key: the records of the entity or actor of that name have nothing that was \
             sealed under it, and a shredding does not reach what is in clear"
        ),
        None => format!(
            "`{shown}`: this subject has no key, and no record has values of an entity or actor of that name, erased or \
             not: is it a typing error?"
        ),
    };
    if !subject.contains('/') {
        message += "; a data subject is called `<type>/<id>`, like `customer/3`, unless the policy says otherwise";
    }
    Ok(Error::new(Code::NotFound, message))
}

/// Why a subject has no key for a period: it was destroyed before, its values are sealed with one for all months, or nothing
/// of theirs is of that period. What is not known any more is looked for as in [`nothing_to_erase`].
pub(super) fn nothing_in_period(trail: &Trail, subject: &str, period: &KeyId) -> Result<Error> {
    let (shown, month) = (shown(subject), period.as_str().strip_prefix("t_").unwrap_or_default());
    let shared = shared_in_period(trail, subject, period)?.join("`, `");
    let mut destroyed = Vec::new();
    for kid in trail.questions.keys_around(subject, Some(period))? {
        let kid = KeyId::parse(&kid)?;
        if let Known::Gone(gone) = trail.key(&kid)? {
            destroyed.push((kid, gone));
        }
    }
    let last = destroyed.into_iter().max_by(|(_, a), (_, b)| a.when.cmp(&b.when));
    if let (Some((kid, gone)), true) = (last, shared.is_empty()) {
        let message = format!(
            "`{shown}`: erased already in `{month}`: the key {kid} of values in it was destroyed at {} by `{}`: {}; `sealtrail \
             query --acts-about {kid}` shows the record",
            gone.when, gone.who, gone.reason
        );
        return Ok(Error::new(Code::Shredded, message));
    }
    if trail.key_scope != KeyScope::Period {
        let scope = trail.key_scope.as_str();
        let message = format!(
            "`{shown}` has no key for `{month}` alone: `keys.scope` is `{scope}`, so a value dies with a key of all months or \
             with that of the month, and either is of more than was asked for; with `scope = \"period\"` what is recorded from \
             then on has one"
        );
        return Ok(Error::new(Code::NotConfigured, message));
    }
    let why = if !shared.is_empty() {
        format!(
            "what is theirs in it was sealed before `keys.scope` was `period`, with the key of `{shared}`, which is of all months"
        )
    } else if !is_known(trail, subject)? {
        "this subject has no key, and no record has values of an entity or actor of that name: is it a typing error?".into()
    } else if matches!(trail.key(period)?, Known::Unknown) {
        format!(
            "there is no key `{period}`, so nothing at all was sealed in it: is it a typing error?"
        )
    } else {
        "nothing of theirs that can still be read was sealed in it".into()
    };
    Ok(Error::new(Code::NotFound, format!("`{shown}` has no key for `{month}`: {why}")))
}

fn is_known(trail: &Trail, subject: &str) -> Result<bool> {
    Ok(!trail.keys_of_subject(subject)?.is_empty() || trail.questions.knows(subject)?)
}
