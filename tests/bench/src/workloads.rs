//! Payloads from a seed: the same bytes on every machine.

use serde_json::{Value, json};

/// A change, the policy it goes through, and what it is called.
pub struct Workload {
    pub name: String,
    /// The name as part of a file's name.
    pub stem: String,
    pub policy: Vec<u8>,
    pub change: Vec<u8>,
    pub before: Vec<u8>,
    pub after: Vec<u8>,
    /// Whether nothing is left as it was.
    pub all_changed: bool,
}

impl Workload {
    /// Bytes of both images.
    pub fn image_bytes(&self) -> usize {
        self.before.len() + self.after.len()
    }
}

/// From a product to a document with two thousand elements, as a service has them; then one kind of
/// document in five sizes of an image, with 1 % of its fields changed (one at least) and with all.
pub fn all() -> Vec<Workload> {
    let mut all = vec![
        workload("a product", "a", "[]", product(0), product(1)),
        workload("b customer", "b", "[]", customer(0), customer(1)),
        workload("c library record", "c", "[]", library(60, 0), library(60, 3)),
        workload("d document", "d", "[]", document(2000, 0), document(2000, 20)),
    ];
    for (size, bytes) in [
        ("0.3 KB", 300),
        ("2 KB", 2_000),
        ("20 KB", 20_000),
        ("200 KB", 200_000),
        ("1 MB", 1_000_000),
    ] {
        for (share, every) in [("1 %", 100), ("100 %", 1)] {
            let name = format!("{size}, {share} changed");
            let stem = name.replace([' ', '%', ','], "");
            let rows = rows_for(bytes);
            let (before, after) = (order(rows, None), order(rows, Some(every)));
            // By position, as every peer in JavaScript compares arrays.
            let arrays = r#"[{"select":"$..*","match":"position"}]"#;
            let workload = workload(&name, &stem, arrays, before, after);
            all.push(Workload { all_changed: every == 1, ..workload });
        }
    }
    all
}

fn workload(name: &str, stem: &str, arrays: &str, before: Value, after: Value) -> Workload {
    let change = json!({"entity": {"type": "thing", "id": "1"}, "action": "update", "before": before, "after": after});
    Workload {
        name: name.into(),
        stem: stem.into(),
        policy: policy(arrays),
        change: change.to_string().into_bytes(),
        before: before.to_string().into_bytes(),
        after: after.to_string().into_bytes(),
        all_changed: false,
    }
}

/// Fourteen rules with wildcards, one of them a mask.
fn policy(arrays: &str) -> Vec<u8> {
    let arrays: Value = serde_json::from_str(arrays).unwrap_or_default();
    let seal =
        |select: &str, group: &str| json!({"select": select, "action": "seal", "group": group});
    json!({
        "id": "bench", "version": "1", "default": "keep", "secrets": false,
        "arrays": arrays,
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

/// How many rows make an image about this long.
fn rows_for(bytes: usize) -> u64 {
    let length = |rows| order(rows, None).to_string().len();
    let (none, some) = (length(0), length(64));
    (bytes.saturating_sub(none) * 64 / (some - none)) as u64
}

/// A document whose every n-th field has another value, or none of them.
fn order(rows: u64, every: Option<u64>) -> Value {
    let mut fields = Fields { every, count: 0 };
    let mut fields = || fields.next();
    json!({
        "id": 5, "tier": if fields() == 0 { "gold" } else { "silver" }, "title": words(fields(), 4),
        // The third, so that what changes at the least is a protected one.
        "email": format!("reader{}@example.com", fields()), "phone": format!("+49 221 12345{}", fields()),
        "card": format!("411111111111111{}", fields()), "total": 1999 + fields(),
        "address": {"street": format!("Ring {}", fields()), "city": words(7 + fields(), 1), "country": "DE"},
        "description": words(3 + 50 * fields(), 12),
        "rows": (0..rows).map(|i| {
            let mut row = json!({
                "id": i, "value": mix(i + fields()) % 100_000, "label": words(i + fields(), 3),
                "done": fields() == 1, "note": words(i + 9 * fields(), 5),
            });
            // One in four is somebody's.
            if i % 4 == 0 {
                row["contact"] = json!({
                    "name": format!("Person {i} {}", fields()), "email": format!("p{i}.{}@example.com", fields()),
                });
            }
            row
        }).collect::<Vec<_>>(),
    })
}

struct Fields {
    every: Option<u64>,
    count: u64,
}

impl Fields {
    /// 1 where the next field has changed.
    fn next(&mut self) -> u64 {
        self.count += 1;
        u64::from(self.every.is_some_and(|every| self.count % every == 3 % every))
    }
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
