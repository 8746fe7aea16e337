//! Keys that an issuer of tokens publishes: as long as it cannot be asked, when it has others, and in records.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use super::access::ask;
use super::place::{Place, change};
use super::served::Served;
use super::service::Service;
use super::wire::{Response, exchange, get};

/// Two key pairs of RFC 8032, section 7.1: the seed and the public half.
const A: (&str, &str) = (
    "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
    "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
);
const B: (&str, &str) = (
    "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
    "PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw",
);

/// Answers with what it has, or with 503 where that is nothing.
struct Issuer {
    address: SocketAddr,
    published: Arc<Mutex<Option<String>>>,
}

impl Issuer {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let published = Arc::<Mutex<Option<String>>>::default();
        let answer = published.clone();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let head = BufReader::new(stream.try_clone().unwrap()).lines();
                head.map_while(Result::ok).take_while(|line| !line.is_empty()).for_each(drop);
                let (status, body) = match answer.lock().unwrap().clone() {
                    Some(body) => ("200 OK", body),
                    None => ("503 Service Unavailable", String::new()),
                };
                let length = body.len();
                let _ = write!(
                    stream,
                    "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
                );
            }
        });
        Self { address, published }
    }

    fn publishes(&self, text: impl Into<String>) {
        *self.published.lock().unwrap() = Some(text.into());
    }

    fn url(&self) -> String {
        format!("jwks_url = \"http://{}/jwks.json\"", self.address)
    }
}

fn set(keys: &[(&str, (&str, &str))]) -> String {
    let key = |(kid, (_, x)): &(&str, (&str, &str))| json!({"kty": "OKP", "crv": "Ed25519", "use": "sig", "kid": kid, "x": x});
    json!({"keys": keys.iter().map(key).collect::<Vec<_>>()}).to_string()
}

fn token(kid: &str, (seed, _): (&str, &str)) -> String {
    // RFC 8410, section 7.
    let der = format!("302e020100300506032b657004220420{seed}");
    let der: Vec<u8> = (0..der.len() / 2)
        .map(|i| u8::from_str_radix(&der[2 * i..2 * i + 2], 16).unwrap())
        .collect();
    let header = jsonwebtoken::Header {
        kid: Some(kid.to_owned()),
        ..jsonwebtoken::Header::new(jsonwebtoken::Algorithm::EdDSA)
    };
    let claims = json!({"sub": "u-7", "exp": 4_102_444_800_u64, "roles": ["reader"]});
    jsonwebtoken::encode(&header, &claims, &jsonwebtoken::EncodingKey::from_ed_der(&der)).unwrap()
}

fn read(served: &Served, token: &str) -> Response {
    ask(served.api, "GET", "/v1/records?correlation=c", token, &Value::Null)
}

/// Asks until the answer has this status; what a server does on a signal has no other sign.
fn becomes(served: &Served, token: &str, status: u16) {
    for _ in 0..200 {
        if read(served, token).status == status {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("{} and not {status}", read(served, token).status);
}

#[test]
fn an_issuer_that_is_down_and_one_that_changes_its_keys() {
    let (place, issuer) = (Place::new(), Issuer::start());
    place.edit_config("[request]", &format!("[access.jwt]\n{}\n\n[request]", issuer.url()));
    let served = Served::start(&place);
    let (a, b) = (token("a", A), token("b", B));
    let early = read(&served, &a);
    early.is_problem(503, "issuer_unavailable");
    assert_eq!(served.post_change(&change("c")).status, 200, "the trail goes on without it");

    issuer.publishes(set(&[("a", A)]));
    served.signal("HUP");
    becomes(&served, &a, 200);
    read(&served, &b).is_problem(401, "invalid_token");
    // A name of its own does not make another key of it.
    read(&served, &token("a", B)).is_problem(401, "invalid_token");

    issuer.publishes(set(&[("b", B)]));
    served.signal("HUP");
    becomes(&served, &b, 200);
    read(&served, &a).is_problem(401, "invalid_token");

    // What it publishes now is of no use, so what was known stays.
    issuer.publishes("{\"keys\":[]}");
    let failed = |served: &Served| {
        let metrics = get(served.api, "/metrics").text();
        let name = "sealtrail_jwks_fetches_total{outcome=\"failed\",table=\"access.jwt\"} ";
        let line = metrics.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("0");
        line.parse::<u64>().unwrap()
    };
    let before = failed(&served);
    assert!(before > 0, "the start found nobody");
    served.signal("HUP");
    while failed(&served) == before {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(read(&served, &b).status, 200);
}

#[test]
fn who_acts_is_verified_by_published_keys() {
    let (place, issuer, service) = (Place::new(), Issuer::start(), Service::start());
    issuer.publishes(set(&[("a", A), ("b", B)]));
    place.edit_config("trusted_proxies = []", &issuer.url());
    let served = Served::in_front_of(&place, &service.url());
    for (correlation, token, is_verified) in
        [("v-1", token("b", B), true), ("v-2", token("b", A), false), ("v-3", token("c", A), false)]
    {
        let request = format!(
            "PUT /customers/3 HTTP/1.1\r\nHost: a\r\nX-Correlation-ID: {correlation}\r\n\
             Authorization: Bearer {token}\r\nContent-Length: 0\r\n\r\n"
        );
        assert_eq!(exchange(served.proxy, &request).status, 200);
        assert_eq!(served.post_change(&change(correlation)).status, 200);
        let record: Value = serde_json::from_str(&place.lines().pop().unwrap()).unwrap();
        assert_eq!(record["data"]["actor"]["verified"], json!(is_verified), "{record}");
    }
}

#[test]
fn where_keys_come_from_must_be_said_once_and_safely() {
    for (said, wrong) in [
        ("jwks_url = \"http://login.example/jwks.json\"", "access.jwt.jwks_url: expected"),
        ("key = \"k\"\njwks_url = \"https://login.example/\"", "expected `key` or `jwks_url`"),
        ("issuer = \"https://login.example\"", "expected `key` or `jwks_url`"),
        ("jwks_url = \"https://login.example/\"\njwks_ca = \"keys/none.pem\"", "keys/none.pem"),
    ] {
        let place = Place::new();
        place.edit_config("[request]", &format!("[access.jwt]\n{said}\n\n[request]"));
        place.run("serve", &[]).refused(3, wrong);
    }
}
