use std::time::Duration;

use sealtrail_log::{Followed, Reader};

use super::Url;
use super::cursor::Cursor;
use super::database::{Cell, Database};
use super::rows::{RecordRows, Rows, hash_of};
use super::schema::{self, CHANGES, KEYS, OF_RECORD, RECORDS};
use crate::code::Code;
use crate::erasure::destroyed_by;
use crate::error::{Error, Result};
use crate::export::COLUMNS;
use crate::questions::{Found, Questions};

/// A log on its way into a database: batch by batch, each with the cursor in one transaction.
pub struct Projection<'q> {
    questions: &'q Questions,
    url: Url,
    database: Database,
    rows: Rows<'q>,
    cursor: Cursor,
    /// The tables have no record before this one.
    first: u64,
}

/// Records, and bytes of their lines, that are written together.
const TOGETHER: usize = 500;
const BYTES: usize = 4 << 20;

/// So long a database that is gone is waited for at first, and at last.
const SHORTEST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(30);

impl<'q> Projection<'q> {
    /// Connects, makes the tables that are missing, and finds where an earlier run has ended.
    pub fn open(questions: &'q Questions, url: &Url) -> Result<Self> {
        let (database, cursor) = connect(url, questions.reader())?;
        let rows = Rows::new(questions, questions.destroyed_keys(0..u64::MAX)?)?;
        Ok(Self { questions, url: url.clone(), database, rows, cursor, first: 0 })
    }

    /// The record that comes next.
    pub fn next(&self) -> u64 {
        self.cursor.next
    }

    /// Writes what the log has now; with `follow`, what comes too, and does not end. Then a database that is gone for a
    /// while is waited for.
    pub fn run(&mut self, follow: bool) -> Result<()> {
        let mut wait = SHORTEST;
        loop {
            let from = self.cursor.next;
            let lost = match self.write_all(follow) {
                Err(error) if follow && is_gone(&error) => error,
                done => return done,
            };
            if self.cursor.next > from {
                wait = SHORTEST;
            }
            self.connect_again(lost, &mut wait)?;
        }
    }

    /// Tries until there is a connection, less often each time; the database says how far it was written.
    fn connect_again(&mut self, mut lost: Error, wait: &mut Duration) -> Result<()> {
        loop {
            let seconds = wait.as_secs_f32();
            tracing::warn!(error = %lost, "the database is gone; it is tried again in {seconds} s");
            std::thread::sleep(*wait);
            *wait = (*wait * 2).min(LONGEST);
            let connected = connect(&self.url, self.questions.reader());
            match connected {
                Ok((database, cursor)) => {
                    (self.database, self.cursor) = (database, cursor);
                    tracing::warn!(record = self.cursor.next, "the database is there again");
                    return Ok(());
                }
                Err(error) if is_gone(&error) => lost = error,
                Err(error) => return Err(error),
            }
        }
    }

    fn write_all(&mut self, follow: bool) -> Result<()> {
        /// For so long nothing is waited for at once.
        const WAIT: Duration = Duration::from_secs(60);
        let mut log = self.questions.reader().follow(self.cursor.next);
        let (mut batch, mut bytes) = (Vec::new(), 0);
        self.prune()?;
        loop {
            let mut followed = log.poll()?;
            if followed.is_none() {
                self.write(&mut batch)?;
                bytes = 0;
                self.prune()?;
                if !follow {
                    return Ok(());
                }
                followed = log.within(WAIT)?;
            }
            if let Some(Followed::Line { index, line }) = followed {
                let destroyed = destroyed_by(&line);
                if !destroyed.is_empty() {
                    self.write(&mut batch)?;
                    bytes = 0;
                    self.erase(destroyed)?;
                }
                bytes += line.len();
                batch.push(Found { index, line });
            }
            if batch.len() >= TOGETHER || bytes >= BYTES {
                self.write(&mut batch)?;
                bytes = 0;
            }
        }
    }

    /// One transaction: the rows of some records, and the cursor behind them.
    fn write(&mut self, batch: &mut Vec<Found>) -> Result<()> {
        let Some(last) = batch.last() else { return Ok(()) };
        let rows: Vec<RecordRows> =
            batch.iter().map(|found| self.rows.of(found)).collect::<Result<_>>()?;
        let next = last.index + 1;
        let cursor = &self.cursor;
        self.database.transaction(|database| {
            cursor.advance(database, next, &last.line)?;
            insert(database, &rows)
        })?;
        self.cursor.next = next;
        batch.clear();
        Ok(())
    }

