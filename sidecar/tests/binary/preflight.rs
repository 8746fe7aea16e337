//! `config` finds what `serve` would refuse, in the same words, and touches nothing.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::place::{Place, Ran, change, edit, sealtrail};
use super::served::Served;

/// Every file and folder below, with what changes when one is written, and with its content.
fn everything(folder: &Path) -> BTreeMap<PathBuf, (i64, i64, u32, Vec<u8>)> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let found = fs::symlink_metadata(&path).unwrap();
        let content = if found.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
        if found.is_dir() {
            all.extend(everything(&path));
        }
        all.insert(path, (found.ctime(), found.ctime_nsec(), found.mode(), content));
    }
    all
}

/// Asks, and sees that nothing was changed.
#[track_caller]
fn ask(place: &Place) -> Ran {
    let before = everything(&place.path(""));
    let ran = place.run("config", &[]);
    assert_eq!(everything(&place.path("")), before, "{ran:?}");
    ran
}

fn errors(ran: &Ran) -> Vec<&str> {
    ran.stderr.lines().filter(|line| line.starts_with("error: ")).collect()
}

#[test]
fn a_whole_place_has_no_findings_whoever_works_on_it() {
    let place = Place::new();
    let ran = ask(&place);
    assert_eq!((ran.code, errors(&ran).len()), (0, 0), "{ran:?}");
    assert!(ran.stderr.contains("found nothing that `serve` would refuse"), "{ran:?}");
    assert_eq!(place.append(change("a").as_bytes()).code, 0);
    assert_eq!(ask(&place).code, 0);

    let served = Served::start(&place);
    let ran = place.run("config", &[]);
    assert_eq!((ran.code, errors(&ran).len()), (0, 0), "{ran:?}");
    assert_eq!(served.post_change(&change("b")).status, 200);
    assert_eq!(served.terminate().0, 0);
    assert_eq!(place.verify().code, 0);
}

