//! A policy that the core has accepted.

use std::sync::Arc;

use sealtrail_record::frame::Frame;

use super::calls::{Guest, PolicySummary};
use super::image::Image;
use super::lent::{Home, Lent};
use super::sample::warm_up;
use super::sandbox::Sandbox;
use crate::error::Result;

/// A policy, and guests that hold it.
///
/// To read a policy takes several times as long as to seal a record with it, and every record has a fresh guest.
/// So it is read once, and the memory of the guest that read it is kept as an [`Image`]: nothing of a record was
/// ever in it. It is written into fresh instances; and an instance that is done with its record gets all of it
/// back, every byte, and waits for another record.
pub struct Policy {
    summary: PolicySummary,
    text: Box<[u8]>,
    home: Arc<Home>,
}

impl Policy {
    /// Refuses a policy that the core refuses.
    pub fn new(sandbox: &Sandbox, text: &[u8]) -> Result<Self> {
        let summary = sandbox.guest()?.policy(text)?;
        let mut instance = sandbox.instance()?;
        instance.call("policy", &Frame::new().part(text).into_bytes())?;
        warm_up(&mut instance);
        let image = Image::between(&sandbox.instance()?, &instance);
        Ok(Self { summary, text: text.into(), home: Arc::new(Home::new(sandbox.clone(), image)) })
    }

    pub fn summary(&self) -> &PolicySummary {
        &self.summary
    }

    /// What its guests run in.
    pub fn sandbox(&self) -> &Sandbox {
        &self.home.sandbox
    }

    /// The document, byte for byte.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// A guest for one record: it holds this policy, and nothing of another record.
    pub fn guest(&self) -> Result<Guest> {
        let work = self.home.sandbox.work();
        let instance = self.home.take()?;
        Ok(Guest::new(Lent::from(self.home.clone(), instance, work)))
    }
}

#[cfg(test)]
mod tests {
    use sealtrail_keyring::{Key, KeyId};

    use super::*;
    use crate::config::Limits;
    use crate::engine::Kids;

    const CHANGE: &[u8] =
        br#"{"entity":{"type":"t","id":"1"},"action":"create","after":{"a":"x","b":"y"}}"#;

    const CONTEXT: &[u8] = br#"{"correlation_id":"c"}"#;

