//! The goals of the core and of the log, and what was reached in this run.

use std::ops::Range;

use serde_json::{Value, json};

use crate::workloads::Workload;

/// Ratios of workloads, each with its place.
#[derive(Default)]
pub struct Figures(Vec<Figure>);

struct Figure {
    value: f64,
    at: String,
    image: usize,
    all_changed: bool,
}

impl Figures {
    pub fn push(&mut self, value: f64, workload: &Workload) {
        let (image, all_changed) = (workload.before.len(), workload.all_changed);
        self.0.push(Figure { value, at: workload.name.clone(), image, all_changed });
    }

    /// Two lines: for workloads of which a part changed, and for those of which all did, where
    /// the work is that of the ciphers.
    pub fn goals(
        &self,
        number: &'static str,
        what: &str,
        sizes: Sizes,
        wanted: Wanted,
    ) -> [Goal; 2] {
        [false, true].map(|all_changed| {
            let fits = |f: &&Figure| f.all_changed == all_changed && sizes.contains(&f.image);
            let figures = self.0.iter().filter(fits).map(|f| (f.value, f.at.clone()));
            let what = format!("{what}{}", if all_changed { "; all changed" } else { "" });
            Goal::worst(number, what, wanted, figures)
        })
    }
}

/// Bytes of one image.
pub type Sizes = Range<usize>;

pub const ALL: Sizes = 0..usize::MAX;
pub const SMALL: Sizes = 0..1000;
pub const FROM_20_KB: Sizes = 18_000..usize::MAX;

/// One goal and the figure that stands furthest from it.
pub struct Goal {
    pub number: &'static str,
    pub what: String,
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
        what: impl Into<String>,
        wanted: Wanted,
        figures: impl IntoIterator<Item = (f64, String)>,
    ) -> Self {
        let further = |a: f64, b: f64| match wanted {
            Wanted::AtLeast(_) => a < b,
            Wanted::AtMost(_) => a > b,
        };
        let worst = figures.into_iter().reduce(|a, b| if further(b.0, a.0) { b } else { a });
        let (reached, at) = worst.unwrap_or((f64::NAN, "nowhere".into()));
        Self { number, what: what.into(), wanted, reached, at }
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
    println!("\n── goals (CONTRIBUTING.md says what they are)");
    for goal in goals {
        let wanted = match goal.wanted {
            Wanted::AtLeast(wanted) => format!("≥ {wanted}"),
            Wanted::AtMost(wanted) => format!("≤ {wanted}"),
        };
        let met = if goal.is_met() { "met" } else { "not met" };
        let reached = crate::short(goal.reached);
        let (number, what, at) = (goal.number, &goal.what, &goal.at);
        println!("{number:<3} {what:<70} {wanted:>6}  {reached:>8}  {met:<7}  {at}");
    }
}
