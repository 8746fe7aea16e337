//! Times as text: RFC 3339, as CloudEvents 1.0 asks for. Nothing here knows what time it is.

/// Whether a text is an RFC 3339 date-time (§5.6), such as `2026-11-21T19:45:00.047Z`.
///
/// A leap second (`:60`) is allowed, as the grammar allows it.
pub fn is_rfc3339(text: &str) -> bool {
    let b = text.as_bytes();
    if b.len() < 20 || b.len() > 64 || !text.is_ascii() {
        return false;
    }
    let number = |from: usize, to: usize| {
        let digits = b.get(from..to)?;
        digits
            .iter()
            .try_fold(0u32, |n, d| d.is_ascii_digit().then(|| n * 10 + u32::from(d - b'0')))
    };
    let marks = b[4] == b'-' && b[7] == b'-' && matches!(b[10], b'T' | b't');
    if !marks || b[13] != b':' || b[16] != b':' {
        return false;
    }
    let (Some(year), Some(month), Some(day)) = (number(0, 4), number(5, 7), number(8, 10)) else {
        return false;
    };
    let (Some(hour), Some(minute), Some(second)) = (number(11, 13), number(14, 16), number(17, 19))
    else {
        return false;
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u32::from(leap),
        1..=12 => 31,
        _ => return false,
    };
    let in_range = (1..=days).contains(&day) && hour < 24 && minute < 60 && second <= 60;
    let mut rest = &text[19..];
    if let Some(fraction) = rest.strip_prefix('.') {
        let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 {
            return false;
        }
        rest = &fraction[digits..];
    }
    in_range && is_offset(rest.as_bytes())
}

fn is_offset(offset: &[u8]) -> bool {
    match offset {
        [b'Z' | b'z'] => true,
        [b'+' | b'-', h1, h2, b':', m1, m2] => {
            let all_digits = [h1, h2, m1, m2].iter().all(|d| d.is_ascii_digit());
            all_digits && [*h1, *h2] < *b"24" && *m1 < b'6'
        }
        _ => false,
    }
}

/// The month of a UTC time, `2026-11`: the name of a retention period.
pub fn month(utc: &str) -> Option<&str> {
    (is_rfc3339(utc) && utc.ends_with(['Z', 'z'])).then(|| &utc[..7])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_and_refuses() {
        for text in [
            "2026-11-21T19:45:00.047Z",
            "2020-07-29T19:45:00Z",
            "2024-02-29T00:00:00z",
            "1990-12-31T23:59:60Z",
            "2026-11-21t19:45:00+05:30",
        ] {
            assert!(is_rfc3339(text), "{text}");
        }
        for text in [
            "",
            "2026-11-21",
            "2026-11-21 19:45:00Z",
            "2026-11-21T19:45:00",
            "2026-13-21T19:45:00Z",
            "2026-02-29T19:45:00Z",
            "2026-11-21T24:45:00Z",
            "2026-11-21T19:45:00.Z",
            "2026-11-21T19:45:00+0530",
            "2026-11-21T19:45:00+24:00",
            "2026-11-21T19:45:00é",
            "２026-11-21T19:45:00Z",
        ] {
            assert!(!is_rfc3339(text), "{text}");
        }
        assert_eq!(month("2026-11-21T19:45:00Z"), Some("2026-11"));
        assert_eq!(month("2026-11-21T19:45:00+01:00"), None);
    }
}
