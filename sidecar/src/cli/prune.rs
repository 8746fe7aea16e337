use clap::Args;
use sealtrail_log::Reader;
use serde_json::json;

use super::reveal::{Place, Why};
use super::{Style, output};
use crate::acts::{self, ClockIs, Justification, Planned, Removed};
use crate::config::Config;
use crate::counted::counted;
use crate::error::Result;

/// Removes the records that are older than `retention.keep`, in whole segments
///
/// The removal is itself a record, on disk before the first segment goes. Tiles stay, so every other record
/// keeps its proof and the log still verifies. A hold keeps its records. While `serve` runs, give --url to ask
/// it; --dry-run only reads and works beside it.
#[derive(Args)]
pub struct Prune {
    #[command(flatten)]
    place: Place,
    /// Say what would be removed, and remove nothing
    #[arg(long)]
    dry_run: bool,
    /// Take the clock to be right, although hardly a record is of the time that is kept; the record of the removal says so
    #[arg(long)]
    clock_is_right: bool,
    #[command(flatten)]
    why: Why,
}

impl Prune {
    pub fn run(self, style: Style) -> Result<u8> {
        let removed = self.removed()?;
        if style.json {
            output::print_json(&removed)?;
        } else {
            output::print_line(words(&removed, self.dry_run).as_bytes())?;
        }
        Ok(0)
    }

    fn removed(&self) -> Result<Removed> {
        let actor = self.why.actor();
        if let Some(sidecar) = self.place.remote.sidecar()? {
            let body = json!({"reason": self.why.reason, "actor": actor, "dry_run": self.dry_run,
                "clock_is_right": self.clock_is_right});
            return sidecar.ask("/v1/retention/prune", &body);
        }
        let clock = ClockIs::right_if(self.clock_is_right);
        if self.dry_run {
            let config = Config::read(&self.place.config)?;
            let planned = acts::plan(&Reader::open(&config.log_dir)?, &config.retention, clock)?;
            return Ok(Removed { planned, prune: None, prune_index: None });
        }
        let because = Justification::parse(actor, &self.why.reason)?;
        let trail = self.place.open("POST /v1/retention/prune")?;
        let removed = acts::prune(&trail, clock, &because);
        trail.close()?;
        removed
    }
}

fn words(removed: &Removed, is_rehearsal: bool) -> String {
    let Planned { first_removed, first_kept, segments, bytes, older_than, held_by, clock_doubt } =
        &removed.planned;
    let mut words = if first_removed == first_kept {
        format!("nothing to remove: no whole segment is older than {older_than}")
    } else {
        let done = if is_rehearsal { "would remove" } else { "removed" };
        let last = first_kept - 1;
        format!(
            "{done} the records {first_removed} to {last}, older than {older_than}: \
             {}, {}",
            counted(*segments, "segment"),
            counted(*bytes, "byte")
        )
    };
    if let Some(hold) = held_by {
        words += &format!("\nthe hold `{hold}` keeps more that is as old");
    }
    if let Some(doubt) = clock_doubt {
        words += &format!("\nthe clock is taken to be right, although {doubt}");
    }
    if let Some(index) = removed.prune_index {
        words += &format!("\nthe removal is record {index}");
    }
    words
}
