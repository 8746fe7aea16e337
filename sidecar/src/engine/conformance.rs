//! The shared call vectors under wasmtime: what production runs gives the bytes that every other
//! runtime gives.

use std::fs;
use std::path::Path;

use sealtrail_record::frame::Frame;
use serde_json::Value;

use super::Sandbox;
use super::calls::EXPORTS;
use crate::code::Code;
use crate::config::Limits;

#[test]
fn capture() {
    run("capture.json");
}

#[test]
fn seal_v1() {
    run("seal-v1-calls.json");
}

fn run(file: &str) {
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors").join(file);
    let vectors: Value = serde_json::from_slice(&fs::read(vectors).unwrap()).unwrap();
    let sandbox = Sandbox::new(&Limits::default()).unwrap();
    let mut calls = 0;
    for case in vectors["cases"].as_array().unwrap() {
        let mut guest = sandbox.guest().unwrap();
        for call in case["calls"].as_array().unwrap() {
            let parts = call["parts"].as_array().unwrap();
            let frame = parts.iter().fold(Frame::new(), |frame, part| frame.part(&bytes(part)));
            let names = EXPORTS.iter().chain(&["text_difference"]);
            let name = names.copied().find(|name| call["call"] == **name).unwrap();
            let got = guest.call(name, &frame.into_bytes());
            match (got, call["ok"].as_str(), call["error"].as_str()) {
                (Ok(bytes), Some(ok), None) => {
                    assert_eq!(String::from_utf8(bytes).unwrap(), ok, "{}", case["name"]);
                }
                (Err(error), None, Some(code)) => {
                    assert_eq!(error.code(), Code::of_name(code), "{}", case["name"]);
                }
                (Ok(_), ..) => panic!("{} was not refused", case["name"]),
                (Err(error), ..) => panic!("{}: {error}", case["name"]),
            }
            calls += 1;
        }
    }
    assert!(calls >= 20, "only {calls} calls in {file}");
}

fn bytes(part: &Value) -> Vec<u8> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    match part {
        Value::String(text) => text.clone().into_bytes(),
        part if part["hex"].is_string() => {
            let hex = text(&part["hex"]);
            let byte = |i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap();
            (0..hex.len()).step_by(2).map(byte).collect()
        }
        part => text(&part["repeat"])
            .repeat(usize::try_from(part["times"].as_u64().unwrap()).unwrap())
            .into_bytes(),
    }
}
