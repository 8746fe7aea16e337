//! What an answer is about, without its records: attributes, entities, or types of entities.

use std::collections::HashMap;

use sealtrail_record::json::{self, Value};
use serde::{Deserialize, Serialize};

use super::{Question, Questions, STORED};
use crate::code::Code;
use crate::erasure::{actor_of, anonymise};
use crate::error::{Error, Result, shown};

/// How finely things are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Grain {
    /// Attributes of entities
    Element,
    /// Entities
    Row,
    /// Types of entities
    Table,
}

/// Something that the records of an answer have changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Touched {
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attribute: Option<String>,
    pub records: u64,
    pub first_index: u64,
    pub last_index: u64,
    pub last_time: Option<String>,
    /// Who was the last.
    pub last_actor: Option<String>,
}

/// More than anybody reads; a narrower question, or a coarser grain, gives fewer.
const MOST: usize = 100_000;

impl Grain {
    pub fn name(self) -> &'static str {
        match self {
            Self::Element => "element",
            Self::Row => "row",
            Self::Table => "table",
        }
    }

    pub fn parse(text: &str) -> Result<Self> {
        match text {
            "element" => Ok(Self::Element),
            "row" => Ok(Self::Row),
            "table" => Ok(Self::Table),
            other => {
                let other = shown(other);
                let message = format!("`grain` is `element`, `row` or `table`, got `{other}`");
                Err(Error::new(Code::BadRequest, message))
            }
        }
    }
}

impl Questions {
    /// What the records that fit have changed, in the order in which it was touched first.
    pub fn touched(&self, question: &Question, grain: Grain) -> Result<Vec<Touched>> {
        type Key = (String, Option<String>, Option<String>);
        let mut places = HashMap::<Key, usize>::new();
        let mut all = Vec::<Touched>::new();
        let mut fitting = self.fitting(question, None)?;
        let destroyed = self.destroyed_keys(0..u64::MAX)?;
        while let Some(found) = fitting.next()? {
            let Ok(mut record) = json::parse(&found.line, &STORED) else { continue };
            anonymise(&mut record, &destroyed, self.nobody());
            let text = |at| record.pointer(at).and_then(Value::as_str).map(str::to_owned);
            let Some(kind) = text("/data/entity/type") else { continue };
            let id = text("/data/entity/id").filter(|_| grain != Grain::Table);
            let changes = record.pointer("/data/changes").map(Value::items).unwrap_or_default();
            let attributes: Vec<Option<String>> = match grain {
                Grain::Element => {
                    let paths = changes.iter().filter_map(|change| change.get("path")?.as_str());
                    paths.map(|path| Some(path.to_owned())).collect()
                }
                _ => vec![None],
            };
            for attribute in attributes {
                let key = (kind.clone(), id.clone(), attribute.clone());
                let place = *places.entry(key).or_insert(all.len());
                if place == all.len() {
                    if all.len() == MOST {
                        let message = format!("more than {MOST} are touched; ask for less at once");
                        return Err(Error::new(Code::TooLarge, message));
                    }
                    all.push(Touched {
                        kind: kind.clone(),
                        id: id.clone(),
                        attribute,
                        records: 0,
                        first_index: found.index,
                        last_index: found.index,
                        last_time: None,
                        last_actor: None,
                    });
                }
                let touched = &mut all[place];
                touched.records += 1;
                touched.first_index = touched.first_index.min(found.index);
                if found.index >= touched.last_index {
                    touched.last_index = found.index;
                    touched.last_time = text("/time").or_else(|| text("/recordedtime"));
                    touched.last_actor = actor_of(&record, &destroyed, self.nobody());
                }
            }
        }
        Ok(all)
    }
}
