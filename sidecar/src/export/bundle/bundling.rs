use std::collections::{HashSet, VecDeque};

use sealtrail_log::Reader;
use sealtrail_record::json::{self, Value};

use super::manifest::{
    CHECKPOINT, ERASURES, FORMAT, MANIFEST, Manifest, Named, RECORDS, proof_name,
};
use crate::code::Code;
use crate::erasure::{destroyed_by, keys_of};
use crate::error::{Error, Result};
use crate::export::Prover;
use crate::questions::{Found, Question, Questions, STORED};

/// A bundle on its way out of the log. What is in it is known from the beginning, by index and id; lines and receipts
/// are read when their turn comes.
pub struct Bundling {
    reader: Reader,
    prover: Prover,
    note: Vec<u8>,
    manifest: Manifest,
    records: Lines,
    erasures: Lines,
    /// Records that fit and are not covered by the checkpoint.
    pub not_covered: u64,
    ready: VecDeque<Part>,
    step: Step,
}

/// A part of a bundle.
pub enum Part {
    /// A file begins, of so many bytes.
    File { name: String, size: u64 },
    /// The next bytes of the file.
    Bytes(Vec<u8>),
}

/// The lines of a file.
#[derive(Default)]
struct Lines {
    indices: Vec<u64>,
    bytes: u64,
}

enum Step {
    Head,
    Records(usize),
    Erasures(usize),
    Proofs(usize),
    Done,
}

/// Lines that are read together; one is not cut.
const TOGETHER: usize = 64 << 10;

impl Bundling {
    /// The records that fit, as far as the checkpoint covers them, and the erasures that concern them.
    pub fn new(questions: &Questions, question: &Question, note: &[u8]) -> Result<Self> {
        let reader = questions.reader().clone();
        let prover = Prover::under(note, reader.clone())?;
        let checkpoint = prover.checkpoint();
        let mut manifest = Manifest {
            format: FORMAT.into(),
            origin: checkpoint.origin().into(),
            size: checkpoint.size(),
            root: checkpoint.root_text(),
            records: Vec::new(),
            erasures: Vec::new(),
        };
        let (mut records, mut erasures) = (Lines::default(), Lines::default());
        let (mut kids, mut known, mut not_covered) = (HashSet::new(), HashSet::new(), 0);
        let mut fitting = questions.fitting(question, None)?;
        while let Some(found) = fitting.next()? {
            if found.index >= manifest.size {
                not_covered += 1;
                continue;
            }
            let (named, of_record) = id_and_keys(&found);
            kids.extend(of_record);
            known.insert(found.index);
            records.add(&found);
            manifest.records.push(named);
        }
        // Of keys of data subjects, and of months.
        for act in ["shred", "expire"] {
            let mut fitting = questions.fitting(&Question::parse([("action", act)])?, None)?;
            while let Some(found) = fitting.next()? {
                let is_of = destroyed_by(&found.line).iter().any(|kid| kids.contains(kid));
                if is_of && found.index < manifest.size && known.insert(found.index) {
                    erasures.add(&found);
                    manifest.erasures.push(id_and_keys(&found).0);
                }
            }
        }
        Ok(Self {
            reader,
            prover,
            note: note.into(),
            manifest,
            records,
            erasures,
            not_covered,
            ready: VecDeque::new(),
            step: Step::Head,
        })
    }

    /// How many records it has, and erasures.
    pub fn holds(&self) -> (u64, u64) {
        (self.records.indices.len() as u64, self.erasures.indices.len() as u64)
    }

    /// Makes the next parts ready.
    fn advance(&mut self) -> Result<()> {
        self.step = match self.step {
            Step::Head => {
                let note = std::mem::take(&mut self.note);
                self.file(CHECKPOINT, note);
                let manifest = serde_json::to_vec_pretty(&self.manifest)
                    .map_err(|_| Error::new(Code::Internal, "the manifest cannot be written"))?;
                self.file(MANIFEST, manifest);
                (self.manifest.records, self.manifest.erasures) = (Vec::new(), Vec::new());
                self.begin(RECORDS, self.records.bytes);
                Step::Records(0)
            }
            Step::Records(at) => match self.records.read(at, &self.reader)? {
                Some((bytes, next)) => {
                    self.ready.push_back(Part::Bytes(bytes));
                    Step::Records(next)
                }
                None => {
                    self.begin(ERASURES, self.erasures.bytes);
                    Step::Erasures(0)
                }
            },
            Step::Erasures(at) => match self.erasures.read(at, &self.reader)? {
                Some((bytes, next)) => {
                    self.ready.push_back(Part::Bytes(bytes));
                    Step::Erasures(next)
                }
                None => Step::Proofs(0),
            },
            Step::Proofs(at) => {
                let mut all = self.records.indices.iter().chain(&self.erasures.indices);
                match all.nth(at).copied() {
                    Some(index) => {
                        let receipt = self.prover.receipt(index)?;
                        self.file(&proof_name(index), receipt.to_text().into_bytes());
                        Step::Proofs(at + 1)
                    }
                    None => Step::Done,
                }
            }
            Step::Done => Step::Done,
        };
        Ok(())
    }

    fn file(&mut self, name: &str, bytes: Vec<u8>) {
        self.begin(name, bytes.len() as u64);
        self.ready.push_back(Part::Bytes(bytes));
    }

    fn begin(&mut self, name: &str, size: u64) {
        self.ready.push_back(Part::File { name: name.to_owned(), size });
    }
}

impl Iterator for Bundling {
    type Item = Result<Part>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.ready.is_empty() && !matches!(self.step, Step::Done) {
            if let Err(error) = self.advance() {
                self.step = Step::Done;
                return Some(Err(error));
            }
        }
        self.ready.pop_front().map(Ok)
    }
}

impl Lines {
    fn add(&mut self, found: &Found) {
        self.indices.push(found.index);
        self.bytes += found.line.len() as u64 + 1;
    }

    /// Some of the lines, and where to go on; none behind the last.
    fn read(&self, from: usize, reader: &Reader) -> Result<Option<(Vec<u8>, usize)>> {
        let (mut bytes, mut at) = (Vec::new(), from);
        while let Some(index) = self.indices.get(at).filter(|_| bytes.len() < TOGETHER) {
            bytes.extend_from_slice(&reader.read(*index)?);
            bytes.push(b'\n');
            at += 1;
        }
        Ok((at > from).then_some((bytes, at)))
    }
}

fn id_and_keys(found: &Found) -> (Named, HashSet<String>) {
    let record = json::parse(&found.line, &STORED).unwrap_or(Value::Null);
    let id = record.get("id").and_then(Value::as_str).map(str::to_owned);
    (Named { index: found.index, id }, keys_of(&record))
}
