use super::cursor::Cursor;
use super::text;

/// What the sender of a change called it: the `source` of its record and `data.change_id`, where it has one.
///
/// Looks at the members in front of both and at nothing behind them. A line that is no record gives something
/// odd or nothing, never an error.
pub fn change_id(line: &[u8]) -> Option<(String, String)> {
    let mut at = Cursor::new(line);
    let mut source = None;
    at.enter(b'{')?;
    while let Some(key) = at.key() {
        match key {
            b"source" => source = string(at.value()?),
            b"data" => {
                at.enter(b'{')?;
                while let Some(key) = at.key() {
                    if key == b"change_id" {
                        return Some((source?, string(at.value()?)?));
                    }
                    at.skip()?;
                }
                return None;
            }
            _ => at.skip()?,
        }
    }
    None
}

fn string(value: &[u8]) -> Option<String> {
    String::from_utf8(text(value)?.into_owned()).ok()
}
