use clap::Args;

use super::reveal::Place;
use super::{Style, output, records, remote};
use crate::config::Config;
use crate::error::Result;

/// Prints what caused a record or a request and what it caused, across requests and services
///
/// From the first cause down: a request (its correlation id), the records that it left with the service that sent them,
/// and what names one of these as its cause (its causation id). A cause that is neither a request nor a record of this
/// log (of another log, of a service without one, or removed by retention) stands first and is told so. Works beside a
/// running server; with --url it asks the server instead.
#[derive(Args)]
pub struct Lineage {
    #[command(flatten)]
    place: Place,
    /// The id of a record, of a request, or of what records name as their cause
    id: String,
    /// Show each of many effects that are alike
    #[arg(long)]
    expand: bool,
}

impl Lineage {
    pub fn run(self, style: Style) -> Result<u8> {
        let lineage = match self.place.remote.sidecar()? {
            Some(sidecar) => {
                sidecar.look(&format!("/v1/records/{}/lineage", remote::segment(&self.id)))?
            }
            None => records::open(&Config::read(&self.place.config)?)?.lineage(&self.id)?,
        };
        match style.json {
            true => output::print_json(&lineage)?,
            false => output::print(lineage.words(&self.id, self.expand).as_bytes())?,
        }
        Ok(0)
    }
}
