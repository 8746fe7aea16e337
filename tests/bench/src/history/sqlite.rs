//! SQLite as one would do it: a row per change with text columns, an index over the entity and one over the request.
//! It is given the values, or lines that serde_json reads into what of them is needed.

use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use rusqlite::Connection;
use serde::Deserialize;

use super::lines::{CHANGES, about, attribute, line};
use super::{Given, cpu_time};

pub struct Built {
    pub rate: f64,
    pub bytes_a_row: f64,
}

/// Rows that are committed together.
const TOGETHER: u64 = 999;

/// What of a line is in the table.
#[derive(Deserialize)]
struct Read<'l> {
    id: &'l str,
    time: &'l str,
    correlationid: &'l str,
    authid: &'l str,
    #[serde(borrow)]
    data: Data<'l>,
}

#[derive(Deserialize)]
struct Data<'l> {
    #[serde(borrow)]
    entity: Entity<'l>,
    action: &'l str,
    changes: Vec<Change<'l>>,
}

#[derive(Deserialize)]
struct Entity<'l> {
    r#type: &'l str,
    id: &'l str,
}

#[derive(Deserialize)]
struct Change<'l> {
    path: &'l str,
}

pub fn build(folder: &Path, records: u64, given: Given) -> Result<Built> {
    let file = folder.join("index.sqlite");
    let mut connection = Connection::open(&file)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "normal")?;
    connection.execute_batch(
        "create table changes (record integer, record_id text, entity_type text, entity_id text,
             attribute text, actor text, correlation text, action text, time);
         create index of_entity on changes (entity_type, entity_id);
         create index of_request on changes (correlation);",
    )?;
    let mut spent = Duration::ZERO;
    for first in (0..records).step_by((TOGETHER / CHANGES) as usize) {
        let numbers = first..records.min(first + TOGETHER / CHANGES);
        spent += match given {
            Given::Rows => insert_values(&mut connection, numbers)?,
            Given::Lines => insert_lines(&mut connection, numbers)?,
        };
    }
    let bytes = file.metadata()?.len() as f64;
    drop(connection);
    std::fs::remove_file(&file)?;
    let rows = (records * CHANGES) as f64;
    Ok(Built { rate: rows / spent.as_secs_f64(), bytes_a_row: bytes / rows })
}

const INSERT: &str = "insert into changes values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";

fn insert_values(connection: &mut Connection, numbers: Range<u64>) -> Result<Duration> {
    let values: Vec<_> = numbers
        .map(|record| (record as i64, about(record)))
        .map(|(record, about)| {
            (record, about.entity.to_string(), format!("ps1.{:022}", about.actor), about)
        })
        .collect();
    let start = cpu_time();
    let transaction = connection.transaction()?;
    let mut insert = transaction.prepare_cached(INSERT)?;
    for (record, entity, actor, about) in &values {
        for number in about.attributes {
            let (attribute, correlation) = (attribute(number), &about.correlation);
            insert.execute((
                record,
                &about.id,
                "product",
                entity,
                attribute,
                actor,
                correlation,
                "update",
                record,
            ))?;
        }
    }
    drop(insert);
    transaction.commit()?;
    Ok(cpu_time() - start)
}

fn insert_lines(connection: &mut Connection, numbers: Range<u64>) -> Result<Duration> {
    let lines: Vec<_> = numbers.map(|record| (record as i64, line(record))).collect();
    let start = cpu_time();
    let transaction = connection.transaction()?;
    let mut insert = transaction.prepare_cached(INSERT)?;
    for (record, line) in &lines {
        let Read { id, time, correlationid, authid, data } = serde_json::from_slice(line)?;
        let Data { entity: Entity { r#type, id: entity }, action, changes } = data;
        for Change { path } in changes {
            let row = (record, id, r#type, entity, path, authid, correlationid, action, time);
            insert.execute(row)?;
        }
    }
    drop(insert);
    transaction.commit()?;
    Ok(cpu_time() - start)
}
