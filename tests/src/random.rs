//! Images from a seed.

use serde_json::{Map, Value, json};

/// Two images of one entity, from a seed: keys that need escapes, nulls, nested arrays, and `items`
/// with an identity each, in any order.
pub fn images(seed: u64) -> (Value, Value) {
    let mut random = Random::of(seed);
    let mut before = Value::Object(random.object(3));
    let mut after = match random.below(8) {
        0 => Value::Object(random.object(3)),
        _ => random.edited(&before, 3),
    };
    for image in [&mut before, &mut after] {
        if let Value::Object(members) = image {
            members.insert("items".into(), random.items());
        }
    }
    (before, after)
}

/// SplitMix64.
pub struct Random(u64);

impl Random {
    pub fn of(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) + 1)
    }

    /// A number below `n`.
    pub fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % n
    }

    fn value(&mut self, depth: u64) -> Value {
        match self.below(if depth == 0 { 5 } else { 8 }) {
            0 => Value::Null,
            1 => json!(self.below(2) == 0),
            2 => json!(self.below(5)),
            3 | 4 => json!(format!("canary-{}", self.below(1000))),
            5 => Value::Array((0..self.below(4)).map(|_| self.value(depth - 1)).collect()),
            _ => Value::Object(self.object(depth - 1)),
        }
    }

    fn object(&mut self, depth: u64) -> Map<String, Value> {
        let count = self.below(6);
        (0..count).map(|_| (self.name(), self.value(depth))).collect()
    }

    /// Some of eight items, each with an identity, in any order.
    fn items(&mut self) -> Value {
        let mut ids: Vec<u64> = (0..8).filter(|_| self.below(4) != 0).collect();
        for i in (1..ids.len()).rev() {
            ids.swap(i, self.below(i as u64 + 1) as usize);
        }
        ids.iter().map(|id| json!({"id": id, "q": self.below(3)})).collect()
    }

    fn name(&mut self) -> String {
        const NAMES: [&str; 9] = ["a", "b", "c", "d", "", "e/f", "g~h", " x", "é"];
        NAMES[self.below(9) as usize].to_owned()
    }

    fn edited(&mut self, value: &Value, depth: u64) -> Value {
        if self.below(5) == 0 {
            return self.value(depth.saturating_sub(1));
        }
        match value {
            Value::Object(members) => {
                let mut edited = Map::new();
                for (key, value) in members {
                    if self.below(6) != 0 {
                        edited.insert(key.clone(), self.edited(value, depth.saturating_sub(1)));
                    }
                }
                if self.below(3) == 0 {
                    edited.insert(self.name(), self.value(depth.saturating_sub(1)));
                }
                Value::Object(edited)
            }
            Value::Array(items) => {
                let mut items: Vec<_> =
                    items.iter().map(|v| self.edited(v, depth.saturating_sub(1))).collect();
                match self.below(4) {
                    0 => items.truncate(1),
                    1 => items.push(self.value(0)),
                    _ => {}
                }
                Value::Array(items)
            }
            other => other.clone(),
        }
    }
}
