//! Record ids: UUID version 7 (RFC 9562 §5.7), made from a time and entropy that are given.

/// The text of a UUIDv7 for a Unix time in milliseconds and 10 random bytes.
///
/// ```
/// let id = sealtrail_record::id::uuid_v7(1_795_290_300_047, &[0xFF; 10]);
/// assert_eq!(id, "01a1ffa3-fe8f-7fff-bfff-ffffffffffff");
/// ```
pub fn uuid_v7(unix_ms: u64, random: &[u8; 10]) -> String {
    let mut bytes = [0; 16];
    bytes[..6].copy_from_slice(&unix_ms.to_be_bytes()[2..]);
    bytes[6..].copy_from_slice(random);
    bytes[6] = 0x70 | (bytes[6] & 0x0F);
    bytes[8] = 0x80 | (bytes[8] & 0x3F);
    let mut text = String::with_capacity(36);
    for (i, byte) in bytes.iter().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        for nibble in [byte >> 4, byte & 15] {
            text.extend(char::from_digit(u32::from(nibble), 16));
        }
    }
    text
}

/// Whether a text is a UUID in lower-case hyphenated form (RFC 9562 §4).
pub fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => b == b'-',
            _ => matches!(b, b'0'..=b'9' | b'a'..=b'f'),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shape() {
        let id = uuid_v7(0x019A_A6C5_8F00, &[0; 10]);
        assert_eq!(id, "019aa6c5-8f00-7000-8000-000000000000");
        assert!(is_uuid(&id));
        for bad in ["", "019AA6C5-8f00-7000-8000-000000000000", "019aa6c58f0070008000000000000000"]
        {
            assert!(!is_uuid(bad), "{bad}");
        }
    }
}
