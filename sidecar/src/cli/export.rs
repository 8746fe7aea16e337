use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use sealtrail_record::json::{self, Value};

use super::criteria::{Criteria, Entities};
use super::prove::prove_under;
use super::{ConfigArg, Style, input, output, records};
use crate::code::Code;
use crate::error::{Error, Result};
use crate::export::{Bundle, Format, Table, View, ecs, ocsf, patch};
use crate::questions::{Found, Question, Questions, STORED};

/// Writes the records that fit all criteria in a form for others
///
/// Nothing is opened: what is sealed shows as `[sealed contact]`, and as `[erased]` once its key was destroyed; `lines`
/// and `bundle` have the lines as they are. Works beside a running server.
#[derive(Args)]
pub struct Export {
    #[command(flatten)]
    config: ConfigArg,
    #[arg(long, value_enum)]
    format: Form,
    /// Write here instead of to standard output; of a bundle a folder that is not there yet
    #[arg(long, value_name = "PATH", required_if_eq("format", "bundle"))]
    out: Option<PathBuf>,
    /// Prove a bundle under this checkpoint, one that witnesses cosigned, and not under the newest
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    #[command(flatten)]
    entities: Entities,
    #[command(flatten)]
    criteria: Criteria,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// One row per changed attribute, RFC 4180
    Csv,
    /// The same as NDJSON
    Rows,
    /// The lines of the log, byte for byte
    Lines,
    /// A patch for each record (RFC 6902), as NDJSON
    Patch,
    /// Open Cybersecurity Schema Framework, Entity Management
    Ocsf,
    /// Elastic Common Schema
    Ecs,
    /// For an auditor: lines, receipts, the checkpoint and its cosignatures; `verify-proof` checks it
    Bundle,
}

impl Export {
    pub fn run(self, style: Style) -> Result<u8> {
        if self.checkpoint.is_some() && self.format != Form::Bundle {
            return Err(Error::new(Code::WrongUse, "`--checkpoint` goes with `--format bundle`"));
        }
        let config = self.config.read()?;
        let question = self.criteria.among(&self.entities, &config)?;
        let questions = records::open(&config)?;
        if self.format == Form::Bundle {
            let out = self.out.as_deref().unwrap_or(Path::new(""));
            return self.bundle(&questions, &question, out, style);
        }
        match &self.out {
            None => {
                let mut block = Vec::new();
                self.each(&questions, &question, |bytes| {
                    block.extend_from_slice(bytes);
                    if block.len() > 64 << 10 {
                        output::print(&block)?;
                        block.clear();
                    }
                    Ok(())
                })?;
                output::print(&block)?;
            }
            // Half an export must not pass for one.
            Some(path) => {
                let mut name = path.file_name().unwrap_or_default().to_owned();
                name.push(".part");
                let part = path.with_file_name(name);
                let failed = |e: std::io::Error| Error::from(e).context(path.display());
                let mut file = BufWriter::new(File::create(&part).map_err(failed)?);
                self.each(&questions, &question, |bytes| file.write_all(bytes).map_err(failed))?;
                file.into_inner()
                    .map_err(|e| failed(e.into_error()))?
                    .sync_all()
                    .map_err(failed)?;
                fs::rename(&part, path).map_err(failed)?;
            }
        }
        Ok(0)
    }

    /// What is written of the answer, piece by piece.
    fn each(
        &self,
        questions: &Questions,
        question: &Question,
        mut write: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let destroyed = questions.destroyed_keys(0..u64::MAX)?;
        let table = match self.format {
            Form::Csv => Some(Table::new(Format::Csv)?.with_nobody(questions.nobody())),
            Form::Rows => Some(Table::new(Format::Rows)?.with_nobody(questions.nobody())),
            _ => None,
        };
        if let Some(table) = &table {
            write(table.names()?.as_bytes())?;
        }
        let mut fitting = questions.fitting(question, None)?;
        while let Some(found) = fitting.next()? {
            let line = match (&table, self.format) {
                (Some(table), _) => {
                    write(table.rows(&found.line, &destroyed)?.as_bytes())?;
                    continue;
                }
                (None, Form::Patch) => patch(&View::of(&found, &destroyed, questions.nobody())?),
                (None, Form::Ocsf) => {
                    Some(ocsf(&View::of(&found, &destroyed, questions.nobody())?))
                }
                (None, Form::Ecs) => Some(ecs(&View::of(&found, &destroyed, questions.nobody())?)),
                (None, _) => Some(found.line),
            };
            if let Some(line) = line {
                write(&line)?;
                write(b"\n")?;
            }
        }
        Ok(())
    }

    fn bundle(
        &self,
        questions: &Questions,
        question: &Question,
        out: &Path,
        style: Style,
    ) -> Result<u8> {
        let reader = questions.reader();
        let note = match &self.checkpoint {
            Some(path) => input::read(path)?,
            None => reader.resource("checkpoint")?.unwrap_or_default(),
        };
        let mut bundle = Bundle::create(out, &note)?;
        let (mut kids, mut known) = (HashSet::new(), HashSet::new());
        let mut fitting = questions.fitting(question, None)?;
        while let Some(found) = fitting.next()? {
            let (id, of_record) = id_and_keys(&found);
            kids.extend(of_record);
            known.insert(found.index);
            bundle.record(&found, id.as_deref(), &prove_under(&note, reader, found.index)?)?;
        }
        // Of keys of data subjects, and of months.
        for act in ["shred", "expire"] {
            let mut fitting = questions.fitting(&Question::parse([("action", act)])?, None)?;
            while let Some(found) = fitting.next()? {
                let (id, erased) = id_and_keys(&found);
                if erased.iter().any(|kid| kids.contains(kid)) && known.insert(found.index) {
                    let receipt = prove_under(&note, reader, found.index)?;
                    bundle.erasure(&found, id.as_deref(), &receipt)?;
                }
            }
        }
        let (records, erasures) = bundle.finish()?;
        match style.json {
            true => {
                output::print_json(&serde_json::json!({"records": records, "erasures": erasures}))?
            }
            false => {
                let text =
                    format!("{records} records and {erasures} erasures in {}", out.display());
                output::print_line(text.as_bytes())?;
            }
        }
        Ok(0)
    }
}

/// The id of a record, and the ids of the keys that it names.
fn id_and_keys(found: &Found) -> (Option<String>, Vec<String>) {
    let record = json::parse(&found.line, &STORED).unwrap_or(Value::Null);
    let seals = record.pointer("/data/seals").map(Value::items).unwrap_or_default();
    let kids = seals.iter().chain(record.get("data")).filter_map(|holder| holder.get("kids"));
    let kids = kids.flat_map(|kids| kids.items()).filter_map(Value::as_str).map(str::to_owned);
    (record.get("id").and_then(Value::as_str).map(str::to_owned), kids.collect())
}