type Fault = (&'static str, fn(&Place));

/// What an operator breaks.
const FAULTS: &[Fault] = &[
    ("no policy", |place| fs::remove_file(place.path("policy.json")).unwrap()),
    ("a policy that does not load", |place| {
        edit(&place.path("policy.json"), "\"$.id\"", "\"$.id[?(@.a)]\"");
    }),
    ("a guest that is not there", |place| place.add_config("[engine]\nguest = \"g.cwasm\"")),
    ("a guest that is not allowed", |place| {
        place.add_config(&format!("[engine]\nallow = [\"{}\"]", "0".repeat(64)));
    }),
    ("no signing key", |place| fs::remove_file(place.path("keys/signing.key")).unwrap()),
    ("a signing key that everybody reads", |place| open_up(&place.path("keys/signing.key"))),
    ("the signing key of another log", |place| {
        place.edit_config("shop.example/audit", "other.example/audit");
    }),
    ("no kek", |place| fs::remove_file(place.path("keys/kek")).unwrap()),
    ("a kek that everybody reads", |place| open_up(&place.path("keys/kek"))),
    ("a kek that is none", |place| write_secret(&place.path("keys/kek"), "hunter2")),
    ("another kek", |place| {
        write_secret(&place.path("keys/kek"), "RSgdzPkwL3VsRLKcMwSaFUrGdxVbLBMSCbCgSy3mTkE=");
    }),
    ("a kek in no environment", |place| {
        place.edit_config("kek = \"keys/kek\" ", "kek = { env = \"SEALTRAIL_NO_SUCH_KEK\" } ");
    }),
    ("no keyring", |place| fs::remove_dir_all(place.path("keyring")).unwrap()),
    ("no log", |place| fs::remove_dir_all(place.path("log")).unwrap()),
    ("no checkpoint", |place| fs::remove_file(place.path("log/checkpoint")).unwrap()),
    ("a checkpoint that was edited", |place| {
        edit(&place.path("log/checkpoint"), "\n1\n", "\n2\n");
    }),
    ("a tile that was edited", |place| {
        let tile = place.path("log/tile/0/000.p/1");
        let mut bytes = fs::read(&tile).unwrap();
        bytes[0] ^= 1;
        fs::write(tile, bytes).unwrap();
    }),
    ("the index of another log", |place| {
        edit(&place.path("index/origin"), "shop.example", "other.example");
    }),
    ("the spool of another log", |place| {
        fs::create_dir(place.path("spool")).unwrap();
        fs::write(place.path("spool/spool.jsonl"), "sealtrail-spool-v1 other.example/audit\n")
            .unwrap();
    }),
    ("no tokens", |place| place.edit_config("# tokens =", "tokens =")),
    ("tokens with a mistake", |place| {
        place.edit_config("# tokens =", "tokens =");
        write_secret(&place.path("tokens.toml"), "[[token]]\nname = \"a\"\nsha256 = \"st_abc\"\n");
    }),
    ("no key of an issuer", |place| {
        place.add_config("[access.jwt]\nkey = \"keys/issuer.jwks\"");
    }),
    ("a key of actors that is too short", |place| {
        write_secret(&place.path("keys/jwt"), "short");
        place.edit_config("trusted_proxies = []", "jwt_key = \"keys/jwt\"");
    }),
    ("no certificate", |place| {
        place.add_config("[proxy.tls]\ncertificate = \"keys/tls.crt\"\nkey = \"keys/tls.key\"");
    }),
    ("a service without an address", |place| {
        place.edit_config("http://127.0.0.1:3000", "http://no-such-name.invalid:3000");
    }),
    ("an address of another machine", |place| {
        place.edit_config(
            "listen = \"127.0.0.1:0\"\nupstream",
            "listen = \"192.0.2.1:1\"\nupstream",
        );
    }),
    ("the proxy as its own service", |place| {
        place.edit_config(
            "listen = \"127.0.0.1:0\"\nupstream",
            "listen = \"0.0.0.0:3000\"\nupstream",
        );
    }),
    ("the API as the service", |place| {
        place.edit_config("[api]\nlisten = \"127.0.0.1:0\"", "[api]\nlisten = \"127.0.0.1:3000\"");
    }),
    ("a file in the place of a socket", |place| {
        place.edit_config(
            "listen = \"127.0.0.1:0\"\nupstream",
            "listen = \"unix:policy.json\"\nupstream",
        );
    }),
    ("a socket with too long a name", |place| {
        let listen = format!("listen = \"unix:{}\"\nupstream", "s".repeat(200));
        place.edit_config("listen = \"127.0.0.1:0\"\nupstream", &listen);
    }),
    ("a socket in a folder that is not there", |place| {
        place.edit_config(
            "listen = \"127.0.0.1:0\"\nupstream",
            "listen = \"unix:run/a.sock\"\nupstream",
        );
    }),
    ("a key that is not known", |place| place.edit_config("upstream =", "upstraem =")),
];

fn open_up(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
}

fn write_secret(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// With a record, an index and a closed log.
fn used() -> Place {
    let place = Place::new();
    assert_eq!(place.append(change("a").as_bytes()).code, 0);
    place
}

#[test]
fn what_serve_refuses_is_found_in_the_same_words() {
    for (what, spoil) in FAULTS {
        let place = used();
        spoil(&place);
        let found = ask(&place);
        let refused = place.run("serve", &[]);
        let said = errors(&refused);
        assert_eq!((refused.stdout.as_str(), said.len()), ("", 1), "{what}: {refused:?}");
        assert_eq!(found.code, refused.code, "{what}: {found:?}, {refused:?}");
        assert!(errors(&found).contains(&said[0]), "{what}: {found:?}, {refused:?}");
    }
}

#[test]
fn all_that_is_wrong_is_listed_at_once() {
    let place = used();
    let together = ["no policy", "another kek", "no checkpoint", "no tokens", "no certificate"];
    for (_, spoil) in FAULTS.iter().filter(|(what, _)| together.contains(what)) {
        spoil(&place);
    }
    let found = ask(&place);
    assert_eq!((found.code, errors(&found).len()), (3, together.len()), "{found:?}");
    for part in ["policy.json", "keyring", "log", "tokens.toml", "tls.crt"] {
        assert!(errors(&found).iter().any(|line| line.contains(part)), "{part}: {found:?}");
    }
    assert!(found.stdout.contains("[limits]"), "it is printed all the same: {found:?}");
    // As problems, one a line.
    let found = sealtrail(&["--json", "config", "--config", &place.config()]);
    for line in found.stderr.lines() {
        let problem: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(problem["code"].is_string(), "{problem}");
    }
    // Who writes a configuration for another machine has none of its files.
    let ran = place.run("config", &["--no-files"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran:?}");
}

#[test]
fn one_address_for_two() {
    let place = Place::new();
    place.edit_config("listen = \"127.0.0.1:0\"", "listen = \"unix:both.sock\"");
    ask(&place).refused(3, "both.sock` is listened on twice");
}