    /// Writes again what has something of these keys, which do not exist any more. A run that is interrupted leaves the
    /// rest of it to the next one, which comes to the same erasure.
    fn erase(&mut self, destroyed: Vec<String>) -> Result<()> {
        self.rows.destroyed.extend(destroyed.iter().cloned());
        for kid in &destroyed {
            let select = format!(
                "SELECT record_index FROM {KEYS} WHERE key_hash = ? ORDER BY record_index LIMIT {TOGETHER}"
            );
            loop {
                let found = self.database.query(&select, &[hash_of(kid)])?;
                let indices =
                    found.iter().filter_map(|row| self.database.number(row, 0).transpose());
                let indices: Vec<u64> = indices.collect::<Result<_>>()?;
                if indices.is_empty() {
                    break;
                }
                self.write_again(&indices)?;
            }
        }
        self.database.forget_deleted()
    }

    fn write_again(&mut self, indices: &[u64]) -> Result<()> {
        let reader = self.questions.reader();
        let mut rows = Vec::with_capacity(indices.len());
        for index in indices {
            match reader.read(*index) {
                // Its rows go with it.
                Err(error) if error.is_pruned() => {}
                line => rows.push(self.rows.of(&Found { index: *index, line: line? })?),
            }
        }
        let cursor = &self.cursor;
        self.database.transaction(|database| {
            cursor.hold(database)?;
            for table in [CHANGES, RECORDS, KEYS] {
                let places = vec!["?"; indices.len()].join(",");
                let cells: Vec<Cell> = indices.iter().copied().map(Cell::Number).collect();
                let delete = format!("DELETE FROM {table} WHERE record_index IN ({places})");
                database.execute(&delete, &cells)?;
            }
            insert(database, &rows)
        })
    }

    /// Removes what retention has removed from the log.
    fn prune(&mut self) -> Result<()> {
        let first = self.questions.reader().first()?;
        if first <= self.first {
            return Ok(());
        }
        // In parts, because one transaction with all of it could be more than a server takes.
        const PART: u64 = 10_000;
        let least = format!("SELECT MIN(record_index) FROM {RECORDS}");
        loop {
            let row = self.database.query(&least, &[])?.into_iter().next();
            let least = row.map(|row| self.database.number(&row, 0)).transpose()?.flatten();
            let Some(least) = least.filter(|least| *least < first) else { break };
            let end = (least + PART).min(first);
            let cursor = &self.cursor;
            self.database.transaction(|database| {
                cursor.hold(database)?;
                for table in [CHANGES, RECORDS, KEYS] {
                    let delete = format!("DELETE FROM {table} WHERE record_index < ?");
                    database.execute(&delete, &[Cell::Number(end)])?;
                }
                Ok(())
            })?;
        }
        self.first = first;
        self.database.forget_deleted()
    }
}

/// A connection to tables that are there, and where to go on.
fn connect(url: &Url, reader: &Reader) -> Result<(Database, Cursor)> {
    let mut database = Database::connect(url)?;
    schema::create(&mut database)?;
    let cursor = Cursor::find(&mut database, reader)?;
    Ok((database, cursor))
}

fn is_gone(error: &Error) -> bool {
    error.code() == Code::DatabaseUnavailable
}

fn insert(database: &mut Database, rows: &[RecordRows]) -> Result<()> {
    let of = |table, columns, rows: Vec<_>| schema::Rows { table, columns, rows };
    let changes = rows.iter().flat_map(|rows| &rows.changes).map(Vec::as_slice);
    let columns = ["record_index", "ordinal"].into_iter().chain(COLUMNS);
    schema::insert(database, of(CHANGES, columns.collect(), changes.collect()))?;
    let records = rows.iter().map(|rows| rows.record.as_slice());
    let columns = ["record_index"].into_iter().chain(OF_RECORD.map(|(name, _)| name));
    schema::insert(database, of(RECORDS, columns.collect(), records.collect()))?;
    let keys = rows.iter().flat_map(|rows| &rows.keys).map(Vec::as_slice);
    schema::insert(database, of(KEYS, vec!["key_hash", "record_index"], keys.collect()))
}
