//! Where the time of a record goes, and the bytes of the module: `cargo xtask bench profile` prints, for each workload,
//! the parts and the functions that take most of it. It shows why a goal is not met, and where to work next.
//!
//! Only what is asked for by name runs this: it takes minutes, and gives no ratios.

mod native;
mod node;
mod size;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;

use crate::Report;
use crate::node::write_workloads;
use crate::workloads;

/// Of each thing that is profiled.
const SECONDS: &str = "2";
/// What takes less than this share of the time is left out.
const LEAST: f64 = 0.02;

/// A function, and its share of the time: its own, without what it calls.
struct Share {
    name: String,
    share: f64,
}

pub fn run(root: &Path) -> Result<Report> {
    let mut report = Report::default();
    for workload in workloads::all() {
        for work in ["seal", "scan"] {
            match native::shares(&workload, work)? {
                Some(shares) => print(&format!("natively, {work}: {}", workload.name), shares),
                None => println!("natively: perf is not there, or may not be used here"),
            }
        }
    }
    let folder = write_workloads()?;
    for workload in workloads::all() {
        for work in ["ours", "ourObjects", "bestObjects"] {
            let shares = node::shares(root, folder.path(), &workload.stem, work)?;
            print(&format!("Node, {work}: {}", workload.name), shares);
        }
    }
    let shares = node::shares(root, folder.path(), "a", "reordered")?;
    print("Node: 20,000 items in another order, by sequence", shares);
    report.rows = size::rows()?;
    Ok(report)
}

pub use native::again;

fn print(title: &str, mut shares: Vec<Share>) {
    let mut areas: BTreeMap<String, f64> = BTreeMap::new();
    for share in &shares {
        *areas.entry(area(&share.name)).or_default() += share.share;
    }
    let mut areas: Vec<Share> =
        areas.into_iter().map(|(name, share)| Share { name, share }).collect();
    println!("\n{title}");
    for list in [&mut areas, &mut shares] {
        list.sort_by(|a, b| b.share.total_cmp(&a.share));
        let most: Vec<String> = list
            .iter()
            .take_while(|share| share.share >= LEAST)
            .map(|Share { name, share }| format!("{:.1} {name}", 100.0 * share))
            .collect();
        println!("  {}", most.join(", "));
    }
}

/// What a function belongs to: a crate and its module, a file, or the C library.
fn area(function: &str) -> String {
    let function = function.strip_prefix("wasm ").unwrap_or(function);
    if let Some((_, place)) = function.rsplit_once(' ')
        && let Some((file, _)) = place.rsplit_once(':')
        && file.contains(".mjs") | file.contains(".js")
    {
        return file.to_owned();
    }
    let path = function.trim_start_matches(['<', '&', '[', '*', '(']);
    let end = path.find(|c: char| !(c.is_ascii_alphanumeric() || "_:".contains(c)));
    let parts: Vec<&str> = path[..end.unwrap_or(path.len())].split("::").collect();
    match parts[..] {
        // Of ours the module counts too.
        [name, module, _, ..] if name.starts_with("sealtrail") => format!("{name}::{module}"),
        [name, _, ..] => name.to_owned(),
        _ if path.starts_with("__mem") || path.starts_with("mem") => {
            "copying and comparing bytes".into()
        }
        _ if ["alloc", "_int_", "free", "unlink_chunk", "realloc"]
            .iter()
            .any(|n| path.contains(n)) =>
        {
            "allocator".into()
        }
        _ => function.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::area;

    #[test]
    fn areas_of_functions() {
        assert_eq!(area("sealtrail_core::writer::Writer::sides"), "sealtrail_core::writer");
        let method =
            "<sealtrail_core::change_list::ChangeList as sealtrail_core::diff::Sink>::take";
        assert_eq!(area(method), "sealtrail_core::change_list");
        assert_eq!(area("wasm polyval::backend::soft::State::proc_block::hdec8"), "polyval");
        assert_eq!(area("#walk best.mjs:45"), "best.mjs");
        assert_eq!(area("__memmove_avx512_unaligned_erms"), "copying and comparing bytes");
        assert_eq!(area("_int_malloc"), "allocator");
        assert_eq!(area("(garbage collector)"), "(garbage collector)");
    }
}
