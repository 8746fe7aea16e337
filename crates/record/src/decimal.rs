//! Whole numbers in decimal, without the memory and the detours of a formatter.

/// The digits of a number; `room` is to write them in.
///
/// ```
/// use sealtrail_record::decimal::digits;
///
/// assert_eq!(digits(0, &mut [0; 20]), "0");
/// assert_eq!(digits(10_203, &mut [0; 20]), "10203");
/// assert_eq!(digits(usize::MAX, &mut [0; 20]), usize::MAX.to_string());
/// ```
pub fn digits(number: usize, room: &mut [u8; 20]) -> &str {
    let (mut at, mut left) = (room.len(), number);
    loop {
        at -= 1;
        room[at] = b'0' + (left % 10) as u8;
        left /= 10;
        if left == 0 {
            return std::str::from_utf8(&room[at..]).unwrap_or_default();
        }
    }
}
