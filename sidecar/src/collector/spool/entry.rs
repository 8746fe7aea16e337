//! One line of the spool: its sequence, its digest, and a sealed record.

use sealtrail_log::proof;

/// Sequence, digest, and a space behind each.
pub const HEAD: usize = 20 + 1 + 64 + 1;

pub fn push(sequence: u64, line: &[u8], out: &mut Vec<u8>) {
    let sequence = format!("{sequence:020}");
    out.extend_from_slice(sequence.as_bytes());
    out.push(b' ');
    out.extend_from_slice(digest(sequence.as_bytes(), line).as_bytes());
    out.push(b' ');
    out.extend_from_slice(line);
    out.push(b'\n');
}

/// Sequence and line of an entry without its LF; none if it is not as it was written.
pub fn read(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (head, line) = bytes.split_at_checked(HEAD)?;
    let (sequence, digest_of) = (&head[..20], &head[21..HEAD - 1]);
    let is_whole = digest(sequence, line).as_bytes() == digest_of;
    let number = std::str::from_utf8(sequence).ok()?.parse().ok()?;
    is_whole.then_some((number, line))
}

fn digest(sequence: &[u8], line: &[u8]) -> String {
    let hash = proof::entry_hash(&[sequence, b" ", line].concat());
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}
