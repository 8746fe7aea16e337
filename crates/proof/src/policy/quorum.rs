//! Whether enough witnesses cosigned.

use super::{Member, Policy};
use crate::Error;

impl Policy {
    /// `cosigned` says it of each witness.
    pub(super) fn check_quorum(&self, cosigned: &[bool]) -> Result<(), Error> {
        let Some(quorum) = self.quorum else { return Ok(()) };
        // Members stand before their group, so one pass in order is enough; no recursion.
        let mut met: Vec<bool> = Vec::with_capacity(self.groups.len());
        let mut counts = Vec::with_capacity(self.groups.len());
        let is_met = |met: &[bool], member| match member {
            Member::Witness(i) => cosigned[i],
            Member::Group(i) => met[i],
        };
        for group in &self.groups {
            let count = group.members.iter().filter(|member| is_met(&met, **member)).count();
            met.push(count >= group.threshold);
            counts.push(count);
        }
        if is_met(&met, quorum) {
            return Ok(());
        }
        Err(Error::not_witnessed(format!(
            "the quorum is not met: {}; cosigned by {}",
            self.missing(quorum, &met, &counts),
            list(
                self.witnesses.iter().zip(cosigned).filter(|(_, did)| **did).map(|(w, _)| &w.name)
            ),
        )))
    }

    /// What the quorum and the groups below it lack.
    fn missing(&self, quorum: Member, met: &[bool], counts: &[usize]) -> String {
        if let Member::Witness(i) = quorum {
            return format!("expected `{}`", self.witnesses[i].name);
        }
        let mut is_asked: Vec<bool> =
            (0..self.groups.len()).map(|i| Member::Group(i) == quorum).collect();
        let mut lacking = Vec::new();
        for (i, group) in self.groups.iter().enumerate().rev() {
            if !is_asked[i] || met[i] {
                continue;
            }
            for member in &group.members {
                if let Member::Group(i) = member {
                    is_asked[*i] = true;
                }
            }
            let members = list(group.members.iter().map(|member| self.name(*member)));
            let (wanted, got, name) = (group.threshold, counts[i], &group.name);
            lacking.push(format!("expected {wanted} of {members} for `{name}`, got {got}"));
        }
        lacking.join("; ")
    }

    fn name(&self, member: Member) -> &String {
        match member {
            Member::Witness(i) => &self.witnesses[i].name,
            Member::Group(i) => &self.groups[i].name,
        }
    }
}

