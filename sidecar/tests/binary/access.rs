//! Who may do what, against the real binary.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::place::{Place, Ran, change, sealtrail};
use super::served::Served;
use super::wire::{Response, exchange};

const EVERYTHING: &str =
    "loopback = [\"writer\", \"sealer\", \"reader\", \"revealer:*\", \"eraser\", \"operator\"]";

/// A place whose API gives loopback these roles, and knows the tokens of `tokens.toml`.
fn place(loopback: &str) -> Place {
    let place = Place::new();
    std::fs::write(place.path("tokens.toml"), "").unwrap();
    place.edit_config(EVERYTHING, &format!("loopback = {loopback}\ntokens = \"tokens.toml\""));
    place
}

/// Makes a token and adds it to the file.
pub fn token(place: &Place, name: &str, roles: &[&str]) -> String {
    let file = place.path("tokens.toml").display().to_string();
    let mut args = vec!["token", "new", "--name", name, "--file", &file];
    for role in roles {
        args.extend(["--role", role]);
    }
    let ran = sealtrail(&args);
    assert_eq!(ran.code, 0, "{ran:?}");
    let token = ran.stdout.trim().to_owned();
    assert!(token.starts_with("st_") && !ran.stderr.contains(&token), "{ran:?}");
    token
}

pub fn ask(
    to: SocketAddr,
    method: &str,
    target: &str,
    authorization: &str,
    body: &Value,
) -> Response {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let length = body.len();
    let authorization = match authorization {
        "" => String::new(),
        value if value.contains(' ') => format!("Authorization: {value}\r\n"),
        token => format!("Authorization: Bearer {token}\r\n"),
    };
    exchange(
        to,
        &format!(
            "{method} {target} HTTP/1.1\r\nHost: {to}\r\n{authorization}\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        ),
    )
}

fn records(place: &Place, kind: &str) -> Vec<Value> {
    let lines = place.lines();
    let records = lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
    records.filter(|record| record["type"] == kind).collect()
}

#[test]
fn each_role_opens_its_own_doors_and_no_other() {
    let place = place("[]");
    let callers = [
        ("writer", token(&place, "w", &["writer"])),
        ("sealer", token(&place, "s", &["sealer"])),
        ("reader", token(&place, "r", &["reader"])),
        ("revealer", token(&place, "v", &["revealer:default"])),
        ("eraser", token(&place, "e", &["eraser"])),
        ("operator", token(&place, "o", &["operator"])),
        ("nobody", String::new()),
    ];
    let served = Served::start(&place);
    let sent: Value = serde_json::from_str(&change("c")).unwrap();
    let recorded = ask(served.api, "POST", "/v1/changes", &callers[0].1, &sent);
    let id = recorded.json()["id"].as_str().unwrap().to_owned();

    let why = json!({"reason": "test"});
    let reveal = json!({"reason": "test", "group": "default"});
    let hold = json!({"reason": "test", "name": "h", "from": "0"});
    let none = Value::Null;
    let of_record = |rest: &str| format!("/v1/records/{id}{rest}");
    for (method, target, body, roles, status) in [
        ("POST", "/v1/changes".to_owned(), &sent, &["writer"][..], 200),
        ("POST", "/v1/leases".into(), &json!({"needs": []}), &["sealer"], 200),
        ("POST", "/v1/records".into(), &none, &["sealer"], 415),
        ("GET", "/v1/policy".into(), &none, &["reader", "sealer"], 200),
        ("POST", of_record("/lease"), &reveal, &["revealer"], 200),
        ("GET", "/v1/records?correlation=c".into(), &none, &["reader"], 200),
        ("GET", of_record(""), &none, &["reader"], 200),
        ("GET", "/v1/entities/customer/3/changes".into(), &none, &["reader"], 200),
        ("GET", "/v1/nothing".into(), &none, &["reader"], 404),
        ("POST", of_record("/reveal"), &reveal, &["revealer"], 200),
        ("POST", "/v1/subjects/nobody/shred".into(), &why, &["eraser"], 404),
        ("GET", "/v1/holds".into(), &none, &["reader", "operator"], 200),
        ("POST", "/v1/holds".into(), &hold, &["operator"], 200),
        ("POST", "/v1/holds/unknown/release".into(), &why, &["operator"], 404),
        ("POST", "/v1/retention/prune".into(), &why, &["operator"], 409),
        ("POST", "/v1/retention/compress".into(), &json!({}), &["operator"], 200),
        ("POST", "/v1/keys/rotate".into(), &json!({}), &["operator"], 200),
        ("GET", "/metrics".into(), &none, &["reader", "operator"], 200),
    ] {
        for (role, token) in &callers {
            let answer = ask(served.api, method, &target, token, body);
            let expected = match (roles.contains(role), token.is_empty()) {
                (true, _) => status,
                (false, true) => 401,
                (false, false) => 403,
            };
            assert_eq!(answer.status, expected, "{role} {method} {target}: {}", answer.text());
            match expected {
                401 => {
                    answer.is_problem(401, "unauthenticated");
                    let challenge = answer.header("www-authenticate");
                    assert_eq!(challenge, Some("Bearer realm=\"sealtrail\""));
                }
                403 => {
                    answer.is_problem(403, "forbidden");
                    let detail = answer.json()["detail"].as_str().unwrap().to_owned();
                    assert!(roles.iter().all(|role| detail.contains(role)), "{detail}");
                }
                _ => {}
            }
        }
    }
    for open in ["/healthz", "/readyz", "/checkpoint", "/tile/0/000", "/console/", "/nothing"] {
        for token in ["", "st_wrong", &callers[0].1] {
            let answer = ask(served.api, "GET", open, token, &none);
            assert!([200, 404].contains(&answer.status), "{open} {}", answer.status);
        }
    }
}

#[test]
fn the_same_record_gives_three_people_three_views() {
    let place = place("[\"writer\"]");
    let policy = json!({"id": "views", "version": "1", "default": {"action": "keep"}, "rules": [
        {"select": "$.email", "action": "seal", "group": "contact"},
        {"select": "$.iban", "action": "seal", "group": "bank"}
    ]});
    std::fs::write(place.path("policy.json"), policy.to_string()).unwrap();
    let reader = token(&place, "reader", &["reader"]);
    let support = token(&place, "support", &["reader", "revealer:contact"]);
    let finance = token(&place, "finance", &["reader", "revealer:contact", "revealer:bank"]);
    let served = Served::start(&place);
    let image = json!({"email": "ada@example.com", "iban": "DE02120300000000202051", "tier": 1});
    let change = json!({"entity": {"type": "customer", "id": "3"}, "action": "create",
        "before": null, "after": image});
    let id = served.post_change(&change.to_string()).json()["id"].as_str().unwrap().to_owned();

    let open = |token: &str, group: &str| {
        let body = json!({"group": group, "reason": "ticket 1"});
        ask(served.api, "POST", &format!("/v1/records/{id}/reveal"), token, &body)
    };
    for (token, opens) in
        [(&reader, &[][..]), (&support, &["contact"]), (&finance, &["contact", "bank"])]
    {
        let line = ask(served.api, "GET", &format!("/v1/records/{id}"), token, &Value::Null).text();
        assert!(line.contains("\"/tier\"") && !line.contains("ada@") && !line.contains("DE0212"));
        for (group, value) in [("contact", "ada@example.com"), ("bank", "DE02120300000000202051")] {
            let answer = open(token, group);
            if opens.contains(&group) {
                assert!(answer.status == 200 && answer.text().contains(value), "{}", answer.text());
            } else {
                answer.is_problem(403, "forbidden");
                assert!(!answer.text().contains(value));
            }
        }
    }
    let who = |kind: &str| -> Vec<String> {
        let records = records(&place, kind);
        let text = |r: &Value| format!("{} {}", r["authid"], r["data"]["group"]).replace('"', "");
        records.iter().map(text).collect()
    };
    assert_eq!(who("sealtrail.reveal.v1"), ["support contact", "finance contact", "finance bank"]);
    // The reader was refused before his body was read: it is not known which group he meant.
    assert_eq!(who("sealtrail.refused.v1"), ["reader null", "support bank"]);
}

#[test]
fn refused_acts_leave_a_record_and_do_not_fill_the_log() {
    let place = place("[\"writer\"]");
    let reader = token(&place, "curious", &["reader"]);
    let served = Served::start(&place);
    let id = served.post_change(&change("c")).json()["id"].as_str().unwrap().to_owned();
    let reveal = json!({"group": "default", "reason": "because"});
    let shred = json!({"reason": "because"});
    let began = std::time::Instant::now();
    for _ in 0..5 {
        let target = format!("/v1/records/{id}/reveal");
        ask(served.api, "POST", &target, &reader, &reveal).is_problem(403, "forbidden");
    }
    let shredding = "/v1/subjects/ada%40example.com/shred";
    ask(served.api, "POST", shredding, "", &shred).is_problem(401, "unauthenticated");
    ask(served.api, "POST", "/v1/records/ada%40example.com/reveal", &reader, &reveal)
        .is_problem(403, "forbidden");
    for i in 0..100 {
        let other = format!("/v1/records/01a1ffa9-be2f-73ed-8b10-49bb862a{i:04}/reveal");
        ask(served.api, "POST", &other, "", &reveal).is_problem(401, "unauthenticated");
    }

    let refused = records(&place, "sealtrail.refused.v1");
    let first = &refused[0];
    assert_eq!(first["subject"], format!("record/{id}"));
    assert_eq!((&first["authtype"], &first["authid"]), (&json!("token"), &json!("curious")));
    assert_eq!(first["data"]["reason"], "the role `revealer` is missing");
    assert_eq!(
        (&first["data"]["attempt"], &first["data"]["unrecorded"]),
        (&json!("reveal"), &json!(0))
    );
    let second = &refused[1];
    assert_eq!(
        (&second["subject"], &second["authid"]),
        (&json!("attempt/shred"), &json!("127.0.0.1"))
    );
    // The same five times is one record; what it left out is told by the next, whoever that is of.
    assert_eq!(second["data"]["unrecorded"], 4);
    let told: u64 = refused.iter().map(|r| r["data"]["unrecorded"].as_u64().unwrap()).sum();
    // At most 30 a minute of all who are not known, and two of the one who is.
    let minutes = usize::try_from(began.elapsed().as_secs() / 60 + 1).unwrap();
    assert!(refused.len() <= 32 * minutes, "{} in {minutes}", refused.len());
    let log = place.lines().join("\n");
    assert!(
        !log.contains("ada@") && !log.contains("ada%40"),
        "no subject, and nothing that is no id"
    );
    let metrics = ask(served.api, "GET", "/metrics", &reader, &Value::Null).text();
    let count = |name: &str| -> usize {
        let line = metrics.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_else(|| panic!("{metrics}")).trim().parse().unwrap()
    };
    let unrecorded = count("sealtrail_unrecorded_refusals_total ");
    assert_eq!(refused.len() + unrecorded, 107);
    assert!(told >= 4 && told <= u64::try_from(unrecorded).unwrap(), "{told} of {unrecorded}");
    assert_eq!(count("sealtrail_forbidden_requests_total "), 6);
    assert_eq!(count("sealtrail_unauthenticated_requests_total "), 101);
    assert_eq!(served.terminate().0, 0);
    assert_eq!(place.verify().code, 0);
}

#[test]
fn a_wrong_token_is_worse_than_none_and_is_told_to_nobody() {
    let place = place("[\"writer\", \"reader\"]");
    let good = token(&place, "good", &["reader"]);
    let file = std::fs::read_to_string(place.path("tokens.toml")).unwrap();
    let expired = token(&place, "expired", &["reader"]);
    let later = std::fs::read_to_string(place.path("tokens.toml")).unwrap();
    let past = later[file.len()..].replace("expires = \"202", "expires = \"200");
    assert_ne!(past, later[file.len()..]);
    std::fs::write(place.path("tokens.toml"), file + &past).unwrap();

    let served = Served::start(&place);
    let ask =
        |value: &str| ask(served.api, "GET", "/v1/records?correlation=c", value, &Value::Null);
    assert_eq!((ask("").status, ask(&good).status), (200, 200));
    let other = format!("{}{}", &good[..45], if good.ends_with('A') { 'E' } else { 'A' });
    let garbled = [
        &expired[..],
        &other,
        &good[..45],
        &good.to_lowercase(),
        &format!("{good}{good}"),
        "st_",
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiJyb290Iiwicm9sZXMiOlsicmVhZGVyIl19.",
        &format!("Basic {good}"),
        &format!("Bearer {good} x"),
        &format!("Bearer st_{}", "x".repeat(9000)),
    ];
    for wrong in garbled {
        let answer = ask(wrong);
        answer.is_problem(401, "invalid_token");
        assert!(answer.header("www-authenticate").unwrap().contains("error=\"invalid_token\""));
        assert!(!answer.text().contains(&wrong[wrong.len().min(8)..]) || wrong.len() < 12);
    }
    assert!(ask(&expired).text().contains("has expired"));
    let twice = exchange(
        served.api,
        &format!(
            "GET /v1/records?correlation=c HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {good}\r\n\
             Authorization: Bearer {good}\r\n\r\n",
            served.api
        ),
    );
    twice.is_problem(401, "invalid_token");
    let (code, said) = served.terminate();
    assert_eq!(code, 0);
    for token in [&good, &expired, &other] {
        assert!(!said.contains(&token[3..20]), "{said}");
    }
}

#[test]
fn a_token_is_taken_back_while_the_server_runs() {
    let place = place("[]");
    let kept = token(&place, "kept", &["reader"]);
    let file = std::fs::read_to_string(place.path("tokens.toml")).unwrap();
    let taken = token(&place, "taken", &["reader"]);
    let served = Served::start(&place);
    let status = |token: &str| {
        ask(served.api, "GET", "/v1/records?correlation=c", token, &Value::Null).status
    };
    assert_eq!((status(&kept), status(&taken)), (200, 200));
    std::fs::write(place.path("tokens.toml"), file).unwrap();
    for _ in 0..100 {
        if status(&taken) == 401 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert_eq!((status(&kept), status(&taken)), (200, 401));
}

#[test]
fn claims_of_a_json_web_token_give_roles() {
    let place = place("[]");
    let secret = "0123456789abcdef0123456789abcdef";
    std::fs::write(place.path("keys/issuer"), secret).unwrap();
    use std::os::unix::fs::PermissionsExt;
    let private = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(place.path("keys/issuer"), private).unwrap();
    place.edit_config(
        "[request]",
        "[access.jwt]\nkey = \"keys/issuer\"\naudience = \"sealtrail\"\n\n[request]",
    );
    let served = Served::start(&place);
    let token = |claims: &Value, secret: &str| {
        jsonwebtoken::encode(
            &jsonwebtoken::Header::default(),
            claims,
            &jsonwebtoken::EncodingKey::from_secret(secret.as_bytes()),
        )
        .unwrap()
    };
    let claims = |roles: Value| {
        json!({"sub": "u-7", "exp": 4_102_444_800_u64, "aud": "sealtrail", "roles": roles,
            "groups": ["default"]})
    };
    let read =
        |token: &str| ask(served.api, "GET", "/v1/records?correlation=c", token, &Value::Null);
    assert_eq!(read(&token(&claims(json!(["reader", "other"])), secret)).status, 200);
    read(&token(&claims(json!(["writer"])), secret)).is_problem(403, "forbidden");
    read(&token(&claims(json!(["reader"])), &secret.replace('0', "1")))
        .is_problem(401, "invalid_token");
    let mut elsewhere = claims(json!(["reader"]));
    elsewhere["aud"] = json!("another");
    read(&token(&elsewhere, secret)).is_problem(401, "invalid_token");
    let mut old = claims(json!(["reader"]));
    old["exp"] = json!(1);
    assert!(read(&token(&old, secret)).text().contains("has expired"));

    let sent: Value = serde_json::from_str(&change("c")).unwrap();
    let writer = token(&claims(json!(["writer"])), secret);
    let id = ask(served.api, "POST", "/v1/changes", &writer, &sent).json()["id"].clone();
    let revealer = token(&claims(json!("revealer reader")), secret);
    // Whom the body names does not count beside whom the token names.
    let in_a_request = format!("Bearer {revealer}\r\nX-Correlation-ID: case-4711");
    let body = json!({"group": "default", "reason": "x", "actor": {"type": "user", "id": "root"}});
    let target = format!("/v1/records/{}/reveal", id.as_str().unwrap());
    assert_eq!(ask(served.api, "POST", &target, &in_a_request, &body).status, 200);
    let revealed = &records(&place, "sealtrail.reveal.v1")[0];
    assert_eq!(
        (&revealed["authid"], &revealed["correlationid"]),
        (&json!("u-7"), &json!("case-4711"))
    );
}

#[test]
fn an_older_configuration_writes_and_reads_and_no_more() {
    let place = Place::new();
    place.edit_config("[access]\n", "");
    place.edit_config(EVERYTHING, "");
    let served = Served::start(&place);
    let id = served.post_change(&change("c")).json()["id"].as_str().unwrap().to_owned();
    assert_eq!(ask(served.api, "GET", "/v1/records?correlation=c", "", &Value::Null).status, 200);
    let body = json!({"group": "default", "reason": "x"});
    let answer = ask(served.api, "POST", &format!("/v1/records/{id}/reveal"), "", &body);
    answer.is_problem(401, "unauthenticated");
    assert!(answer.text().contains("`access.loopback`"), "{}", answer.text());
}

#[test]
fn nothing_listens_beyond_loopback_unless_somebody_is_known_there() {
    let place = Place::new();
    let refused = |place: &Place| place.run("serve", &[]);
    place.edit_config("[api]\nlisten = \"127.0.0.1:0\"", "[api]\nlisten = \"0.0.0.0:0\"");
    refused(&place).refused(3, "needs `access.tokens` or `access.jwt` to know who asks");
    place.edit_config("# tokens = \"tokens.toml\"", "tokens = \"tokens.toml\"");
    refused(&place).refused(3, "tokens.toml");
    token(&place, "r", &["reader"]);
    let served = Served::start(&place);
    assert!(served.api.ip().is_unspecified());
}

#[test]
fn the_command_line_obeys_the_same_rules() {
    let place = place("[\"writer\"]");
    let eraser = token(&place, "dpo", &["eraser"]);
    std::fs::write(place.path("dpo.token"), format!("{eraser}\n")).unwrap();
    let served = Served::start(&place);
    let id = served.post_change(&change("c")).json()["id"].as_str().unwrap().to_owned();
    let url = format!("http://{}", served.api);
    let file = place.path("dpo.token").display().to_string();
    let chmod = |mode: u32| {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let run = |args: &[&str], with: &[&str]| -> Ran {
        sealtrail(&[args, &["--reason", "x", "--url", &url], with].concat())
    };
    let shred = ["shred", "customer/3"];
    let with_token = ["--token-file", &file];
    run(&shred, &[]).refused(1, "the role `eraser` is missing, and no token was sent");
    chmod(0o644);
    run(&shred, &with_token).refused(3, "readable by everybody");
    chmod(0o600);
    run(&["reveal", &id, "--group", "default"], &with_token)
        .refused(1, "the role `revealer` is missing");
    let done = run(&shred, &with_token);
    assert_eq!(done.code, 0, "{done:?}");
    assert_eq!(records(&place, "sealtrail.shred.v1")[0]["authid"], "dpo");
    std::fs::write(&file, "two words").unwrap();
    run(&shred, &with_token).refused(3, "expected a token, one word");
    drop(served);
    // Whoever may read the files needs no token, for nothing could stop him.
    let local = place.run("reveal", &[&id, "--group", "default", "--reason", "x"]);
    local.refused(8, "was shredded");
}

#[test]
fn tokens_are_made_once_and_for_a_role() {
    let place = Place::new();
    let file = place.path("tokens.toml").display().to_string();
    let new = |rest: &[&str]| sealtrail(&[&["token", "new", "--name", "a"][..], rest].concat());
    let shown = new(&["--role", "revealer", "--group", "contact", "--expires", "never", "--json"]);
    let entry = &shown.json()["entry"];
    assert_eq!((&entry["roles"], &entry["groups"]), (&json!(["revealer"]), &json!(["contact"])));
    assert!(entry["expires"].is_null() && entry["sha256"].as_str().unwrap().len() == 64);
    let shown = new(&["--role", "writer", "--service", "billing", "--service", "shop", "--json"]);
    let entry = &shown.json()["entry"];
    assert_eq!(
        (&entry["roles"], &entry["services"]),
        (&json!(["writer"]), &json!(["billing", "shop"]))
    );
    let text = new(&["--role", "sealer:billing"]).stdout;
    assert!(text.contains("roles = [\"sealer\"]\nservices = [\"billing\"]\n"), "{text}");
    new(&["--role", "reader", "--service", "shop"]).refused(2, "to a `writer` or a `sealer` only");
    let text = new(&["--role", "reader"]).stdout;
    assert!(text.starts_with("st_") && text.contains("\n[[token]]\nname = \"a\"\n"), "{text}");
    new(&["--role", "root"]).refused(2, "got `root`");
    new(&["--role", "revealer"]).refused(2, "needs a data group");
    new(&["--role", "reader", "--expires", "6m"]).refused(2, "6mo");
    new(&[]).refused(2, "--role");
    std::fs::write(&file, "[[token]]\n").unwrap();
    new(&["--role", "reader", "--file", &file]).refused(3, "missing field");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "[[token]]\n", "left as it was");
}
