use std::path::{Path, PathBuf};

use clap::Args;

use super::criteria::{Criteria, Entities, Given, question_here};
use super::remote::Sidecar;
use super::reveal::Place;
use super::{Style, input, output, records};
use crate::code::Code;
use crate::config::Config;
use crate::counted::counted;
use crate::engine::Sandbox;
use crate::error::{Error, Result};
use crate::export::{Bundling, Form, PartFile, pieces};
use crate::questions::{Question, Questions};

/// Writes the records that fit all criteria in a form for others
///
/// Nothing is opened: what is sealed shows as `[sealed contact]`, and as `[erased]` once its key was destroyed; `lines`
/// and `bundle` have the lines as they are. Works beside a running server; with --url it asks the server instead, which
/// gives a bundle as a tar archive.
#[derive(Args)]
pub struct Export {
    #[command(flatten)]
    place: Place,
    #[arg(long, value_enum)]
    format: Form,
    /// Write here instead of to standard output; of a bundle a folder that is not there yet, with --url an archive
    #[arg(long, value_name = "PATH", required_if_eq("format", "bundle"))]
    out: Option<PathBuf>,
    /// Put the new file in the place of one that is there, whole and at once
    #[arg(long, requires = "out")]
    overwrite: bool,
    /// Prove a bundle under this checkpoint, one that witnesses cosigned, and not under the newest
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    #[command(flatten)]
    entities: Entities,
    #[command(flatten)]
    criteria: Criteria,
}

impl Export {
    pub fn run(self, style: Style) -> Result<u8> {
        if self.checkpoint.is_some() && self.format != Form::Bundle {
            return Err(Error::new(Code::WrongUse, "`--checkpoint` goes with `--format bundle`"));
        }
        let given = self.criteria.among(&self.entities)?;
        let sidecar = self.place.remote.sidecar()?;
        let is_folder = self.format == Form::Bundle && sidecar.is_none();
        if self.overwrite && is_folder {
            let message = "a bundle is a folder, which is not overwritten";
            return Err(Error::new(Code::WrongUse, message));
        }
        if let Some(path) = self.out.as_deref().filter(|_| !is_folder) {
            self.expect_room(path)?;
        }
        if let Some(sidecar) = sidecar {
            return self.ask(&sidecar, given);
        }
        let config = Config::read(&self.place.config)?;
        let question = question_here(&given, &config)?;
        let questions = records::open(&config)?;
        if self.format == Form::Bundle {
            let out = self.out.as_deref().unwrap_or(Path::new(""));
            return self.bundle(&questions, &question, out, style);
        }
        let sandbox = Sandbox::new(&config.limits)?;
        let mut pieces = pieces(&questions, &question, self.format, sandbox)?;
        self.write(|take| pieces.try_for_each(|piece| take(&piece?)))?;
        records::tell_left_out(pieces.left_out());
        Ok(0)
    }

    fn ask(&self, sidecar: &Sidecar, mut given: Given) -> Result<u8> {
        if self.checkpoint.is_some() {
            let message =
                "`--checkpoint` does not go with `--url`: the server proves under its newest";
            return Err(Error::new(Code::WrongUse, message));
        }
        given.push(("format", self.format.name()));
        let target = records::target("/v1/export", &given);
        let (mut left_out, mut shared_keys) = (0, Vec::new());
        self.write(|take| {
            (left_out, shared_keys) = sidecar.export(&target, take)?;
            Ok(())
        })?;
        records::tell_left_out(left_out);
        records::tell_shared(&shared_keys);
        Ok(0)
    }

    fn write(
        &self,
        export: impl FnOnce(&mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()>,
    ) -> Result<()> {
        let Some(path) = &self.out else { return export(&mut output::print) };
        let mut part = PartFile::create(path)?;
        export(&mut |piece| part.write(piece))?;
        // Something may have come there while it was written.
        self.expect_room(path)?;
        part.complete(path)
    }

    /// An export of yesterday may be evidence.
    fn expect_room(&self, path: &Path) -> Result<()> {
        let why = match path.symlink_metadata() {
            Err(_) => return Ok(()),
            Ok(there) if there.is_dir() => "is a folder",
            Ok(_) if self.overwrite => return Ok(()),
            Ok(_) => "is there already; `--overwrite` puts the new one in its place",
        };
        Err(Error::new(Code::WrongUse, format!("--out `{}` {why}", path.display())))
    }

    fn bundle(
        &self,
        questions: &Questions,
        question: &Question,
        out: &Path,
        style: Style,
    ) -> Result<u8> {
        let note = match &self.checkpoint {
            Some(path) => input::read(path)?,
            None => questions.reader().resource("checkpoint")?.unwrap_or_default(),
        };
        let bundle = Bundling::new(questions, question, &note)?;
        let ((records, erasures), not_covered) = (bundle.holds(), bundle.not_covered);
        bundle.write_to(out)?;
        if not_covered > 0 {
            let (left_out, is) =
                (counted(not_covered, "record"), if not_covered == 1 { "is" } else { "are" });
            eprintln!(
                "note: {left_out} that would fit {is} not covered by the checkpoint, and left out"
            );
        }
        match style.json {
            true => {
                output::print_json(&serde_json::json!({"records": records, "erasures": erasures}))?
            }
            false => {
                let (records, erasures) =
                    (counted(records, "record"), counted(erasures, "erasure"));
                let text = format!("{records} and {erasures} in {}", out.display());
                output::print_line(text.as_bytes())?;
            }
        }
        Ok(0)
    }
}