fn list<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let names: Vec<_> = names.map(|name| format!("`{name}`")).collect();
    if names.is_empty() { "none of the policy's witnesses".into() } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    use crate::cosignature::tests::{PUBLISHED, PUBLISHED_LOG, PUBLISHED_WITNESSES};
    use crate::{Checkpoint, CosigningKey, Error, Note, Policy, SigningKey};

    const ORIGIN: &str = "a.example";

    fn log(seed: u8) -> SigningKey {
        SigningKey::from_seed(ORIGIN, &[seed; 32]).unwrap()
    }

    fn witness(seed: u8) -> CosigningKey {
        CosigningKey::from_seed("w.example", &[100 + seed; 32]).unwrap()
    }

    /// A checkpoint cosigned by the given of six witnesses.
    fn note(by: &[u8]) -> Note {
        let note = Checkpoint::new(ORIGIN, 5, [5; 32]).sign(&log(1)).unwrap();
        let mut note = Note::parse(note.as_bytes()).unwrap();
        for seed in by {
            let line = witness(*seed).cosign(&note, &log(1).verifier_key(), 7).unwrap();
            note.add(&line).unwrap();
        }
        note
    }

    /// The specification's example: X1, X2, X3 and Y1, Y2, Y3 are the witnesses 1 to 6.
    fn policy(rest: &str) -> Policy {
        let mut text = format!("log {}\n", log(1).verifier_key());
        for (name, seed) in ["X1", "X2", "X3", "Y1", "Y2", "Y3"].iter().zip(1..) {
            text += &format!("witness {name} {}\n", witness(seed).witness_key());
        }
        Policy::parse((text + rest).as_bytes()).unwrap()
    }

    const EXAMPLE: &str = "group X-witnesses 2 X1 X2 X3\n\
        group Y-witnesses any Y1 Y2 Y3\n\
        group X-and-Y all X-witnesses Y-witnesses\n\
        quorum X-and-Y\n";

    #[test]
    fn every_subset_of_the_spec_s_example() {
        let policy = policy(EXAMPLE);
        for subset in 0..64u32 {
            let by: Vec<u8> = (1..=6).filter(|seed| subset & (1 << (seed - 1)) != 0).collect();
            let in_x = by.iter().filter(|seed| **seed <= 3).count();
            let is_enough = in_x >= 2 && by.len() > in_x;
            match policy.check(&note(&by)) {
                Ok(verified) => {
                    assert!(is_enough, "{by:?}");
                    assert_eq!(verified.witnesses().len(), by.len());
                    assert!(verified.witnesses().iter().all(|witness| witness.time() == 7));
                }
                Err(error) => assert!(!is_enough && error.is_not_witnessed(), "{by:?}: {error}"),
            }
        }
    }

    #[test]
    fn an_error_says_who_was_found_and_how_many_are_wanted() {
        let said = |rest, by: &[u8]| policy(rest).check(&note(by)).unwrap_err().to_string();
        assert_eq!(
            said(EXAMPLE, &[3, 4]),
            "the quorum is not met: expected 2 of `X-witnesses`, `Y-witnesses` for `X-and-Y`, got 1; \
             expected 2 of `X1`, `X2`, `X3` for `X-witnesses`, got 1; cosigned by `X3`, `Y1`"
        );
        assert_eq!(
            said("quorum X2\n", &[1]),
            "the quorum is not met: expected `X2`; cosigned by `X1`"
        );
        assert!(said("quorum X2\n", &[]).ends_with("cosigned by none of the policy's witnesses"));
        // A group that is not asked for is not complained about.
        let rest = "group g all X1 X2\ngroup h any X3\nquorum h\n";
        assert!(!said(rest, &[]).contains("`g`"));
    }

    #[test]
    fn no_quorum_still_wants_the_log() {
        let none = policy("quorum none\n");
        assert!(none.check(&note(&[])).unwrap().witnesses().is_empty());
        assert_eq!(none.check(&note(&[2])).unwrap().witnesses()[0].name(), "X2");
        let foreign = Checkpoint::new(ORIGIN, 5, [5; 32]).sign(&log(2)).unwrap();
        let foreign = Note::parse(foreign.as_bytes()).unwrap();
        assert!(none.check(&foreign).unwrap_err().is_unknown_key());
        let other = SigningKey::from_seed("b.example", &[1; 32]).unwrap();
        let other = Checkpoint::new("b.example", 5, [5; 32]).sign(&other).unwrap();
        let other = Note::parse(other.as_bytes()).unwrap();
        assert!(none.check(&other).unwrap_err().is_other_origin());
    }

    #[test]
    fn a_forgery_in_the_name_of_a_known_key_condemns_the_note() {
        let policy = policy("quorum X1\n");
        let good = note(&[1, 2]).to_string();
        let judge = |text: &str| policy.check(&Note::parse(text.as_bytes())?);
        judge(&good).unwrap();
        // The last signature is X2's, whom the quorum does not ask; it is changed within its last bytes.
        let forged = good.trim_end().to_owned();
        let at = forged.len() - 6;
        let other = if &forged[at..=at] == "A" { "B" } else { "A" };
        let forged = format!("{}{other}{}\n", &forged[..at], &forged[at + 1..]);
        assert!(judge(&forged).unwrap_err().is_bad_signature());
        let resized = good.replacen("\n5\n", "\n6\n", 1);
        assert!(judge(&resized).unwrap_err().is_bad_signature());
    }

    #[test]
    fn a_log_may_have_two_keys_and_may_be_known_from_elsewhere() {
        let (old, new) = (log(2).verifier_key(), log(1).verifier_key());
        let parse = |text: String| Policy::parse(text.as_bytes()).unwrap();
        let both = parse(format!("log {old}\nlog {new}\nquorum none\n"));
        both.check(&note(&[])).unwrap();
        both.check_log(&note(&[]), &new).unwrap();
        assert!(both.check_log(&note(&[]), &old).unwrap_err().is_unknown_key());
        let only_old = parse(format!("log {old}\nquorum none\n"));
        let error: Error = only_old.check_log(&note(&[]), &new).unwrap_err();
        assert!(
            error.is_unknown_key() && error.to_string().contains("the witness policy"),
            "{error}"
        );
        let no_log = parse("quorum none\n".into());
        no_log.check_log(&note(&[]), &new).unwrap();
        assert!(no_log.check(&note(&[])).unwrap_err().is_malformed());
    }

    #[test]
    fn a_checkpoint_of_a_public_log_under_a_policy_of_public_witnesses() {
        let mut text = format!("log {PUBLISHED_LOG}\n");
        for (key, name) in PUBLISHED_WITNESSES.iter().zip(["a", "b", "c"]) {
            text += &format!("witness {name} {key} https://witness.example/{name}\n");
        }
        text += &format!("witness d {}\n", witness(1).witness_key());
        let check = |threshold: u8| {
            let text = format!("{text}group g {threshold} a b c d\nquorum g\n");
            Policy::parse(text.as_bytes())
                .unwrap()
                .check(&Note::parse(PUBLISHED.as_bytes()).unwrap())
        };
        let verified = check(3).unwrap();
        assert_eq!(verified.checkpoint().size(), 1_432_088_532);
        assert_eq!(verified.witnesses().len(), 3);
        assert!(check(4).unwrap_err().is_not_witnessed());
    }
}
