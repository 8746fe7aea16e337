//! Changes of customers from a seed, about 2 KB each, and the policy that they go through.

use serde_json::{Value, json};

/// Data subjects; the keys of all of them exist before anything is measured.
pub const CUSTOMERS: u64 = 64;

pub fn policy() -> Value {
    let seal =
        |select: &str, group: &str| json!({"select": select, "action": "seal", "group": group});
    json!({
        "id": "bench", "version": "1", "default": "keep", "secrets": false,
        "arrays": [{"select": "$..*", "match": "position"}],
        "rules": [
            seal("$.email", "contact"), seal("$.phone", "contact"), seal("$.name", "contact"),
            seal("$.birthday", "contact"), seal("$.address.*", "contact"), seal("$.iban", "payment"),
            {"select": "$.card", "action": "mask", "mask": {"last": 4}},
        ],
    })
}

/// The n-th change, in one line.
pub fn change(n: u64) -> String {
    let mut seed = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    let customer = n % CUSTOMERS;
    let (a, b) = (next() % 100_000, next() % 100_000);
    let image = |at: u64, tier: u64| {
        let orders: Vec<Value> = (0..6)
            .map(|i| json!({"id": i, "sku": format!("sku-{}", (customer + i) * 37 % 9973), "count": 1 + i % 3,
                            "price": format!("{}.90", 10 + i), "state": if i == at % 6 { "sent" } else { "open" }}))
            .collect();
        json!({
            "id": customer, "name": "Ada Adeyemi", "email": format!("ada.{at}@example.com"), "tier": tier,
            "phone": format!("+44 20 7946 {:05}", at), "birthday": "1990-02-11", "iban": "GB29NWBK60161331926819",
            "card": format!("4000 0000 0000 {:04}", at % 10_000), "locale": "en-GB", "newsletter": at.is_multiple_of(2),
            "address": {"street": format!("{} High Street", at % 300), "city": "London", "zip": "N1 9GU", "country": "GB"},
            "orders": orders, "note": "prefers deliveries in the morning and calls before them, never on Mondays",
            "updated_at": format!("2026-11-21T19:{:02}:{:02}Z", at % 60, tier % 60),
        })
    };
    json!({
        "entity": {"type": "customer", "id": customer.to_string()}, "action": "update",
        "before": image(a, 1), "after": image(b, 2), "context": {"correlation_id": format!("c-{n}")},
    })
    .to_string()
}
