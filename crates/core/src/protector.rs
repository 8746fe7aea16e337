//! The gaps of a record filled: sealed fields and pseudonyms, and the lists that name their keys.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sealtrail_record::json::write_string;

use crate::Error;
use crate::capture::Plan;
use crate::lease::LeasedKey;
use crate::seal::{Key, KeyStream, NONCE_BYTES, PseudonymKey, RecordKeys, Scope, Source};
use crate::stamp::Stamp;
use crate::template::{Gap, Need, Role};

/// Fills the gaps of a record.
pub(crate) struct Protector<'p, 's> {
    plan: &'s Plan,
    entropy: &'p [[u8; NONCE_BYTES]],
    entries: &'p mut [Entry<'s>],
    token: &'p mut Vec<u8>,
}

/// What a record leaves for the next; its keys are wiped.
#[derive(Default)]
pub(crate) struct Room {
    entries: Vec<Entry<'static>>,
    #[allow(clippy::vec_box, reason = "a key that is moved leaves a copy behind")]
    sealings: Vec<Box<Sealing>>,
    pub(crate) token: Vec<u8>,
}

/// What protects the values of one need.
pub(crate) struct Entry<'s> {
    keys: Keys,
    group: &'s str,
    kids: [&'s str; 2],
}

enum Keys {
    Sealing { index: usize, sealing: Box<Sealing> },
    Naming(PseudonymKey),
}

struct Sealing {
    keys: RecordKeys,
    stream: KeyStream,
}

impl<'s> Entry<'s> {
    pub(crate) fn new(
        need: &'s Need,
        kids: [&'s str; 2],
        stamp: &Stamp<'_>,
        subject: &Key,
        source: &Source,
        room: &mut Room,
    ) -> Result<Self, Error> {
        check_kids(kids)?;
        let scope = Scope { origin: stamp.origin, record_id: stamp.id, group: &need.group, kids };
        let keys = match need.role {
            Role::Sealed => {
                let sealing = match room.sealings.pop() {
                    Some(mut sealing) => {
                        sealing.keys.rekey(source, &scope, &mut room.token);
                        sealing
                    }
                    None => {
                        let keys = source.record_keys(&scope, &mut room.token);
                        Box::new(Sealing { keys, stream: KeyStream::default() })
                    }
                };
                Keys::Sealing { index: 0, sealing }
            }
            Role::Pseudonym => {
                Keys::Naming(PseudonymKey::derive(subject, stamp.origin, &need.group))
            }
        };
        Ok(Self { keys, group: &need.group, kids })
    }

    /// From keys that are of this record only.
    pub(crate) fn leased(need: &'s Need, leased: &'s LeasedKey<'_>) -> Result<Self, Error> {
        check_kids(leased.kids)?;
        let keys = match need.role {
            Role::Sealed => {
                let keys = RecordKeys::leased(&leased.key, leased.commit);
                let sealing = Box::new(Sealing { keys, stream: KeyStream::default() });
                Keys::Sealing { index: 0, sealing }
            }
            Role::Pseudonym => Keys::Naming(PseudonymKey::leased(&leased.key)),
        };
        Ok(Self { keys, group: &need.group, kids: leased.kids })
    }
}

fn check_kids(kids: [&str; 2]) -> Result<(), Error> {
    for kid in kids {
        let plain = |b: u8| b.is_ascii_graphic() && b != b'"' && b != b'\\';
        if kid.is_empty() || kid.len() > 128 || !kid.bytes().all(plain) {
            let wanted = "1 to 128 visible ASCII characters";
            return Err(Error::field("/kid", wanted, "another text"));
        }
    }
    Ok(())
}

impl Room {
    /// An empty list of entries.
    pub(crate) fn entries<'s>(&mut self) -> Vec<Entry<'s>> {
        emptied(std::mem::take(&mut self.entries))
    }

    /// Takes back a list of entries, and wipes their keys.
    pub(crate) fn take_back(&mut self, mut entries: Vec<Entry<'_>>) {
        for entry in entries.drain(..) {
            if let Keys::Sealing { mut sealing, .. } = entry.keys {
                sealing.keys.wipe();
                sealing.stream.clear();
                self.sealings.push(sealing);
            }
        }
        self.entries = emptied(entries);
    }
}

/// The room of a list for entries of another record: the standard library lets it stay where it is.
fn emptied<'a>(entries: Vec<Entry<'_>>) -> Vec<Entry<'a>> {
    entries.into_iter().map_while(|_| None).collect()
}

impl<'p, 's> Protector<'p, 's> {
    pub(crate) fn new(
        plan: &'s Plan,
        entropy: &'p [u8],
        entries: &'p mut [Entry<'s>],
        token: &'p mut Vec<u8>,
    ) -> Result<Self, Error> {
        let (entropy, _) = entropy.as_chunks::<NONCE_BYTES>();
        if entropy.len() < plan.nonces() {
            let message = "there is less entropy than fields to seal";
            return Err(Error::new("missing_field", message));
        }
        let mut seals = 0;
        for (need, entry) in entries.iter_mut().enumerate() {
            if let Keys::Sealing { index, sealing } = &mut entry.keys {
                // Nonces are used in the order of the record.
                let sealed = plan.gaps().filter(|gap| plan.is_sealed(gap)).zip(entropy);
                let own = sealed.filter(|(gap, _)| gap.need == need);
                let lengths = own.map(|(gap, nonce)| (nonce, plan.template.plaintext(gap).len()));
                sealing.keys.key_stream(lengths, &mut sealing.stream)?;
                *index = seals;
                seals += 1;
            }
        }
        Ok(Self { plan, entropy, entries, token })
    }

    pub(crate) fn fill(&mut self, gap: &Gap, out: &mut Vec<u8>) {
        let template = &self.plan.template;
        let plaintext = template.plaintext(gap);
        out.push(b'"');
        match &mut self.entries[gap.need].keys {
            Keys::Naming(key) => out.extend_from_slice(key.pseudonym(plaintext).as_bytes()),
            Keys::Sealing { index, sealing } => {
                let Some((nonce, rest)) = self.entropy.split_first() else { return };
                self.entropy = rest;
                let location = template.location(gap);
                let Sealing { keys, stream } = &mut **sealing;
                keys.write_token(*index, location, plaintext, nonce, stream, self.token, out);
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
            let Keys::Sealing { sealing, .. } = &entry.keys else { continue };
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
            let written = URL_SAFE_NO_PAD.encode_slice(sealing.keys.commit(), &mut out[start..]);
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
