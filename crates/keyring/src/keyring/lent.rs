//! Until when others may hold what was derived from keys.

use super::Keyring;
use crate::error::Result;
use crate::slip;

impl Keyring {
    /// Notes, durably, until when somebody else may hold what was derived from keys of this keyring. A later
    /// process asks with [`lent_until`](Self::lent_until).
    pub fn lend_until(&self, time: &str) -> Result<()> {
        self.disk.refuse_if_stopped()?;
        let place = self.layout.lent();
        self.disk.write(&self.layout.temporaries(), &place, format!("{time}\n").as_bytes())
    }

    /// The last time that [`lend_until`](Self::lend_until) noted.
    pub fn lent_until(&self) -> Result<Option<String>> {
        let text = self.disk.read(&self.layout.lent(), slip::LIMIT)?;
        Ok(text.map(|text| String::from_utf8_lossy(&text).trim_end().to_owned()))
    }
}
