//! A key-encryption key that AWS KMS wraps, by moto's server.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::{Value, json};

use super::moto::{Moto, REGION};
use super::place::{Place, Ran, change, edit};
use super::served::Served;

/// What is searched for in everything that is said.
const SECRET: &str = "wJalrXUtnFEMI-K7MDENG-bPxRfiCYEXAMPLEKEY";

/// The environment of AWS's tools, and nothing else of it.
struct Aws(Vec<(&'static str, String)>);

impl Aws {
    fn at(url: &str) -> Self {
        let given = [
            ("AWS_ENDPOINT_URL_KMS", url),
            ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", SECRET),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ];
        Self(given.map(|(name, value)| (name, value.to_owned())).to_vec())
    }

    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.0.retain(|(other, _)| *other != name);
        self.0.push((name, value.to_owned()));
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.0.retain(|(other, _)| *other != name);
        self
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sealtrail"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("AWS_") {
                command.env_remove(name);
            }
        }
        command.env("HOME", "/nonexistent").envs(self.0.iter().cloned());
        command
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let output = self.command().args(arguments).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let ran = Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        };
        for secret in [SECRET, "AKIAIOSFODNN7EXAMPLE"] {
            assert!(!format!("{ran:?}").contains(secret), "{ran:?}");
        }
        ran
    }

    fn rotate(&self, place: &Place) -> Ran {
        self.run(&["keys", "rotate", "--config", &place.config()])
    }

    /// What a record of the customer 3 held.
    fn reveals(&self, place: &Place) -> String {
        let record: Value = serde_json::from_str(&place.lines()[0]).unwrap();
        let id = record["id"].as_str().unwrap();
        let (group, reason) = (["--group", "default"], ["--reason", "test"]);
        let revealed =
            self.run(&[&["reveal", id, "--config", &place.config()], &group[..], &reason].concat());
        assert_eq!(revealed.code, 0, "{revealed:?}");
        revealed.stdout
    }
}

/// A place whose key-encryption key is in a file as it is, with one record.
fn place() -> Place {
    let place = Place::new();
    assert_eq!(place.append(change("c-1").as_bytes()).code, 0);
    place
}

fn kept_by(place: &Place, key: &str) {
    edit(
        &place.path("sealtrail.toml"),
        "kek = \"keys/kek\"",
        &format!("kek = {{ file = \"keys/kek\", aws_kms = \"{key}\", timeout = \"1500ms\" }}"),
    );
}

fn kek(place: &Place) -> String {
    fs::read_to_string(place.path("keys/kek")).unwrap()
}

