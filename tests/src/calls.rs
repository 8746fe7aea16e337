//! The form of the call vectors.

use serde::{Deserialize, Serialize};

/// A file of vectors.
#[derive(Serialize, Deserialize)]
pub struct Vectors {
    pub format: String,
    pub cases: Vec<Case>,
}

/// Calls on one fresh instance, in turn.
#[derive(Serialize, Deserialize)]
pub struct Case {
    pub name: String,
    pub calls: Vec<Call>,
}

/// One call and what must come of it.
#[derive(Serialize, Deserialize)]
pub struct Call {
    pub call: String,
    pub parts: Vec<Part>,
    /// The result as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ok: Option<String>,
    /// The code of the error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A part of the input frame.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
pub enum Part {
    Text(String),
    Hex { hex: String },
    Repeat { repeat: String, times: usize },
}

impl Part {
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Part::Text(text) => text.as_bytes().to_vec(),
            Part::Hex { hex } => unhex(hex),
            Part::Repeat { repeat, times } => repeat.repeat(*times).into_bytes(),
        }
    }
}

/// Bytes from hexadecimal; panics on anything else, because vectors are ours.
pub fn unhex(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
}
