//! The trace that a request belongs to: W3C Trace Context, level 2.
//!
//! ```text
//! traceparent   version "-" trace-id "-" parent-id "-" flags     2, 32, 16, 2 lower-case hex digits
//! tracestate    key "=" value *( "," key "=" value )             at most 32 members
//! ```
//!
//! The proxy takes part in the trace ([`Tracing::Participate`]): it keeps the trace id and the flags that
//! the specification knows, puts an id of its own in the place of the parent id, and sends `tracestate` on.
//! Where there is no trace, or none that can be read, it starts one, with a random id and the flag that says
//! so, and sends no `tracestate`. It samples nothing, so it leaves the flag `sampled` as it is, and off in a
//! trace of its own. With [`Tracing::Pass`] both headers go through as they came.
//!
//! What is refused (§3.2, §3.3): `traceparent` more than once, version `ff`, ids of zeros, upper-case digits,
//! anything behind the flags in version `00`. A higher version is read by its beginning and answered with
//! `00`. A `tracestate` with one member that is none is dropped as a whole; of members with one key the first
//! is kept, which is the newest.

use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

const SAMPLED: u8 = 1;
const RANDOM: u8 = 2;

const MAX_MEMBERS: usize = 32;
/// Of a key, and of a value.
const MAX_PART: usize = 256;
/// What a record keeps of `tracestate`, in bytes; the specification asks for no more to be sent on.
const KEPT: usize = 512;
/// Longer members are the first to go (§3.3.1.5).
const LONG_MEMBER: usize = 128;

/// What the proxy does about traces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tracing {
    #[default]
    Participate,
    Pass,
}

/// A request's place in a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext {
    pub parent: Traceparent,
    state: Option<Tracestate>,
}

/// The value of `traceparent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traceparent {
    trace_id: u128,
    parent_id: u64,
    flags: u8,
}

/// The value of `tracestate`: members without empty ones, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Tracestate(String);

/// So many random bytes make the ids of a new trace.
pub type Randomness = [u8; 24];

impl TraceContext {
    /// The trace that a request names, if it names one that can be read.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let mut parents = headers.get_all(TRACEPARENT).iter();
        let (first, more) = (parents.next()?, parents.next());
        let parent = Traceparent::parse(first.as_bytes()).filter(|_| more.is_none())?;
        Some(Self { parent, state: Tracestate::of(headers) })
    }

    /// The context of the request to the service: the same trace, or a new one where there is none.
    pub fn participate(incoming: Option<Self>, random: Randomness) -> Self {
        let (trace, own) = random.split_at(16);
        // Zeros are no id; once in 2^64 requests this is a little less random.
        let own = u64::from_be_bytes(own.try_into().unwrap_or_default()).max(1);
        match incoming {
            Some(Self { parent, state }) => {
                Self { parent: Traceparent { parent_id: own, ..parent }, state }
            }
            None => {
                let trace_id = u128::from_be_bytes(trace.try_into().unwrap_or_default()).max(1);
                let parent = Traceparent { trace_id, parent_id: own, flags: RANDOM };
                Self { parent, state: None }
            }
        }
    }

    /// Takes the place of whatever the client sent.
    pub fn set_on_request(&self, headers: &mut HeaderMap) {
        if let Ok(value) = HeaderValue::from_bytes(&self.parent.written()) {
            headers.insert(TRACEPARENT, value);
        }
        let state = self.state.as_ref().and_then(|state| HeaderValue::try_from(&state.0).ok());
        match state {
            Some(value) => drop(headers.insert(TRACESTATE, value)),
            None => drop(headers.remove(TRACESTATE)),
        }
    }

    /// `tracestate` as a record keeps it: whole members of at most 512 bytes together.
    pub fn kept_state(&self) -> Option<String> {
        self.state.as_ref().and_then(Tracestate::cut)
    }
}

