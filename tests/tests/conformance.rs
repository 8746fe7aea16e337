//! The call vectors, natively. `BLESS=1` writes what came out into the files, to be read before it
//! is committed.

use std::fs;
use std::path::{Path, PathBuf};

use sealtrail_core::Session;
use sealtrail_record::frame::Frame;
use sealtrail_tests::calls::{Call, Case, Part, Vectors};

#[test]
fn capture() {
    check("capture.json", read("capture.json"));
}

#[test]
fn seal_v1_by_records() {
    check("seal-v1-calls.json", from_seal_vectors());
}

fn check(file: &str, mut vectors: Vectors) {
    let bless = std::env::var_os("BLESS").is_some();
    let mut wrong = Vec::new();
    for case in &mut vectors.cases {
        let mut session = Session::default();
        for (i, call) in case.calls.iter_mut().enumerate() {
            let (ok, error) = run(&mut session, call);
            if !bless && (&ok, &error) != (&call.ok, &call.error) {
                wrong.push(format!(
                    "{}, call {i}: wanted {:?} {:?}, got {ok:?} {error:?}",
                    case.name, call.ok, call.error
                ));
            }
            (call.ok, call.error) = (ok, error);
        }
    }
    if bless {
        let text = serde_json::to_string_pretty(&vectors).unwrap() + "\n";
        fs::write(path(file), text).unwrap();
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(
        vectors.cases.iter().flat_map(|c| &c.calls).all(|c| c.ok.is_some() != c.error.is_some())
    );
}

fn run(session: &mut Session, call: &Call) -> (Option<String>, Option<String>) {
    let frame = call.parts.iter().fold(Frame::new(), |frame, part| frame.part(&part.bytes()));
    let function = sealtrail_guest::calls::by_name(&call.call).expect("a function of the guest");
    match function(session, &frame.into_bytes()) {
        Ok(bytes) => (Some(String::from_utf8(bytes).expect("UTF-8")), None),
        Err(error) => (None, Some(error.code().to_owned())),
    }
}

/// Every vector of `seal-v1.json` as a record to open: the token stands where its location says,
/// and what must fail must fail.
fn from_seal_vectors() -> Vectors {
    let source: serde_json::Value =
        serde_json::from_slice(&fs::read(path("seal-v1.json")).unwrap()).unwrap();
    let mut cases = Vec::new();
    for field in source["fields"].as_array().unwrap() {
        let name = format!("opens {}", text(&field["location"]));
        cases.push(opening(
            name,
            &source,
            &source,
            &field["location"],
            &field["token"],
            &source["commitment"],
        ));
    }
    for case in source["must_fail"].as_array().unwrap() {
        let name = format!("must fail: {}", text(&case["case"]));
        cases.push(opening(
            name,
            case,
            &source,
            &case["location"],
            &case["token"],
            &case["commitment"],
        ));
    }
    let vectors = Vectors { format: "sealtrail calls v1".into(), cases };
    if std::env::var_os("BLESS").is_some() {
        return vectors;
    }
    // The file has the results; the calls must still be those of the source.
    let stored = read("seal-v1-calls.json");
    assert_eq!(stored.cases.len(), vectors.cases.len());
    for (stored, made) in stored.cases.iter().zip(&vectors.cases) {
        assert_eq!(
            serde_json::to_value(&stored.calls[0].parts).unwrap(),
            serde_json::to_value(&made.calls[0].parts).unwrap()
        );
        let must_fail = made.name.starts_with("must fail");
        assert_eq!(stored.calls[0].error.is_some(), must_fail, "{}", made.name);
    }
    stored
}

fn opening(
    name: String,
    scope: &serde_json::Value,
    source: &serde_json::Value,
    location: &serde_json::Value,
    token: &serde_json::Value,
    commit: &serde_json::Value,
) -> Case {
    let keys = scope["keys"].as_array().unwrap();
    let (side, pointer) = text(location).split_once(':').unwrap();
    let mut data = serde_json::json!({});
    let at = if side == "rec" {
        // Only objects stand in the way of these pointers.
        let names: Vec<&str> = pointer.trim_start_matches("/data/").split('/').collect();
        let mut value = token.clone();
        for name in names.iter().rev() {
            value = serde_json::json!({ *name: value });
        }
        data = value;
        pointer.to_owned()
    } else {
        data["changes"] = serde_json::json!([{"op": "replace", "path": pointer, side: token}]);
        format!("/data/changes/0/{side}")
    };
    data["seals"] = serde_json::json!([{
        "alg": "A256GCM-HS256", "group": scope["group"],
        "kids": [keys[0]["kid"], keys[1]["kid"]], "commit": commit, "at": [at],
    }]);
    let record = serde_json::json!({"id": scope["record_id"], "data": data});
    let hex = |key: &serde_json::Value| Part::Hex { hex: text(&key["hex"]).to_owned() };
    let parts = vec![
        Part::Text(text(&scope["origin"]).to_owned()),
        Part::Text(record.to_string()),
        Part::Text("0".into()),
        hex(&keys[0]),
        hex(&keys[1]),
    ];
    assert_eq!(source["format"], "sealtrail seal v1");
    Case { name, calls: vec![Call { call: "open".into(), parts, ok: None, error: None }] }
}

fn text(value: &serde_json::Value) -> &str {
    value.as_str().expect("a text")
}

fn read(file: &str) -> Vectors {
    serde_json::from_slice(&fs::read(path(file)).unwrap()).unwrap()
}

fn path(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors").join(file)
}
