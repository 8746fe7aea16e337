//! The goals of the core, and what was reached in this run.

use serde_json::{Value, json};

/// One goal and the figure that stands furthest from it.
pub struct Goal {
    pub number: &'static str,
    pub what: &'static str,
    pub wanted: Wanted,
    pub reached: f64,
    /// Where that was.
    pub at: String,
}

#[derive(Clone, Copy)]
pub enum Wanted {
    AtLeast(f64),
    AtMost(f64),
}

impl Goal {
    /// From figures with their places, of which the worst counts.
    pub fn worst(
        number: &'static str,
        what: &'static str,
        wanted: Wanted,
        figures: impl IntoIterator<Item = (f64, String)>,
    ) -> Self {
        let further = |a: f64, b: f64| match wanted {
            Wanted::AtLeast(_) => a < b,
            Wanted::AtMost(_) => a > b,
        };
        let worst = figures.into_iter().reduce(|a, b| if further(b.0, a.0) { b } else { a });
        let (reached, at) = worst.unwrap_or((f64::NAN, "nowhere".into()));
        Self { number, what, wanted, reached, at }
    }

    pub fn is_met(&self) -> bool {
        match self.wanted {
            Wanted::AtLeast(wanted) => self.reached >= wanted,
            Wanted::AtMost(wanted) => self.reached <= wanted,
        }
    }

    pub fn json(&self) -> Value {
        let (bound, wanted) = match self.wanted {
            Wanted::AtLeast(wanted) => ("at_least", wanted),
            Wanted::AtMost(wanted) => ("at_most", wanted),
        };
        json!({"goal": self.number, "what": self.what, bound: wanted, "reached": self.reached,
               "at": self.at, "met": self.is_met()})
    }
}

pub fn print(goals: &[Goal]) {
    println!("\n── goals of the core");
    for goal in goals {
        let wanted = match goal.wanted {
            Wanted::AtLeast(wanted) => format!("≥ {wanted}"),
            Wanted::AtMost(wanted) => format!("≤ {wanted}"),
        };
        let met = if goal.is_met() { "met" } else { "not met" };
        let reached = crate::short(goal.reached);
        let (number, what, at) = (goal.number, goal.what, &goal.at);
        println!("{number:<3} {what:<66} {wanted:>6}  {reached:>8}  {met:<7}  {at}");
    }
}
