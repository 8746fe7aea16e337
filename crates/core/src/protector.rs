//! The gaps of a record filled: sealed fields and pseudonyms, and the lists that name their keys.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sealtrail_record::json::write_string;

use crate::Error;
use crate::capture::Plan;
use crate::seal::{Key, KeyStream, NONCE_BYTES, PseudonymKey, RecordKeys, Scope};
use crate::stamp::Stamp;
use crate::template::{Gap, Need, Role};

/// Fills the gaps of a record.
pub(crate) struct Protector<'s> {
    plan: &'s Plan,
    entropy: &'s [[u8; NONCE_BYTES]],
    entries: Vec<Entry<'s>>,
    room: Vec<u8>,
}

/// What protects the values of one need.
pub(crate) struct Entry<'s> {
    keys: Keys,
    group: &'s str,
    kids: [&'s str; 2],
}

enum Keys {
    Sealing { index: usize, keys: RecordKeys, stream: KeyStream },
    Naming(PseudonymKey),
}

impl<'s> Entry<'s> {
    pub(crate) fn new(
        need: &'s Need,
        kids: [&'s str; 2],
        stamp: &Stamp<'_>,
        subject: &Key,
        record_keys: impl FnOnce(&Scope<'_>) -> RecordKeys,
    ) -> Result<Self, Error> {
        for kid in kids {
            let plain = |b: u8| b.is_ascii_graphic() && b != b'"' && b != b'\\';
            if kid.is_empty() || kid.len() > 128 || !kid.bytes().all(plain) {
                let wanted = "1 to 128 visible ASCII characters";
                return Err(Error::field("/kid", wanted, "another text"));
            }
        }
        let scope = Scope { origin: stamp.origin, record_id: stamp.id, group: &need.group, kids };
        let keys = match need.role {
            Role::Sealed => {
                let keys = record_keys(&scope);
                Keys::Sealing { index: 0, keys, stream: KeyStream::default() }
            }
            Role::Pseudonym => {
                Keys::Naming(PseudonymKey::derive(subject, stamp.origin, &need.group))
            }
        };
        Ok(Self { keys, group: &need.group, kids })
    }
}

impl<'s> Protector<'s> {
    pub(crate) fn new(
        plan: &'s Plan,
        entropy: &'s [u8],
        entries: Vec<Entry<'s>>,
    ) -> Result<Self, Error> {
        let (entropy, _) = entropy.as_chunks::<NONCE_BYTES>();
        if entropy.len() < plan.nonces() {
            let message = "there is less entropy than fields to seal";
            return Err(Error::new("missing_field", message));
        }
        let mut protector = Self { plan, entropy, entries, room: Vec::new() };
        let mut seals = 0;
        for need in 0..protector.entries.len() {
            if let Keys::Sealing { index, keys, stream } = &mut protector.entries[need].keys {
                // Nonces are used in the order of the record.
                let sealed = plan.gaps().filter(|gap| plan.is_sealed(gap)).zip(entropy);
                let own = sealed.filter(|(gap, _)| gap.need == need);
                let lengths = own.map(|(gap, nonce)| (nonce, plan.template.plaintext(gap).len()));
                *stream = keys.key_stream(lengths)?;
                *index = seals;
                seals += 1;
            }
        }
        Ok(protector)
    }

    pub(crate) fn fill(&mut self, gap: &Gap, out: &mut Vec<u8>) {
        let template = &self.plan.template;
        let plaintext = template.plaintext(gap);
        out.push(b'"');
        match &mut self.entries[gap.need].keys {
            Keys::Naming(key) => out.extend_from_slice(key.pseudonym(plaintext).as_bytes()),
            Keys::Sealing { index, keys, stream } => {
                let Some((nonce, rest)) = self.entropy.split_first() else { return };
                self.entropy = rest;
                let location = template.location(gap);
                keys.write_token(*index, location, plaintext, nonce, stream, &mut self.room, out);
            }
        }
        out.push(b'"');
    }

    /// What a gap will be filled with, if it is a pseudonym.
    pub(crate) fn pseudonym(&self, gap: &Gap) -> Option<String> {
        match &self.entries[gap.need].keys {
            Keys::Naming(key) => Some(key.pseudonym(self.plan.template.plaintext(gap))),
            Keys::Sealing { .. } => None,
        }
    }

    pub(crate) fn write_seals(&self, out: &mut Vec<u8>) {
        let mut next: &[u8] = b",\"seals\":[";
        for (need, entry) in self.entries.iter().enumerate() {
            let Keys::Sealing { keys, .. } = &entry.keys else { continue };
            out.extend_from_slice(std::mem::replace(&mut next, b","));
            out.extend_from_slice(b"{\"alg\":\"A256GCM-HS256\",\"group\":");
            write_string(entry.group, out);
            for (name, kid) in [(",\"kids\":[", entry.kids[0]), (",", entry.kids[1])] {
                out.extend_from_slice(name.as_bytes());
                write_string(kid, out);
            }
            out.extend_from_slice(b"],\"commit\":\"");
            let start = out.len();
            out.resize(start + 43, b'=');
            let written = URL_SAFE_NO_PAD.encode_slice(keys.commit(), &mut out[start..]);
            debug_assert_eq!(written, Ok(43));
            out.push(b'"');
            self.write_pointers(need, out);
        }
        if next == b"," {
            out.push(b']');
        }
        next = b",\"pseudonyms\":[";
        for (need, entry) in self.entries.iter().enumerate() {
            let Keys::Naming(_) = &entry.keys else { continue };
            out.extend_from_slice(std::mem::replace(&mut next, b","));
            out.extend_from_slice(b"{\"alg\":\"HS256-128\",\"group\":");
            write_string(entry.group, out);
            out.extend_from_slice(b",\"kid\":");
            write_string(entry.kids[0], out);
            self.write_pointers(need, out);
        }
        if next == b"," {
            out.push(b']');
        }
    }

    /// The end of an entry of `seals` or `pseudonyms`: what it protects.
    fn write_pointers(&self, need: usize, out: &mut Vec<u8>) {
        let mut next: &[u8] = b",\"at\":[";
        for gap in self.plan.gaps().filter(|gap| gap.need == need) {
            out.extend_from_slice(std::mem::replace(&mut next, b","));
            write_string(self.plan.template.at(gap), out);
        }
        out.extend_from_slice(b"]}");
    }
}
