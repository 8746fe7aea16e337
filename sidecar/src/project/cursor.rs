//! How far a log was read, as the database says it.

use sealtrail_log::Reader;
use sha2::{Digest, Sha256};

use super::database::{Cell, Database};
use super::schema::{self, CURSOR, VERSION};
use crate::code::Code;
use crate::error::{Error, Result};

/// The place of one writer in the log. It moves in the transactions that write rows, and only from where this writer
/// knows it to be: two that write at once would otherwise both add their rows.
pub struct Cursor {
    origin: String,
    pub next: u64,
}

impl Cursor {
    /// Where to go on. The last record that was written must be in the log still: else it is another log, or an older
    /// copy of it.
    pub fn find(database: &mut Database, reader: &Reader) -> Result<Self> {
        let origin = reader.origin().to_owned();
        // The last word to a connection that was lost may have been COMMIT. Then its row waits here for how that ends,
        // and says afterwards what it came to.
        database.execute(&format!("UPDATE {CURSOR} SET next_index = next_index"), &[])?;
        let foreign = |message: &str| Error::new(Code::ForeignLog, message);
        let select = format!("SELECT origin, version, next_index, last_sha256 FROM {CURSOR}");
        let Some(row) = database.query(&select, &[])?.into_iter().next() else {
            let next = reader.first()?;
            let insert =
                format!("INSERT INTO {CURSOR} (origin, version, next_index) VALUES (?, ?, ?)");
            let cells =
                [Cell::Text(Some(origin.clone())), Cell::Number(VERSION), Cell::Number(next)];
            database.execute(&insert, &cells)?;
            return Ok(Self { origin, next });
        };
        let of = database.text(&row, 0)?.unwrap_or_default();
        if of != origin {
            let (of, origin) = (of.escape_debug(), origin.escape_debug());
            let message = format!("the tables are of the log of `{of}`, expected `{origin}`");
            return Err(foreign(&message));
        }
        let version = database.number(&row, 1)?.unwrap_or(0);
        if version != VERSION {
            let message = format!(
                "the tables are of version {version}, expected {VERSION}; drop them ({}), and they are made again",
                schema::DROP
            );
            return Err(Error::new(Code::DatabaseFailed, message));
        }
        let Some(next) = database.number(&row, 2)? else {
            return Err(foreign("the cursor of the tables cannot be read"));
        };
        let last = next.checked_sub(1).zip(database.text(&row, 3)?);
        if last.is_some() && next > reader.size()? {
            return Err(foreign(
                "the log has fewer records than the tables: it was put back to an older copy",
            ));
        }
        if let Some((last, expected)) = last {
            match reader.read(last) {
                Err(error) if error.is_pruned() => {}
                line => {
                    if digest(&line?) != expected {
                        return Err(foreign(
                            "the log has other records than the tables: it was replaced",
                        ));
                    }
                }
            }
        }
        Ok(Self { origin, next })
    }

    /// In a transaction, before its rows: moves behind the record `next - 1`, whose line is given.
    pub fn advance(&self, database: &mut Database, next: u64, line: &[u8]) -> Result<()> {
        let set = "next_index = ?, last_sha256 = ?";
        self.update(database, set, vec![Cell::Number(next), Cell::Text(Some(digest(line)))])
    }

    /// In a transaction, before its rows: stays, and lets no other writer in.
    pub fn hold(&self, database: &mut Database) -> Result<()> {
        self.update(database, "next_index = next_index", Vec::new())
    }

    fn update(&self, database: &mut Database, set: &str, mut cells: Vec<Cell>) -> Result<()> {
        let update = format!("UPDATE {CURSOR} SET {set} WHERE origin = ? AND next_index = ?");
        cells.extend([Cell::Text(Some(self.origin.clone())), Cell::Number(self.next)]);
        if database.execute(&update, &cells)? == 1 {
            return Ok(());
        }
        Err(Error::new(Code::DatabaseFailed, "another process writes into the same tables"))
    }
}

fn digest(line: &[u8]) -> String {
    Sha256::digest(line).iter().map(|byte| format!("{byte:02x}")).collect()
}
