//! How the demo talks: what is done, what came of it, and whether that is right.

use anyhow::{Result, bail};

/// Counts what was checked.
#[derive(Default)]
pub struct Checks(u64);

impl Checks {
    pub fn count(&self) -> u64 {
        self.0
    }

    /// Goes on only where this holds.
    pub fn that(&mut self, holds: bool, what: &str) -> Result<()> {
        if !holds {
            bail!("this did not hold: {what}");
        }
        self.0 += 1;
        println!("   ✓ {what}");
        Ok(())
    }
}

pub fn title(text: &str) {
    println!("\n━━ {text}");
}

pub fn command(text: &str) {
    println!("   $ {text}");
}

pub fn output(text: &str) {
    for line in text.lines() {
        println!("   │ {line}");
    }
}
