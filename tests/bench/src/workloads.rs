//! Payloads from a seed: the same bytes on every machine.

use serde_json::{Value, json};

/// A change, the policy it goes through, and what it is called.
pub struct Workload {
    pub name: &'static str,
    pub policy: Vec<u8>,
    pub change: Vec<u8>,
    /// Bytes of both images.
    pub image_bytes: usize,
}

/// From a product to a document with two thousand elements.
pub fn all() -> Vec<Workload> {
    vec![
        workload("a product", product(0), product(1)),
        workload("b customer", customer(0), customer(1)),
        workload("c library record", library(60, 0), library(60, 3)),
        workload("d document", document(2000, 0), document(2000, 20)),
    ]
}

fn workload(name: &'static str, before: Value, after: Value) -> Workload {
    let image_bytes = before.to_string().len() + after.to_string().len();
    let change = json!({"entity": {"type": "thing", "id": "1"}, "action": "update", "before": before, "after": after});
    Workload { name, policy: policy(), change: change.to_string().into_bytes(), image_bytes }
}

/// Fourteen rules with wildcards, one of them a mask.
fn policy() -> Vec<u8> {
    let seal =
        |select: &str, group: &str| json!({"select": select, "action": "seal", "group": group});
    json!({
        "id": "bench", "version": "1", "default": "keep", "secrets": false,
        "rules": [
            seal("$.email", "contact"), seal("$.phone", "contact"), seal("$.name", "contact"),
            seal("$.birthday", "contact"), seal("$.address.*", "contact"), seal("$.iban", "payment"),
            {"select": "$.card", "action": "mask", "mask": {"last": 4}},
            seal("$.supplier.email", "contact"), seal("$.supplier.phone", "contact"),
            seal("$.items[*].patron.name", "patron"), seal("$.items[*].patron.email", "patron"),
            seal("$.notes[*].author", "staff"), seal("$.rows[*].contact.email", "contact"),
            seal("$.rows[*].contact.name", "contact"),
        ],
    })
    .to_string()
    .into_bytes()
}

fn product(version: u64) -> Value {
    json!({
        "id": 1, "sku": "sku_1", "title": format!("Redmi note 9 max | {}gb Ram | 128gb Storage", 6 - 2 * version),
        "description": "A phone with a bright screen and a battery for two days.".repeat(2),
        "inventory": 1 + 9 * version, "price": 199.90,
        "supplier": {"name": "Acme", "email": format!("sales{version}@acme.example"), "phone": "+49 221 123456"},
    })
}

fn customer(version: u64) -> Value {
    json!({
        "id": 3, "name": format!("Pavan K. {version}"), "email": format!("pavan{version}@example.com"),
        "phone": format!("+91 98 7654 32{version}"), "birthday": "1984-02-29", "iban": "DE02120300000000202051",
        "card": format!("411111111111111{version}"),
        "address": {"street": format!("Ring {version}"), "city": "Köln", "zip": "50667", "country": "DE"},
        "tier": "gold", "newsletter": version == 0,
        "orders": (0..14u64).map(|i| json!({"id": i, "total": i * 1999, "state": "delivered", "items": words(i, 6)})).collect::<Vec<_>>(),
    })
}

fn library(items: u64, changed: u64) -> Value {
    json!({
        "id": "7212ba6a", "title": words(1, 8), "edition": 1 + changed,
        "notes": (0..8u64).map(|i| json!({"note": words(i, 20), "author": format!("clerk{i}@library.example"), "staffOnly": false})).collect::<Vec<_>>(),
        "items": (0..items).map(|i| {
            let v = if i < changed { 1 } else { 0 };
            json!({"id": i, "barcode": mix(i) % 1_000_000_000, "status": if v == 1 { "loaned" } else { "available" },
                   "location": words(i, 3), "patron": {"name": format!("Reader {i} {v}"), "email": format!("reader{i}.{v}@example.com")}})
        }).collect::<Vec<_>>(),
    })
}

fn document(rows: u64, changed: u64) -> Value {
    let every = rows.checked_div(changed).unwrap_or(u64::MAX);
    json!({
        "id": 9, "title": words(9, 10),
        "rows": (0..rows).map(|i| {
            let v = u64::from(i % every == every - 1);
            json!({"id": i, "value": mix(i + v) % 100_000, "label": words(i, 3),
                   "contact": {"name": format!("Person {i}"), "email": format!("p{i}.{v}@example.com")}})
        }).collect::<Vec<_>>(),
    })
}

fn words(seed: u64, count: u64) -> String {
    const WORDS: [&str; 12] = [
        "ring", "quartz", "leaf", "north", "river", "paper", "stone", "amber", "field", "harbour",
        "signal", "copper",
    ];
    let word = |i| WORDS[(mix(seed * 31 + i) % 12) as usize];
    (0..count).map(word).collect::<Vec<_>>().join(" ")
}

/// SplitMix64: a sequence that looks random and is the same everywhere.
fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
