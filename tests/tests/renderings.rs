//! The renderings of a difference, by the word of somebody else: what `json-patch` makes of our
//! patches must be the image after.

use std::collections::BTreeMap;

use sealtrail_core::{Format, Limits, Policy, diff};
use sealtrail_history::words::{self, Style};
use sealtrail_tests::random::{Random, images};
use serde_json::{Value, json};

const ROUNDS: u64 = 600;

const MATCHINGS: [&str; 5] = [
    "[]",
    r#"[{"select":"$..*","match":"position"}]"#,
    r#"[{"select":"$..*","match":"sequence"}]"#,
    r#"[{"select":"$..items","match":"key","key":"id"}]"#,
    r#"[{"select":"$..*","match":"key","key":["/id"]},{"select":"$..items","match":"sequence"}]"#,
];

fn rendered(before: &Value, after: &Value, arrays: &str, format: Format<'_>) -> Value {
    serde_json::from_str(&text(before, after, arrays, format)).unwrap()
}

fn text(before: &Value, after: &Value, arrays: &str, format: Format<'_>) -> String {
    let policy =
        format!(r#"{{"id":"t","version":"1","default":"keep","arrays":{arrays},"secrets":false}}"#);
    let policy = Policy::parse(policy.as_bytes()).unwrap();
    let (before, after) = (before.to_string(), after.to_string());
    let (before, after, limits) = (before.as_bytes(), after.as_bytes(), Limits::default());
    let text = diff(before, after, Some(&policy), false, format, &limits).unwrap();
    String::from_utf8(text).unwrap()
}

fn applied(image: &Value, patch: &Value) -> Result<Value, String> {
    let mut image = image.clone();
    let operations: json_patch::Patch =
        serde_json::from_value(patch.clone()).map_err(|e| e.to_string())?;
    json_patch::patch(&mut image, &operations).map_err(|e| e.to_string())?;
    Ok(image)
}

#[test]
fn a_patch_gives_the_image_after() {
    let mut moves = 0;
    for seed in 0..ROUNDS {
        let (before, after) = images(seed);
        for arrays in MATCHINGS {
            for format in [Format::Patch, Format::PatchWithTests] {
                let patch = rendered(&before, &after, arrays, format);
                let image = applied(&before, &patch);
                assert_eq!(image, Ok(after.clone()), "seed {seed}, {arrays}, {format:?}: {patch}");
                moves += operations(&patch, "move");
            }
        }
    }
    assert!(moves > 500, "only {moves} moves were tried");
}

/// Sets have no order, and neither has what comes of them: equal as multisets, at every depth.
#[test]
fn a_patch_of_sets_gives_the_same_elements() {
    let arrays = r#"[{"select":"$..*","match":"set"}]"#;
    for seed in 0..ROUNDS {
        let (before, after) = images(seed);
        for format in [Format::Patch, Format::PatchWithTests] {
            let patch = rendered(&before, &after, arrays, format);
            let image =
                applied(&before, &patch).unwrap_or_else(|e| panic!("seed {seed}: {e}: {patch}"));
            assert_eq!(unordered(&image), unordered(&after), "seed {seed}: {patch}");
        }
    }
}

/// One test for each operation that takes something away, and each of them can fail: where the value
/// is another one, nothing is done.
#[test]
fn tests_refuse_another_image() {
    let mut refused = 0;
    for seed in 0..ROUNDS {
        let (before, after) = images(seed);
        let arrays = MATCHINGS[seed as usize % MATCHINGS.len()];
        let patch = rendered(&before, &after, arrays, Format::PatchWithTests);
        let wanted = ["remove", "replace", "move"].map(|op| operations(&patch, op));
        assert_eq!(
            operations(&patch, "test"),
            wanted.iter().sum::<usize>(),
            "seed {seed}: {patch}"
        );
        for i in 0..patch.as_array().unwrap().len() {
            if patch[i]["op"] == "test" {
                let mut other = patch.clone();
                other[i]["value"] = json!({"another": "value"});
                assert!(applied(&before, &other).is_err(), "seed {seed}: {other}");
                refused += 1;
            }
        }
    }
    assert!(refused > 1000, "only {refused} tests were tried");
}

#[test]
fn the_changes_backwards_give_the_image_before() {
    for seed in 0..ROUNDS {
        let (before, after) = images(seed);
        for arrays in MATCHINGS {
            let changes = rendered(&before, &after, arrays, Format::Changes);
            let backwards: Vec<Value> =
                changes.as_array().unwrap().iter().rev().map(undone).collect();
            let image = applied(&after, &Value::Array(backwards));
            assert_eq!(image, Ok(before.clone()), "seed {seed}, {arrays}: {changes}");
        }
    }
}

/// The numbers of a test are those of the image, as they are written there, wherever they moved.
#[test]
fn tests_of_moves_speak_of_the_image_before() {
    let before = json!({"items": [{"id": 1, "n": 1.0}, {"id": 2, "n": [2]}, {"id": 3}, {"id": 4}]});
    let after = json!({"items": [{"id": 4}, {"id": 2, "n": [2, 3]}, {"id": 1, "n": 1}]});
    let patch = rendered(&before, &after, MATCHINGS[3], Format::PatchWithTests);
    let tests = |patch: &Value| -> Vec<(String, Value)> {
        let all = patch.as_array().unwrap().iter().filter(|o| o["op"] == "test");
        all.map(|o| (o["path"].as_str().unwrap().to_owned(), o["value"].clone())).collect()
    };
    assert!(tests(&patch).contains(&("/items/0".into(), json!({"id": 1, "n": 1.0}))), "{patch}");
    assert_eq!(applied(&before, &patch).unwrap()["items"].as_array().unwrap().len(), 3);
}

/// Beside the values, never in their place: without the words the list is the same.
#[test]
fn words_stand_beside_the_values() {
    let mut seen = 0;
    for seed in 0..ROUNDS {
        let mut random = Random::of(seed);
        let mut text = || -> Value {
            let words = ["one", "two", " ", ", ", "é", "日本", "\n", "x y"];
            let length = random.below(60);
            (0..length).map(|_| words[random.below(8) as usize]).collect::<String>().into()
        };
        let (before, after) = (json!({"t": text()}), json!({"t": text()}));
        let mut with = rendered(&before, &after, "[]", Format::ChangesWithWords);
        for change in with.as_array_mut().unwrap() {
            let (old, new) = (change["old"].clone(), change["new"].clone());
            let (old, new) = (old.as_str().unwrap(), new.as_str().unwrap());
            let words = change.as_object_mut().unwrap().remove("words");
            assert_eq!(words.is_some(), old.len().max(new.len()) > 64);
            let Some(words) = words else { continue };
            let all = |sign: &str| -> String {
                let runs = words.as_array().unwrap().iter();
                runs.filter(|run| run[0] == "=" || run[0] == sign)
                    .map(|run| run[1].as_str().unwrap())
                    .collect()
            };
            assert_eq!((all("-").as_str(), all("+").as_str()), (old, new), "seed {seed}");
            seen += 1;
        }
        assert_eq!(with, rendered(&before, &after, "[]", Format::Changes));
    }
    assert!(seen > 100, "only {seen} long texts were tried");
}

/// Too much to compare: the words are still both texts, and it is said that they are coarse.
#[test]
fn words_beyond_the_budget_are_coarse_and_say_so() {
    let mut random = Random::of(1);
    let mut text = || -> String {
        (0..100_000).map(|_| if random.below(2) == 0 { '!' } else { '?' }).collect()
    };
    let (before, after) = (json!(text()), json!(text()));
    let changes = rendered(&before, &after, "[]", Format::ChangesWithWords);
    assert_eq!(changes[0]["words_coarse"], true);
    let runs = changes[0]["words"].as_array().unwrap();
    assert!(runs.len() <= 4, "{} runs", runs.len());
    assert_eq!((&changes[0]["old"], &changes[0]["new"]), (&before, &after));
}

fn operations(patch: &Value, op: &str) -> usize {
    patch.as_array().unwrap().iter().filter(|operation| operation["op"] == op).count()
}

fn undone(change: &Value) -> Value {
    match change["op"].as_str().unwrap() {
        "move" => json!({"op": "move", "path": change["from"], "from": change["path"]}),
        "add" => json!({"op": "remove", "path": change["path"]}),
        "remove" => json!({"op": "add", "path": change["path"], "value": change["old"]}),
        _ => json!({"op": "replace", "path": change["path"], "value": change["old"]}),
    }
}

/// A value with every array as how often it has which element.
fn unordered(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            let mut counts: BTreeMap<String, usize> = BTreeMap::new();
            items.iter().for_each(|item| *counts.entry(unordered(item)).or_default() += 1);
            format!("set{counts:?}")
        }
        Value::Object(members) => {
            let members: BTreeMap<&String, String> =
                members.iter().map(|(key, value)| (key, unordered(value))).collect();
            format!("{members:?}")
        }
        other => other.to_string(),
    }
}

