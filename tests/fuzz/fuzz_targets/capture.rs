//! The whole capture: what the policy protects is in no byte of the record or of an error, the
//! record opens with its keys, and the patch leads from one image to the other.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use sealtrail_core::{Format, Limits, Policy, diff, open, preview};
use sealtrail_fuzz::choices::Choices;
use sealtrail_fuzz::fixture::{self, ORIGIN};
use sealtrail_fuzz::images::{self, Canaries};
use sealtrail_fuzz::{judge, policies};
use serde_json::{Value, json};

fuzz_target!(|bytes: &[u8]| {
    let mut choices = Choices::new(bytes);
    let mut canaries = Canaries::default();
    let made = policies::make(&mut choices);
    let policy = made.document.to_string();
    let policy = Arc::new(Policy::parse(policy.as_bytes()).expect("a policy of ours"));
    let (before, after) = images::pair(&mut choices, &mut canaries);
    let name = canaries.text(&mut choices);
    let context = json!({
        "correlation_id": "c", "actor": {"id": "u", "name": name, "more": [{"name": name}]},
        "request": {"path": "/x", "query": {"q": name}},
    });
    let texts = [&before, &after].map(|image| {
        let mut text = String::new();
        images::write(image, &mut choices, &mut text);
        text
    });

    let mut secrets = judge::secrets(&made, &[&before, &after]);
    secrets.push(name.to_string().trim_matches('"').to_owned());
    let change = change(&texts, &mut choices);
    let reveals = |text: &[u8]| {
        let text = String::from_utf8(text.to_vec()).expect("UTF-8");
        secrets.iter().find(|secret| text.contains(secret.as_str())).cloned()
    };
    match fixture::record(&policy, change.as_bytes(), context.to_string().as_bytes()) {
        Ok(Some((line, seals))) => {
            let record: Value = serde_json::from_slice(&line).expect("a record is JSON");
            assert_eq!(reveals(&line), None, "in the record under {}", made.document);
            let listed = record["data"]["seals"].as_array().expect("seals");
            let tokens: usize = listed.iter().map(|s| s["at"].as_array().unwrap().len()).sum();
            let fields = open(ORIGIN, &line, &fixture::openings(seals)).expect("its own keys");
            let fields: Value = serde_json::from_slice(&fields).expect("fields are JSON");
            assert_eq!(fields.as_array().map(Vec::len), Some(tokens));
        }
        Ok(None) => {}
        Err(error) => {
            assert_eq!(reveals(&error.to_json()), None, "in the error {}", error.code());
        }
    }
    if let Ok(shown) = preview(&policy, change.as_bytes(), b"", &[7; 32], &Limits::default()) {
        // Beside the record it names the data subjects, as a host must know them.
        let shown: Value = serde_json::from_slice(&shown).expect("a preview is JSON");
        let record = shown["record"].to_string();
        assert_eq!(reveals(record.as_bytes()), None, "in the preview under {}", made.document);
    }
    if !made.has_sets {
        patch_leads_over(&texts, &made.arrays);
    }
});

/// All shapes that a change comes in, the most telling one most often.
fn change([before, after]: &[String; 2], choices: &mut Choices<'_>) -> String {
    let head = r#"{"entity":{"type":"t","id":"1"},"action""#;
    match choices.below(12) {
        0..=7 => format!(r#"{head}:"update","before":{before},"after":{after}}}"#),
        8 => format!(r#"{head}:"create","after":{after}}}"#),
        9 => format!(r#"{head}:"delete","before":{before}}}"#),
        10 => format!(r#"{head}:"update","after":{after}}}"#),
        _ => format!(
            r#"{{"table_id":"t","entity_id":"1","action":"update","old data":{before},"_new_data":{after}}}"#
        ),
    }
}

fn patch_leads_over([before, after]: &[String; 2], arrays: &Value) {
    let policy = json!({"id": "p", "version": "1", "default": "keep", "arrays": arrays});
    let policy = Policy::parse(policy.to_string().as_bytes()).expect("a policy of ours");
    let limits = Limits::default();
    let texts = (before.as_bytes(), after.as_bytes());
    let patch = diff(texts.0, texts.1, Some(&policy), false, Format::Patch, &limits);
    let patch: json_patch::Patch =
        serde_json::from_slice(&patch.expect("a difference")).expect("RFC 6902");
    let [mut image, after] = [before, after].map(|t| serde_json::from_str::<Value>(t).unwrap());
    json_patch::patch(&mut image, &patch).expect("the patch applies");
    assert!(judge::same(&image, &after), "the patch leads elsewhere: {patch}");
}
