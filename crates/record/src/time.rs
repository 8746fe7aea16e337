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

/// Date and time of day in UTC, to the second: `2026-11-21T20:45:00.047+01:00` is `2026-11-21` and
/// `19:45:00`. `None` where the text is no RFC 3339 date-time or its year in UTC has no four digits.
///
/// ```
/// let told = sealtrail_record::time::utc_date_and_time("2027-01-01T00:30:00+01:00").unwrap();
/// assert_eq!(told, ("2026-12-31".to_owned(), "23:30:00".to_owned()));
/// ```
pub fn utc_date_and_time(text: &str) -> Option<(String, String)> {
    if !is_rfc3339(text) {
        return None;
    }
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    let offset = offset_minutes(text)?;
    let days = days_from_civil(number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let minutes = (days * 24 + number(11, 13)?) * 60 + number(14, 16)? - offset;
    let (year, month, day) = civil_from_days(minutes.div_euclid(24 * 60));
    if !(0..=9999).contains(&year) {
        return None;
    }
    let minute = minutes.rem_euclid(24 * 60);
    let time = format!("{:02}:{:02}:{}", minute / 60, minute % 60, &text[17..19]);
    Some((format!("{year:04}-{month:02}-{day:02}"), time))
}

/// Milliseconds since 1970 in UTC; what is finer is left out. `None` where the text is no RFC 3339 date-time.
///
/// ```
/// use sealtrail_record::time::unix_millis;
///
/// assert_eq!(unix_millis("1970-01-01T01:00:00.0479+01:00"), Some(47));
/// assert_eq!(unix_millis("2026-11-21T19:45:00.047Z"), Some(1_795_290_300_047));
/// assert_eq!(unix_millis("yesterday"), None);
/// ```
pub fn unix_millis(text: &str) -> Option<i64> {
    const DAYS_TO_1970: i64 = 719_468;
    if !is_rfc3339(text) {
        return None;
    }
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    let days = days_from_civil(number(0, 4)?, number(5, 7)?, number(8, 10)?) - DAYS_TO_1970;
    let minutes = (days * 24 + number(11, 13)?) * 60 + number(14, 16)? - offset_minutes(text)?;
    let fraction = text[19..].strip_prefix('.').unwrap_or_default();
    let digits = fraction.bytes().take_while(u8::is_ascii_digit).chain(std::iter::repeat(b'0'));
    let millis = digits.take(3).fold(0, |millis, digit| millis * 10 + i64::from(digit - b'0'));
    Some((minutes * 60 + number(17, 19)?) * 1000 + millis)
}

/// What has to be taken from a local time to have it in UTC.
fn offset_minutes(text: &str) -> Option<i64> {
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    let end = text.len();
    Some(match text.ends_with(['Z', 'z']) {
        true => 0,
        false => {
            let minutes = number(end - 5, end - 3)? * 60 + number(end - 2, end)?;
            if text.as_bytes()[end - 6] == b'-' { -minutes } else { minutes }
        }
    })
}

/// Days since 0000-03-01 of the Gregorian calendar. Years begin in March, so that a leap day is the
/// last of its year.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let since_march = (month + 9) % 12;
    let day_of_year = (153 * since_march + 2) / 5 + day - 1;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    const CYCLE: i64 = 146_097;
    let (cycle, day) = (days.div_euclid(CYCLE), days.rem_euclid(CYCLE));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let since_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * since_march + 2) / 5 + 1;
    let month = (since_march + 2) % 12 + 1;
    (cycle * 400 + year + i64::from(month <= 2), month, day)
}

/// The month of a UTC time, `2026-11`: the name of a retention period.
pub fn month(utc: &str) -> Option<&str> {
    (is_rfc3339(utc) && utc.ends_with(['Z', 'z'])).then(|| &utc[..7])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_the_calendar_comes_back() {
        let mut previous = days_from_civil(1, 1, 1) - 1;
        for year in 1..=2500 {
            for month in 1..=12 {
                for day in 1..=31 {
                    if !is_rfc3339(&format!("{year:04}-{month:02}-{day:02}T00:00:00Z")) {
                        continue;
                    }
                    let days = days_from_civil(year, month, day);
                    assert_eq!((days, civil_from_days(days)), (previous + 1, (year, month, day)));
                    previous = days;
                }
            }
        }
    }

    #[test]
    fn times_in_utc() {
        for (text, told) in [
            ("2020-07-29T19:45:00.047Z", "2020-07-29 19:45:00"),
            ("2024-02-28T23:59:60-00:01", "2024-02-29 00:00:60"),
            ("2024-03-01T00:00:00+23:59", "2024-02-29 00:01:00"),
            ("9999-12-31T00:00:00Z", "9999-12-31 00:00:00"),
        ] {
            let (date, time) = utc_date_and_time(text).unwrap();
            assert_eq!(format!("{date} {time}"), told);
        }
        for text in ["9999-12-31T23:59:59-00:01", "0000-01-01T00:00:00+00:01", "2020-07-29", ""] {
            assert_eq!(utc_date_and_time(text), None, "{text}");
        }
    }

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
