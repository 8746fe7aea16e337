use super::bundle::{Bundling, Tar};
use super::parquet::Parquet;
use super::spreadsheet::guarded;
use super::{Form, Format, Table, View, ecs, ocsf, patch};
use crate::engine::Sandbox;
use crate::erasure::Destroyed;
use crate::error::Result;
use crate::questions::{Fitting, Found, Question, Questions};

/// An answer in a form for others, piece by piece, to be joined.
pub enum Pieces {
    Records(Box<Exported>),
    Bundle(Box<Tar>),
}

impl Pieces {
    /// How many records that fit left nothing in it so far: what has a row for each attribute has none of an act.
    pub fn left_out(&self) -> u64 {
        match self {
            Self::Records(exported) => exported.left_out,
            Self::Bundle(_) => 0,
        }
    }

    /// Whether nothing follows.
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Records(exported) if matches!(exported.stage, Stage::Done))
    }
}

impl Iterator for Pieces {
    type Item = Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Records(exported) => exported.next(),
            Self::Bundle(tar) => tar.next(),
        }
    }
}

/// The records that fit a question now, in a form for others. However many they are, few are in memory at a time; of
/// a bundle the ids of all.
pub fn pieces(
    questions: &Questions,
    question: &Question,
    form: Form,
    sandbox: Sandbox,
) -> Result<Pieces> {
    let nobody = questions.nobody();
    let table = |format| Table::of(format, sandbox).with_nobody(nobody);
    let writer = match form {
        Form::Csv => Writer::Table(table(Format::Csv)),
        Form::Spreadsheet => Writer::Spreadsheet(table(Format::Csv)),
        Form::Rows => Writer::Table(table(Format::Rows)),
        Form::Parquet => Writer::Parquet(Box::new(Parquet::new(table(Format::Rows))?)),
        Form::Lines => Writer::Lines,
        Form::Patch => Writer::Events(patch),
        Form::Ocsf => Writer::Events(|view| Some(ocsf(view))),
        Form::Ecs => Writer::Events(|view| Some(ecs(view))),
        Form::Bundle => {
            let note = questions.reader().resource("checkpoint")?.unwrap_or_default();
            return Ok(Pieces::Bundle(Box::new(Tar::of(Bundling::new(
                questions, question, &note,
            )?))));
        }
    };
    Ok(Pieces::Records(Box::new(Exported {
        fitting: questions.fitting(question, None)?,
        writer,
        destroyed: questions.destroyed_keys(0..u64::MAX)?,
        nobody: nobody.to_owned(),
        stage: Stage::Head,
        left_out: 0,
    })))
}

/// Whose records are written one after another.
pub struct Exported {
    fitting: Fitting,
    writer: Writer,
    destroyed: Destroyed,
    nobody: String,
    stage: Stage,
    left_out: u64,
}

enum Stage {
    Head,
    Records,
    Done,
}

enum Writer {
    Table(Table),
    Spreadsheet(Table),
    Parquet(Box<Parquet>),
    Lines,
    Events(fn(&View<'_>) -> Option<Vec<u8>>),
}

/// A piece is not longer than this and what one record makes of it.
const PIECE: usize = 64 << 10;

impl Iterator for Exported {
    type Item = Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.piece() {
            Ok(piece) => (!piece.is_empty()).then_some(Ok(piece)),
            Err(error) => {
                self.stage = Stage::Done;
                Some(Err(error))
            }
        }
    }
}

impl Exported {
    /// Nothing behind the end.
    fn piece(&mut self) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        if matches!(self.stage, Stage::Head) {
            self.stage = Stage::Records;
            if let Writer::Table(table) | Writer::Spreadsheet(table) = &self.writer {
                out.extend_from_slice(table.names()?.as_bytes());
            }
        }
        while matches!(self.stage, Stage::Records) && out.len() < PIECE {
            match self.fitting.next()? {
                Some(found) => self.write(found, &mut out)?,
                None => {
                    self.stage = Stage::Done;
                    if let Writer::Parquet(parquet) = &mut self.writer {
                        parquet.finish(&mut out)?;
                    }
                }
            }
        }
        Ok(out)
    }

    fn write(&mut self, found: Found, out: &mut Vec<u8>) -> Result<()> {
        let line = match &mut self.writer {
            Writer::Table(table) => {
                let rows = table.rows(&found.line, &self.destroyed)?;
                self.left_out += u64::from(rows.is_empty());
                out.extend_from_slice(rows.as_bytes());
                return Ok(());
            }
            Writer::Parquet(parquet) => {
                let rows = parquet.write(&found, &self.destroyed, out)?;
                self.left_out += u64::from(rows == 0);
                return Ok(());
            }
            Writer::Spreadsheet(table) => {
                let rows = table.rows(&found.line, &self.destroyed)?;
                self.left_out += u64::from(rows.is_empty());
                out.extend_from_slice(guarded(&rows).as_bytes());
                return Ok(());
            }
            Writer::Lines => Some(found.line),
            Writer::Events(event) => event(&View::of(&found, &self.destroyed, &self.nobody)?),
        };
        match line {
            Some(line) => {
                out.extend_from_slice(&line);
                out.push(b'\n');
            }
            None => self.left_out += 1,
        }
        Ok(())
    }
}