/// Everything that a change of keys may touch.
fn on_disk(place: &Place) -> Vec<(String, Vec<u8>)> {
    let mut found = vec![];
    let mut open = vec![place.path("keys"), place.path("keyring"), place.path("log/entries")];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.push((path.display().to_string(), fs::read(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn from_a_file_to_a_kms_to_another_key_and_back() {
    let (moto, place) = (Moto::shared(), place());
    let aws = Aws::at(&moto.url());
    let (one, other) = (moto.key(), moto.key());
    let plain = kek(&place);
    kept_by(&place, &one);

    // Until it is changed, the key-encryption key is as it was, and nobody is asked.
    assert!(Aws::at("http://127.0.0.1:1").reveals(&place).contains("new@example.com"));
    assert_eq!(kek(&place), plain);

    let rotated = aws.rotate(&place);
    assert_eq!(rotated.code, 0, "{rotated:?}");
    let wrapped: Value = serde_json::from_str(&kek(&place)).unwrap();
    assert_eq!(
        (&wrapped["format"], &wrapped["kms"], &wrapped["key"]),
        (&json!("sealtrail wrapped kek v1"), &json!("aws"), &json!(one))
    );
    assert!(aws.reveals(&place).contains("new@example.com"));

    // Another key of the KMS, by its alias.
    let id = other.rsplit('/').next().unwrap();
    moto.kms("CreateAlias", &json!({"AliasName": "alias/trail-2", "TargetKeyId": id}).to_string());
    place.edit_config(&one, "alias/trail-2");
    let aws = aws.with("AWS_REGION", REGION);
    assert_eq!(aws.rotate(&place).code, 0);
    let wrapped: Value = serde_json::from_str(&kek(&place)).unwrap();
    assert_eq!(
        wrapped["key"],
        json!(other),
        "its ARN says where it is, also when the alias moves on"
    );
    assert!(aws.without("AWS_REGION").reveals(&place).contains("new@example.com"));
    let aws = Aws::at(&moto.url());

    // And back to one that nobody wraps.
    let text = fs::read_to_string(place.path("sealtrail.toml")).unwrap();
    let start = text.find("kek = {").unwrap();
    let end = start + text[start..].find('}').unwrap() + 1;
    place.edit_config(&text[start..end], "kek = \"keys/kek\"");
    assert!(aws.reveals(&place).contains("new@example.com"), "the file itself says who wrapped it");
    assert_eq!(aws.rotate(&place).code, 0);
    let nowhere = Aws::at("http://127.0.0.1:1");
    assert!(nowhere.reveals(&place).contains("new@example.com"));
    assert_ne!(kek(&place), plain, "it is a new one");
    assert_eq!(place.verify().code, 0);
}

#[test]
fn a_trail_that_never_had_a_plain_one_is_served_and_shredded_hard() {
    let moto = Moto::shared();
    let (aws, key) = (Aws::at(&moto.url()), moto.key());
    let dir = tempfile::tempdir().unwrap();
    let trail = dir.path().join("trail").display().to_string();
    let init = ["--proxy-listen", "127.0.0.1:0", "--api-listen", "127.0.0.1:0", &trail];
    let refused =
        Aws::at("http://127.0.0.1:1").run(&[&["init", "--aws-kms", &key], &init[..]].concat());
    refused.refused(1, "cannot be asked");
    assert!(
        !dir.path().join("trail/sealtrail.toml").exists()
            && !dir.path().join("trail/keyring").exists()
    );
    fs::remove_dir_all(&trail).unwrap();
    let made = aws.run(&[&["init", "--aws-kms", &key], &init[..]].concat());
    assert_eq!(made.code, 0, "{made:?}");
    let config = format!("{trail}/sealtrail.toml");
    let file = fs::read_to_string(format!("{trail}/keys/kek")).unwrap();
    assert!(file.contains("\"kms\":\"aws\""), "{file}");

    let mut command = aws.command();
    command.args(["serve", "--config", &config]);
    let served = Served::of(command);
    assert_eq!(served.post_change(&change("c-1")).status, 200);
    let url = format!("http://{}", served.api);
    let shred = ["shred", "customer/3", "--hard", "--reason", "Art. 17", "--url", &url];
    let shredded = aws.run(&shred);
    assert!(
        shredded.stdout.contains("copies of the keyring from before are of no use"),
        "{shredded:?}"
    );
    assert_ne!(fs::read_to_string(format!("{trail}/keys/kek")).unwrap(), file);
    assert_eq!(served.post_change(&change("c-2")).status, 200);
    assert_eq!(served.terminate().0, 0);
}

#[test]
fn whoever_cannot_unwrap_opens_nothing_and_changes_nothing() {
    let (moto, place) = (Moto::shared(), place());
    let (aws, key) = (Aws::at(&moto.url()), moto.key());
    kept_by(&place, &key);
    assert_eq!(aws.rotate(&place).code, 0);
    let file = place.path("keys/kek");
    let good = kek(&place);
    let before = on_disk(&place);
    let fails = |aws: &Aws, code: i32, said: &str| {
        let appended =
            aws.run(&["shred", "customer/3", "--reason", "x", "--config", &place.config()]);
        appended.refused(code, said);
        assert!(appended.stderr.contains("keys/kek"), "{appended:?}");
    };

    // The network.
    fails(&Aws::at("http://127.0.0.1:1"), 1, "cannot be asked: Connection refused");
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    thread::spawn(move || silent.incoming().map_while(Result::ok).collect::<Vec<_>>());
    fails(&Aws::at(&url), 1, "cannot be asked: no answer within 1.5s");
    fails(&Aws::at("https://localhost:1"), 1, "cannot be asked: Connection refused");
    fails(&Aws::at("http://kms.example"), 3, "`http` only to this machine");
    fails(
        &Aws::at(&moto.url()).with("AWS_CA_BUNDLE", "/nonexistent"),
        3,
        "`AWS_CA_BUNDLE`: /nonexistent: No such",
    );

    // As whom.
    let nobody = Aws::at(&moto.url()).without("AWS_SECRET_ACCESS_KEY");
    fails(&nobody, 3, "there are no AWS credentials: none in the environment");
    let container = nobody.with("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/");
    fails(&container, 3, "no AWS credentials from the container: failed to fetch ECS credentials");

    // The file.
    let mut edited = good.clone();
    let at = good.rfind("\"}").unwrap() - 8;
    let other = if good[at..].starts_with('A') { "B" } else { "A" };
    edited.replace_range(at..=at, other);
    let elsewhere = key.replace("key/", "key/0000");
    for (text, code, said) in [
        (good.replace(&key, &elsewhere), 3, "there is no key `arn:aws:kms:eu-central-1:"),
        (edited, 3, "by another key, or edited"),
        (good.replace("v1", "v9"), 3, "edited or damaged: expected format"),
        (good.replace("arn:aws:kms", "arn:aws:s3"), 3, "expected a key of AWS KMS"),
        ("hunter2-hunter2\n".into(), 3, "cannot be read: expected 32 bytes as base64"),
    ] {
        assert_ne!(text, good);
        fs::write(&file, text).unwrap();
        fails(&aws, code, said);
    }

    // What was wrapped for one log is not unwrapped for another.
    let other = tempfile::tempdir().unwrap();
    let trail = other.path().join("trail").display().to_string();
    let made = aws.run(&["init", "--aws-kms", &key, "--origin", "other.example/audit", &trail]);
    assert_eq!(made.code, 0, "{made:?}");
    fs::copy(format!("{trail}/keys/kek"), &file).unwrap();
    fails(&aws, 3, "wrapped for another log than `shop.example/audit`");

    fs::write(&file, good).unwrap();
    assert_eq!(on_disk(&place), before, "nothing was half done");
    assert!(aws.reveals(&place).contains("new@example.com"));
}

#[test]
fn a_change_that_the_kms_refuses_leaves_the_old_one() {
    let (moto, place) = (Moto::shared(), place());
    let aws = Aws::at(&moto.url());
    kept_by(&place, &format!("arn:aws:kms:{REGION}:123456789012:key/nobody"));
    let before = on_disk(&place);
    aws.rotate(&place)
        .refused(3, "there is no key `arn:aws:kms:eu-central-1:123456789012:key/nobody`");
    Aws::at("http://127.0.0.1:1").rotate(&place).refused(1, "cannot be asked");
    let hard = ["shred", "customer/3", "--hard", "--reason", "x", "--config"];
    aws.run(&[&hard[..], &[&place.config()]].concat()).refused(3, "there is no key");
    assert_eq!(on_disk(&place), before);

    // One that was written, and that the KMS does not unwrap any more: the old one serves on, and says so.
    let next =
        r#"{"format":"sealtrail wrapped kek v1","kms":"aws","key":"alias/x","wrapped":"QUFB"}"#;
    fs::write(place.path("keys/kek.next"), next).unwrap();
    Command::new("chmod").arg("600").arg(place.path("keys/kek.next")).status().unwrap();
    let aws = aws.with("AWS_REGION", REGION);
    let appended = aws.run(&["append", "--config", &place.config(), "/dev/null"]);
    assert_eq!(appended.code, 0, "{appended:?}");
    assert!(appended.stderr.contains("`sealtrail keys rotate` says why"), "{appended:?}");
    aws.rotate(&place).refused(3, "kek.next`: AWS KMS in eu-central-1: ");
    fs::remove_file(place.path("keys/kek.next")).unwrap();
    assert_eq!(on_disk(&place), before);
}

/// moto checks signatures and policies here as AWS does, of users that it has.
#[test]
fn whoever_may_not_is_denied_and_a_wrong_secret_is_no_signature() {
    let (moto, place) = (Moto::start(), place());
    kept_by(&place, &moto.key());
    let user = |name: &str, actions: &str| {
        moto.iam("CreateUser", &format!("UserName={name}"));
        let policy = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":[{actions}],"Resource":"*"}}]}}"#
        );
        let policy = format!("UserName={name}&PolicyName=p&PolicyDocument={policy}");
        moto.iam("PutUserPolicy", &policy);
        let pair = moto.iam("CreateAccessKey", &format!("UserName={name}"));
        let text = |element: &str| {
            let (_, after) = pair.split_once(&format!("<{element}>")).unwrap();
            after.split('<').next().unwrap().to_owned()
        };
        let aws = Aws::at(&moto.url()).with("AWS_ACCESS_KEY_ID", &text("AccessKeyId"));
        aws.with("AWS_SECRET_ACCESS_KEY", &text("SecretAccessKey"))
    };
    let all = user("all", r#""kms:GenerateDataKey","kms:Decrypt""#);
    let encrypts = user("encrypts", r#""kms:GenerateDataKey""#);
    let decrypts = user("decrypts", r#""kms:Decrypt""#);
    moto.check_from_now_on();

    let before = on_disk(&place);
    decrypts.rotate(&place).refused(3, "is denied (AccessDenied");
    // Whoever could wrap and never unwrap again changes nothing either.
    encrypts.rotate(&place).refused(3, "is denied (AccessDenied");
    let wrong = Aws(all.0.clone()).with("AWS_SECRET_ACCESS_KEY", SECRET);
    wrong.rotate(&place).refused(3, "the credentials are refused (SignatureDoesNotMatch");
    Aws::at(&moto.url()).rotate(&place).refused(3, "the credentials are refused (");
    assert_eq!(on_disk(&place), before);

    assert_eq!(all.rotate(&place).code, 0);
    assert!(decrypts.reveals(&place).contains("new@example.com"));
    let before = on_disk(&place);
    let shred = ["shred", "customer/3", "--reason", "x", "--config", &place.config()];
    encrypts.run(&shred).refused(3, "is denied (AccessDenied");
    assert_eq!(on_disk(&place), before);
}

/// Credentials from whoever runs the container, and a KMS that is busy at first.
#[test]
fn a_container_has_its_credentials_and_a_busy_kms_is_asked_again() {
    let (moto, place) = (Moto::shared(), place());
    kept_by(&place, &moto.key());
    let credentials = json!({"AccessKeyId": "AKIAIOSFODNN7EXAMPLE", "SecretAccessKey": SECRET, "Token": "t",
        "Expiration": "2099-01-01T00:00:00Z"});
    let container = Answers::with(200, &credentials.to_string());
    let aws = Aws::at(&moto.url()).without("AWS_ACCESS_KEY_ID").without("AWS_SECRET_ACCESS_KEY");
    let aws = aws.with("AWS_CONTAINER_CREDENTIALS_FULL_URI", &container.url());
    let rotated = aws.rotate(&place);
    assert_eq!(rotated.code, 0, "{rotated:?}");
    assert!(container.count() > 0);

    let busy = Answers::with(503, "");
    let refused = Aws::at(&busy.url()).rotate(&place);
    refused.refused(1, "cannot be asked: status 503");
    assert_eq!(busy.count(), 3);
    let denied =
        Answers::with(400, r#"{"__type":"KMSInvalidStateException","message":"pending deletion"}"#);
    Aws::at(&denied.url())
        .rotate(&place)
        .refused(3, "cannot be used now (KMSInvalidStateException: pending");
    assert_eq!(denied.count(), 1);
    let other = Answers::with(200, "{\"Plaintext\":\"AAAA\"}");
    Aws::at(&other.url()).rotate(&place).refused(3, "the answer is not one of AWS KMS");
}

/// Somebody who always says the same.
struct Answers {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
}

impl Answers {
    fn with(status: u16, body: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, asked) = (listener.local_addr().unwrap(), Arc::<AtomicUsize>::default());
        let head = format!(
            "HTTP/1.1 {status} x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let (answer, count) = (head + body, asked.clone());
        thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let (mut line, mut length) = (String::new(), 0);
                while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
                    if let Some(number) = line.to_lowercase().strip_prefix("content-length: ") {
                        length = number.trim().parse().unwrap();
                    }
                    line.clear();
                }
                let _ = reader.read_exact(&mut vec![0; length]);
                count.fetch_add(1, Ordering::SeqCst);
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        Self { address, asked }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn count(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}
