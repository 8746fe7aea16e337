use clap::Args;
use sealtrail_log::Reader;
use serde_json::json;

use super::reveal::{Place, Why};
use super::{Style, output};
use crate::acts::{self, ClockIs, Expired, Justification, Over};
use crate::config::Config;
use crate::error::Result;

/// Destroys the keys of the retention periods whose time is over: what was sealed then is unreadable, for ever
///
/// A period is a month of a retention class of the policy; it is over when the month has ended and the time that
/// `retention.classes` gives to the class is past. Each end is itself a record. A hold keeps its records readable.
/// Backups of the keyring must go too. While `serve` runs, give --url to ask it; --dry-run works beside it.
#[derive(Args)]
pub struct Expire {
    #[command(flatten)]
    place: Place,
    /// Say what would be destroyed, and destroy nothing
    #[arg(long)]
    dry_run: bool,
    /// Take the clock to be right, although hardly a record is of the time that is kept; the records of the ends say so
    #[arg(long)]
    clock_is_right: bool,
    /// The reason, which stays in the log for ever; without personal data
    #[arg(long, default_value = "the retention period is over")]
    reason: String,
    /// Who does it [default: the user of this session]
    #[arg(long, value_name = "ID")]
    actor: Option<String>,
}

impl Expire {
    pub fn run(self, style: Style) -> Result<u8> {
        let (is_rehearsal, expired) = (self.dry_run, self.expired()?);
        if style.json {
            output::print_json(&expired)?;
        } else {
            output::print_line(words(&expired, is_rehearsal).as_bytes())?;
        }
        Ok(0)
    }

    fn expired(self) -> Result<Expired> {
        let Self { place, dry_run, clock_is_right, reason, actor } = self;
        let why = Why { reason, actor };
        let actor = why.actor();
        if let Some(sidecar) = place.remote.sidecar()? {
            let body = json!({"reason": why.reason, "actor": actor, "dry_run": dry_run,
                "clock_is_right": clock_is_right});
            return sidecar.ask("/v1/retention/expire", &body);
        }
        let clock = ClockIs::right_if(clock_is_right);
        if dry_run {
            let config = Config::read(&place.config)?;
            let reader = Reader::open(&config.log_dir)?;
            return acts::plan_expiry(&reader, &config.keyring_dir, &config.retention, clock);
        }
        let because = Justification::parse(actor, &why.reason)?;
        let trail = place.open("POST /v1/retention/expire")?;
        let expired = acts::expire(&trail, clock, &because);
        trail.close()?;
        Ok(expired?.ended_blocking())
    }
}

fn words(expired: &Expired, is_rehearsal: bool) -> String {
    let mut lines = Vec::new();
    for Over { class, period, kid, expire_index, .. } in &expired.over {
        lines.push(match expire_index {
            Some(index) => format!(
                "{period} of `{class}` is over: the key {kid} does not exist any more; that is record {index}"
            ),
            None => format!("{period} of `{class}` is over: would destroy the key {kid}"),
        });
    }
    if expired.over.is_empty() {
        lines.push("no period is over".to_owned());
    }
    if let (false, [first, ..]) = (expired.held.is_empty(), &expired.held[..]) {
        let periods: Vec<_> = expired
            .held
            .iter()
            .map(|kept| format!("{} of `{}`", kept.period, kept.class))
            .collect();
        let would = if is_rehearsal { "would keep" } else { "keeps" };
        lines.push(format!("the hold `{}` {would} {}", first.held_by, periods.join(", ")));
    }
    if let Some(doubt) = &expired.clock_doubt {
        lines.push(format!("the clock is taken to be right, although {doubt}"));
    }
    for class in &expired.kept_for_ever {
        lines.push(format!("`{class}` never ends: `retention.classes` does not name it"));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_over_what_is_held_and_what_never_ends() {
        let expired: Expired = serde_json::from_value(json!({
            "over": [{"class": "a", "period": "2019-10", "kid": "t_a.2019-10", "expire": "x", "expire_index": 4}],
            "held": [
                {"class": "a", "period": "2019-11", "held_by": "case-17"},
                {"class": "b", "period": "2019-11", "held_by": "case-17"},
            ],
            "kept_for_ever": ["standard"],
        }))
        .unwrap();
        assert_eq!(
            words(&expired, false),
            "2019-10 of `a` is over: the key t_a.2019-10 does not exist any more; that is record 4\n\
             the hold `case-17` keeps 2019-11 of `a`, 2019-11 of `b`\n\
             `standard` never ends: `retention.classes` does not name it"
        );
        assert_eq!(words(&Expired::default(), true), "no period is over");
    }
}