    fn policy(sandbox: &Sandbox, id: &str) -> Result<Policy> {
        let text = format!(r#"{{"id":"{id}","version":"1","default":"keep"}}"#);
        Policy::new(sandbox, text.as_bytes())
    }

    #[test]
    fn a_guest_from_the_image_does_what_one_that_read_the_policy_does() {
        let sandbox = Sandbox::new(&Limits::default()).unwrap();
        // Large enough that the memory of the guest had to grow.
        let rules: Vec<String> = (0..3000)
            .map(|i| format!(r#"{{"select":"$.some.longer.name.n{i}[*].x{i}","action":"drop"}}"#))
            .collect();
        let text = format!(
            r#"{{"id":"p","version":"1","default":"keep","rules":[{{"select":"$.b","action":"drop"}},{}]}}"#,
            rules.join(",")
        );
        let policy = Policy::new(&sandbox, text.as_bytes()).unwrap();
        let mut read = sandbox.guest().unwrap();
        assert_eq!(read.policy(text.as_bytes()).unwrap().sha256, policy.summary().sha256);
        for _ in 0..3 {
            let mut written = policy.guest().unwrap();
            assert_eq!(written.read(CHANGE).unwrap(), read.read(CHANGE).unwrap());
            let (one, other) = (written.plan(CONTEXT).unwrap(), read.plan(CONTEXT).unwrap());
            assert_eq!(format!("{one:?}"), format!("{other:?}"));
            let stamp = crate::engine::Stamp {
                origin: "o",
                id: "019aa6c5-8f00-7000-8000-0000000000ab",
                recorded_time: "2026-11-21T19:45:00.047Z",
                engine: sandbox.name(),
            };
            let line = written.seal(&stamp, 0, &[]).unwrap();
            assert_eq!(line, read.seal(&stamp, 0, &[]).unwrap());
            assert!(!String::from_utf8(line).unwrap().contains("\"/b\""));
        }
    }

    #[test]
    fn every_guest_has_its_own_policy_and_no_record_of_another() {
        let sandbox = Sandbox::new(&Limits::default()).unwrap();
        let (one, other) = (policy(&sandbox, "one").unwrap(), policy(&sandbox, "other").unwrap());
        for _ in 0..3 {
            let mut first = one.guest().unwrap();
            first.read(CHANGE).unwrap();
            let mut second = other.guest().unwrap();
            // What was read by a neighbour cannot be planned.
            assert!(second.plan(CONTEXT).unwrap_err().message().contains("`plan` follows"));
            drop(first);
            assert!(one.guest().unwrap().plan(CONTEXT).is_err());
            second.read(CHANGE).unwrap();
            assert!(second.plan(CONTEXT).is_ok());
        }
    }

    #[test]
    fn a_secret_and_a_key_of_one_record_are_in_no_byte_of_the_next_guest() {
        let sandbox = Sandbox::new(&Limits::default()).unwrap();
        let text = br#"{"id":"p","version":"1","default":"seal"}"#;
        let policy = Policy::new(&sandbox, text).unwrap();
        let secret = b"a-secret-of-somebody-else".as_slice();
        let change = String::from_utf8(CHANGE.to_vec()).unwrap();
        let change = change.replace('x', std::str::from_utf8(secret).unwrap());
        let kid = |text| KeyId::parse(text).unwrap();
        let keys: Kids = [
            (kid("k_AAAAAAAAAAAAAAAAAAAAAA"), Key::random().unwrap()),
            (kid("t_standard.1970-01"), Key::random().unwrap()),
        ];
        let holds = |guest: &Guest, bytes: &[u8]| {
            guest.memory().windows(bytes.len()).any(|window| window == bytes)
        };
        for _ in 0..8 {
            let mut guest = policy.guest().unwrap();
            for bytes in [secret, keys[0].1.expose(), keys[1].1.expose()] {
                assert!(!holds(&guest, bytes));
            }
            guest.read(change.as_bytes()).unwrap();
            assert!(holds(&guest, secret), "the test looks at the right memory");
            let plan = guest.plan(CONTEXT).unwrap();
            let stamp = crate::engine::Stamp {
                origin: "o",
                id: "019aa6c5-8f00-7000-8000-0000000000ab",
                recorded_time: "2026-11-21T19:45:00.047Z",
                engine: sandbox.name(),
            };
            guest.seal(&stamp, plan.nonces, std::slice::from_ref(&keys)).unwrap();
            assert!(holds(&guest, keys[0].1.expose()), "the test looks for what was there");
        }
    }

    #[test]
    fn a_guest_that_has_grown_is_not_used_again() {
        let sandbox = Sandbox::new(&Limits::default()).unwrap();
        let policy = policy(&sandbox, "p").unwrap();
        let size = policy.guest().unwrap().memory().len();
        let long = String::from_utf8(CHANGE.to_vec()).unwrap().replace('x', &"x".repeat(1 << 20));
        let mut guest = policy.guest().unwrap();
        guest.read(long.as_bytes()).unwrap();
        assert!(guest.memory().len() > size);
        drop(guest);
        assert_eq!(policy.guest().unwrap().memory().len(), size);
    }

    #[test]
    fn the_sample_leaves_nothing_read() {
        let sandbox = Sandbox::new(&Limits::default()).unwrap();
        let policy = policy(&sandbox, "p").unwrap();
        let stamp = crate::engine::Stamp {
            origin: "o",
            id: "019aa6c5-8f00-7000-8000-0000000000ab",
            recorded_time: "2026-11-21T19:45:00.047Z",
            engine: sandbox.name(),
        };
        assert!(policy.guest().unwrap().plan(CONTEXT).is_err());
        assert!(policy.guest().unwrap().seal(&stamp, 0, &[]).is_err());
    }
}