impl Traceparent {
    fn parse(value: &[u8]) -> Option<Self> {
        let value = value.trim_ascii();
        let (known, rest) = value.split_at_checked(55)?;
        let version = hex(&known[..2])?;
        let is_whole = match version {
            0 => rest.is_empty(),
            0xff => false,
            _ => rest.is_empty() || rest[0] == b'-',
        };
        let dashes = [2, 35, 52].iter().all(|at| known[*at] == b'-');
        let (trace_id, parent_id) = (hex(&known[3..35])?, hex(&known[36..52])?);
        let flags = hex(&known[53..])? as u8 & (SAMPLED | RANDOM);
        (is_whole && dashes && trace_id != 0 && parent_id != 0).then_some(Self {
            trace_id,
            parent_id: parent_id as u64,
            flags,
        })
    }

    /// The id of the trace, 32 hexadecimal digits.
    pub fn trace_id(&self) -> String {
        format!("{:032x}", self.trace_id)
    }

    fn written(&self) -> [u8; 55] {
        let mut text = *b"00-00000000000000000000000000000000-0000000000000000-00";
        write_hex(&mut text[3..35], &self.trace_id.to_be_bytes());
        write_hex(&mut text[36..52], &self.parent_id.to_be_bytes());
        write_hex(&mut text[53..], &[self.flags]);
        text
    }
}

impl fmt::Display for Traceparent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.written()))
    }
}

impl Tracestate {
    /// All `tracestate` headers as one list; none if a member cannot be read, or there are too many.
    fn of(headers: &HeaderMap) -> Option<Self> {
        let mut members: Vec<(&str, &str)> = Vec::new();
        let mut count = 0;
        for value in headers.get_all(TRACESTATE) {
            let value = std::str::from_utf8(value.as_bytes()).ok()?;
            for member in value.split(',').map(|member| member.trim_matches([' ', '\t'])) {
                if member.is_empty() {
                    continue;
                }
                let (key, value) = member.split_once('=').filter(|(k, v)| is_member(k, v))?;
                count += 1;
                if count > MAX_MEMBERS {
                    return None;
                }
                if members.iter().all(|(other, _)| *other != key) {
                    members.push((key, value));
                }
            }
        }
        let texts: Vec<String> = members.iter().map(|(k, v)| format!("{k}={v}")).collect();
        (!texts.is_empty()).then(|| Self(texts.join(",")))
    }

    fn cut(&self) -> Option<String> {
        let mut members: Vec<&str> = self.0.split(',').collect();
        let mut length = self.0.len() + 1;
        for is_first_to_go in [|member: &str| member.len() > LONG_MEMBER, |_: &str| true] {
            let mut at = members.len();
            while length > KEPT + 1 && at > 0 {
                at -= 1;
                if is_first_to_go(members[at]) {
                    length -= members.remove(at).len() + 1;
                }
            }
        }
        (!members.is_empty()).then(|| members.join(","))
    }
}

fn is_member(key: &str, value: &str) -> bool {
    let begins = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let is_key = key.len() <= MAX_PART
        && key.bytes().next().is_some_and(begins)
        && key.bytes().all(|b| begins(b) || b"_-*/@".contains(&b));
    // The comma is gone with the split, and the spaces at the end with the trimming.
    let is_value = (1..=MAX_PART).contains(&value.len())
        && value.bytes().all(|b| matches!(b, b' '..=b'~') && b != b'=');
    is_key && is_value
}

fn write_hex(text: &mut [u8], bytes: &[u8]) {
    let digit = |nibble: u8| b"0123456789abcdef"[usize::from(nibble)];
    for (pair, byte) in text.chunks_exact_mut(2).zip(bytes) {
        pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
    }
}

/// Lower-case hexadecimal digits, at most 32 of them.
fn hex(digits: &[u8]) -> Option<u128> {
    digits.iter().try_fold(0, |number, digit| {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u128::from(digit))
    })
}

#[cfg(test)]
mod tests;
