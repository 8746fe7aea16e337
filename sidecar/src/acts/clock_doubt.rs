//! A clock that is years ahead would end all there is.

use jiff::Span;
use sealtrail_log::Reader;

use crate::clock::Moment;
use crate::code::Code;
use crate::error::{Error, Result};
use crate::position::recorded_time;

/// A log may be quiet for longer than a short time to keep.
const A_QUIET_TIME_HOURS: i64 = 24;

/// Whoever writes a log has a newest record that is not older than what is kept; one that nobody has written for
/// so long is removed as a whole, by hand.
pub fn doubt_the_clock(reader: &Reader, older_than: Moment, now: Moment) -> Result<()> {
    let Some(last) = reader.size()?.checked_sub(1) else { return Ok(()) };
    let newest = recorded_time(&reader.read(last)?);
    match newest.filter(|newest| {
        *newest < older_than && *newest < now.minus(Span::new().hours(A_QUIET_TIME_HOURS))
    }) {
        None => Ok(()),
        Some(newest) => Err(Error::new(
            Code::WrongUse,
            format!(
                "now is {now} by the clock, and the newest record is of {newest}, which is older than \
                 what is kept; if the clock is right, append a record first"
            ),
        )),
    }
}
