//! SQLite as one would do it: a row per change with text columns, an index over the entity and one over the request.
//! It is given the values; that they are read from lines is not counted.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use rusqlite::Connection;

use super::cpu_time;
use super::lines::{CHANGES, about, attribute};

pub struct Built {
    pub rate: f64,
    pub bytes_a_row: f64,
}

/// Rows that are committed together.
const TOGETHER: u64 = 999;

pub fn build(folder: &Path, records: u64) -> Result<Built> {
    let file = folder.join("index.sqlite");
    let mut connection = Connection::open(&file)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "normal")?;
    connection.execute_batch(
        "create table changes (record integer, record_id text, entity_type text, entity_id text,
             attribute text, actor text, correlation text, action text, time integer);
         create index of_entity on changes (entity_type, entity_id);
         create index of_request on changes (correlation);",
    )?;
    let mut spent = Duration::ZERO;
    for first in (0..records).step_by((TOGETHER / CHANGES) as usize) {
        let values: Vec<_> = (first..records.min(first + TOGETHER / CHANGES))
            .map(|record| (record, about(record)))
            .map(|(record, about)| {
                (record, about.entity.to_string(), format!("ps1.{:022}", about.actor), about)
            })
            .collect();
        let start = cpu_time();
        let transaction = connection.transaction()?;
        let mut insert = transaction.prepare_cached(
            "insert into changes values (?1, ?2, 'product', ?3, ?4, ?5, ?6, 'update', ?7)",
        )?;
        for (record, entity, actor, about) in &values {
            for number in about.attributes {
                let record = *record as i64;
                insert.execute((
                    record,
                    &about.id,
                    entity,
                    attribute(number),
                    actor,
                    &about.correlation,
                    record,
                ))?;
            }
        }
        drop(insert);
        transaction.commit()?;
        spent += cpu_time() - start;
    }
    let bytes = file.metadata()?.len() as f64;
    drop(connection);
    std::fs::remove_file(&file)?;
    let rows = (records * CHANGES) as f64;
    Ok(Built { rate: rows / spent.as_secs_f64(), bytes_a_row: bytes / rows })
}
