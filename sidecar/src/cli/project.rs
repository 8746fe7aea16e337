use clap::Args;
use serde_json::json;

use super::{ConfigArg, Style, output, records};
use crate::code::Code;
use crate::error::{Error, Result};
use crate::project::{Projection, Url};

/// Keeps tables of a database up to date with the log, for SQL
///
/// One row per changed attribute (sealtrail_changes), one per record (sealtrail_records), and the nine columns of an
/// audit table (sealtrail_audit). What is sealed shows as `[sealed contact]`, and as `[erased]` once its key was
/// destroyed. Run it again, after whatever happened: it goes on where the database says, and no row is lost or doubled.
/// With --follow, a database that is gone for a while is waited for. Works beside a running server.
#[derive(Args)]
pub struct Project {
    #[command(flatten)]
    config: ConfigArg,
    /// sqlite:FILE, postgres://USER@HOST/DATABASE, mysql://… or mariadb://…
    /// [default: the environment's SEALTRAIL_DATABASE_URL, where nobody else sees a password]
    #[arg(long, value_name = "URL")]
    to: Option<String>,
    /// Go on with what comes, until it is ended
    #[arg(long, short)]
    follow: bool,
}

impl Project {
    pub fn run(self, style: Style) -> Result<u8> {
        const NAME: &str = "SEALTRAIL_DATABASE_URL";
        let missing = |_| Error::new(Code::WrongUse, format!("give `--to URL`, or set `{NAME}`"));
        let url: Url = match self.to {
            Some(url) => url.parse()?,
            None => std::env::var(NAME).map_err(missing)?.parse()?,
        };
        let questions = records::open(&self.config.read()?)?;
        let mut projection = Projection::open(&questions, &url)?;
        let from = projection.next();
        projection.run(self.follow)?;
        let next = projection.next();
        match style.json {
            true => {
                output::print_json(&json!({"from": from, "next": next, "records": next - from}))?
            }
            false => {
                let records = next - from;
                let text = format!("records added: {records}; the next one is record {next}");
                output::print_line(text.as_bytes())?;
            }
        }
        Ok(0)
    }
}