/// A history tells the changes of a record in the words of a difference, on lines.
#[test]
fn a_history_speaks_as_a_difference_does() {
    let mut told = 0;
    for seed in 0..ROUNDS {
        let (before, after) = images(seed);
        for arrays in MATCHINGS {
            let changes = text(&before, &after, arrays, Format::Changes);
            let words = text(&before, &after, arrays, Format::Words { entity: "" });
            let record = format!("{{\"data\":{{\"changes\":{changes}}}}}");
            let history = on_one_line(&words::record(record.as_bytes(), Style::PLAIN));
            // What is long is cut there.
            if history.contains('…') || history.contains(" more") {
                continue;
            }
            assert_eq!(history, words, "seed {seed}, {arrays}: {changes}");
            told += usize::from(words.contains(": 1. ")) + usize::from(words.contains("; 2. "));
        }
    }
    assert!(told > 500, "only {told} collections were told");
}

/// The lines of a record without its head, as `diff` sets them.
fn on_one_line(history: &str) -> String {
    let lines: Vec<&str> = history.lines().skip(1).map(str::trim).collect();
    if lines.is_empty() {
        return String::new();
    }
    let mut all = String::from("changes:");
    for (i, line) in lines.iter().enumerate() {
        let is_item = line.split_once(". ").is_some_and(|(n, _)| n.parse::<u32>().is_ok());
        all += match (is_item, i) {
            (_, 0) => " ",
            (true, _) if line.starts_with("1. ") => " ",
            (true, _) => "; ",
            (false, _) => ";\n  ",
        };
        all += line;
    }
    all + "\n"
}
