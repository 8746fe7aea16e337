use clap::Args;
use serde_json::json;

use super::reveal::Place;
use super::{Style, output};
use crate::counted::counted;
use crate::error::Result;
use crate::trail::Compression;

/// Compresses the segments of the log that are no longer written
///
/// Their lines are read, proven and verified as before. `retention.segment` says how large a segment is.
/// While `serve` runs, give --url to ask it.
#[derive(Args)]
pub struct Compress {
    #[command(flatten)]
    place: Place,
}

impl Compress {
    pub fn run(self, style: Style) -> Result<u8> {
        let done: Compression = if let Some(sidecar) = self.place.remote.sidecar()? {
            sidecar.ask("/v1/retention/compress", &json!({}))?
        } else {
            let trail = self.place.open("POST /v1/retention/compress")?;
            let done = trail.compress();
            trail.close()?;
            done?
        };
        if style.json {
            output::print_json(&done)?;
            return Ok(0);
        }
        let Compression { segments, before, after } = done;
        let text = match segments {
            0 => "no segment to compress".to_owned(),
            _ => format!(
                "compressed {}: {before} bytes are {after} now",
                counted(segments, "segment")
            ),
        };
        output::print_line(text.as_bytes())?;
        Ok(0)
    }
}
