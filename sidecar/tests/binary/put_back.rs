//! A log or a keyring that was put back to an older copy.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::place::{Place, change};
use super::served::Served;

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// Three records, an index of all of them, and then the log of the first alone.
fn put_back() -> Place {
    let place = Place::new();
    assert_eq!(place.append(change("c-0").as_bytes()).code, 0);
    copy(&place.path("log"), &place.path("copy"));
    let two = format!("{}\n{}\n", change("c-1"), change("c-2"));
    assert_eq!(place.append(two.as_bytes()).code, 0);
    fs::remove_dir_all(place.path("log")).unwrap();
    fs::rename(place.path("copy"), place.path("log")).unwrap();
    place
}

#[test]
fn it_is_told_loudly_and_the_index_is_built_again() {
    let place = put_back();
    fs::write(place.path("index/notes.txt"), "mine").unwrap();
    let read = place.run("history", &["customer", "3"]);
    assert!(read.stderr.contains("ERROR") && read.stderr.contains("records_in_log=1"), "{read:?}");

    let served = Served::start(&place);
    served.post_change(&change("c-9"));
    let (code, said) = served.terminate();
    assert_eq!(code, 0);
    assert!(said.contains("ERROR") && said.contains("put back to an older copy"), "{said}");
    assert!(said.contains("records_in_index=3") && said.contains("records_in_log=1"), "{said}");
    assert_eq!(fs::read_to_string(place.path("index/notes.txt")).unwrap(), "mine");
    let found = place.run("history", &["customer", "3", "--json"]);
    assert_eq!((found.stdout.lines().count(), found.stderr.as_str()), (2, ""), "{found:?}");
}

#[test]
fn an_index_is_never_put_where_anything_else_is() {
    let place = put_back();
    // Where an index of a longer log would be found, and everything else too.
    for file in fs::read_dir(place.path("index")).unwrap() {
        let file = file.unwrap();
        fs::rename(file.path(), place.path(file.file_name().to_str().unwrap())).unwrap();
    }
    place.add_config("");
    let config = fs::read_to_string(place.path("sealtrail.toml")).unwrap();
    let config: String = config
        .lines()
        .filter(|line| !line.starts_with("index_dir"))
        .map(|l| format!("{l}\n"))
        .collect();
    let config = config.replacen("origin =", "index_dir = \".\"\norigin =", 1);
    fs::write(place.path("sealtrail.toml"), config).unwrap();
    place.append(change("c-3").as_bytes()).refused(3, "index_dir must be a folder of its own");
    for kept in ["keyring", "log", "keys/kek", "policy.json"] {
        assert!(place.path(kept).exists(), "{kept}");
    }
}

/// Nobody has asked for anything that would have compared log and keyring.
#[test]
fn the_first_change_of_whom_an_older_keyring_brings_back_has_a_new_key() {
    let place = Place::new();
    assert_eq!(place.append(change("c-0").as_bytes()).code, 0);
    copy(&place.path("keyring"), &place.path("copy"));
    assert_eq!(place.run("shred", &["customer/3", "--reason", "r"]).code, 0);
    fs::remove_dir_all(place.path("keyring")).unwrap();
    fs::rename(place.path("copy"), place.path("keyring")).unwrap();
    let served = Served::start(&place);
    assert_eq!(served.post_change(&change("c-1")).status, 200);
    assert_eq!(served.terminate().0, 0);
    let records: Vec<Value> =
        place.lines().iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kids = [0, 2].map(|n| records[n]["data"]["seals"][0]["kids"][0].as_str().unwrap());
    assert_ne!(kids[0], kids[1]);
}
