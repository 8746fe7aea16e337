//! What the module of the package is made of: bytes of code by crate, and its data.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use wasmparser::{KnownCustom, Name, Parser, Payload};

use crate::Row;

/// `SEALTRAIL_NAMED_WASM` is the module with the names of its functions, as the task builds it.
pub fn rows() -> Result<Vec<Row>> {
    let file =
        std::env::var_os("SEALTRAIL_NAMED_WASM").context("`SEALTRAIL_NAMED_WASM` is not set")?;
    let module = std::fs::read(&file)?;
    let mut crates: Vec<(String, u64)> = by_crate(&module)?.into_iter().collect();
    crates.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    let row = |(name, bytes): (String, u64)| Row {
        name: format!("the package's module: {name}"),
        figures: vec![("B", bytes as f64)],
        ratio: None,
    };
    Ok(crates.into_iter().map(row).collect())
}

fn by_crate(module: &[u8]) -> Result<BTreeMap<String, u64>> {
    let (mut imported, mut bodies, mut names) = (0, Vec::new(), BTreeMap::new());
    let mut crates = BTreeMap::new();
    for payload in Parser::new(0).parse_all(module) {
        match payload? {
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    imported += u32::from(matches!(import?.ty, wasmparser::TypeRef::Func(_)));
                }
            }
            Payload::CodeSectionEntry(body) => bodies.push(body.range().len() as u64),
            Payload::DataSection(data) => {
                crates.insert("(data)".to_owned(), data.range().len() as u64);
            }
            Payload::CustomSection(section) => {
                if let KnownCustom::Name(subsections) = section.as_known() {
                    for name in subsections {
                        let Name::Function(functions) = name? else { continue };
                        for function in functions {
                            let function = function?;
                            names.insert(function.index, crate_of(function.name));
                        }
                    }
                }
            }
            _ => {}
        }
    }
    for (index, bytes) in (imported..).zip(bodies) {
        let name = names.get(&index).cloned().unwrap_or_else(|| "(no name)".into());
        *crates.entry(name).or_default() += bytes;
    }
    Ok(crates)
}

/// Of `<alloc::vec::Vec<T> as …>::method` it is `alloc`; generics count where they are written.
fn crate_of(function: &str) -> String {
    let path = function.trim_start_matches(['<', '&', '[', '*', '(']);
    let path = path.strip_prefix("dyn ").unwrap_or(path);
    let end = path.find("::").unwrap_or(0);
    let name = &path[..end];
    // A mangled name or one of C has no crate.
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return "(other)".into();
    }
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::crate_of;

    #[test]
    fn crates_of_functions() {
        assert_eq!(crate_of("sealtrail_core::scan::echo"), "sealtrail_core");
        assert_eq!(crate_of("<alloc::vec::Vec<T> as core::fmt::Debug>::fmt"), "alloc");
        assert_eq!(crate_of("<&dyn core::fmt::Debug as x>::y"), "core");
        assert_eq!(crate_of("memcpy"), "(other)");
    }
}
