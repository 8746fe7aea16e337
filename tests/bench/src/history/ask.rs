//! The latency of each question, from the index: which records. The first page of a hundred.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use sealtrail_history::{Index, Name, Order, Search};

use super::lines::{about, attribute};

const ASKED: u64 = 2000;
const PAGE: usize = 100;

/// Each question with its p50 and p99 in µs.
pub fn all(index: &mut Index, records: u64) -> Result<Vec<(&'static str, f64, f64)>> {
    let text = |number: u64| number.to_string();
    let mut figures = Vec::new();
    let mut ask = |name, order, search: &dyn Fn(u64) -> Search| -> Result<()> {
        let mut times = Vec::new();
        for number in 0..ASKED {
            let record = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) % records;
            let search = search(record);
            let start = Instant::now();
            let snapshot = Arc::new(index.snapshot());
            let found = snapshot.candidates(search, 0..u64::MAX, order).take(PAGE);
            let found: Vec<u64> = found.collect::<Result<_, _>>()?;
            times.push(start.elapsed().as_secs_f64() * 1e6);
            anyhow::ensure!(!found.is_empty(), "{name}: nothing was found of record {record}");
        }
        times.sort_by(f64::total_cmp);
        figures.push((name, times[times.len() / 2], times[times.len() * 99 / 100]));
        Ok(())
    };
    let entity = |record| text(about(record).entity);
    ask("entity", Order::Oldest, &|r| {
        Search::all().with(Name::Entity { kind: "product", id: &entity(r) })
    })?;
    ask("entity and attribute, newest", Order::Newest, &|r| {
        let search = Search::all().with(Name::Entity { kind: "product", id: &entity(r) });
        search.attribute(attribute(about(r).attributes[1]))
    })?;
    ask("record", Order::Oldest, &|r| Search::all().with(Name::Record(&about(r).id)))?;
    ask("correlation", Order::Oldest, &|r| {
        Search::all().with(Name::Correlation(&about(r).correlation))
    })?;
    ask("key of a data subject", Order::Oldest, &|r| {
        Search::all().with(Name::Key(&format!("k_{:022}", about(r).entity)))
    })?;
    ask("actor", Order::Oldest, &|r| {
        Search::all().with(Name::Actor(&format!("ps1.{:022}", about(r).actor)))
    })?;
    ask("actor and attribute", Order::Oldest, &|r| {
        let about = about(r);
        let search = Search::all().with(Name::Actor(&format!("ps1.{:022}", about.actor)));
        search.attribute(attribute(about.attributes[0]))
    })?;
    ask("attribute, newest", Order::Newest, &|r| {
        Search::all().attribute(attribute(about(r).attributes[0]))
    })?;
    ask("tenant and action", Order::Oldest, &|r| {
        let tenant = format!("t-{}", about(r).entity % 50);
        Search::all().with(Name::Tenant(&tenant)).with(Name::Action("update"))
    })?;
    ask("time", Order::Oldest, &|r| {
        // The day on which record 0 is, to the millisecond of the record.
        Search::all().since(1_795_219_200_000 + (r % 86_400_000) as i64)
    })?;
    Ok(figures)
}
