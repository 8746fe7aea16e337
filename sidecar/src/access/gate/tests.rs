use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use super::*;
use crate::access::token::sha256_hex;
use crate::access::{Need, Role};
use crate::config::Access;

const LOOPBACK: Peer = Peer::Address(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7));
const UNIX: Peer = Peer::Unix { uid: 1000, pid: None };
const TOKEN: &str = "st_1111111111111111111111111111111111111111111";

fn grants(roles: &[&str]) -> Grants {
    Grants::parse(&roles.iter().map(|r| (*r).to_owned()).collect::<Vec<_>>(), &[]).unwrap()
}

fn access(is_told: bool, tokens: Option<PathBuf>) -> Access {
    let (loopback, unix) = (grants(&["reader"]), grants(&["writer"]));
    Access { is_told, tokens, jwt: None, loopback, unix }
}

fn tcp(address: &str) -> Peer {
    Peer::Address(SocketAddr::new(address.parse().unwrap(), 7))
}

fn open(is_told: bool) -> Gate {
    Gate::open(&access(is_told, None), None, &mut Reload::default()).unwrap()
}

/// Knows one token, of an eraser.
fn with_tokens() -> Gate {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let sha256 = sha256_hex(TOKEN);
    write!(file, "[[token]]\nname = \"e\"\nsha256 = \"{sha256}\"\nroles = [\"eraser\"]").unwrap();
    Gate::open(&access(true, Some(file.path().to_owned())), None, &mut Reload::default()).unwrap()
}

fn ask(gate: &Gate, peer: Peer, headers: &[(&'static str, &str)]) -> Result<Caller> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(*name, value.parse().unwrap());
    }
    gate.identify(&map, peer)
}

fn roles(caller: &Caller) -> Vec<Role> {
    caller.grants.roles().collect()
}

#[test]
fn without_a_token_the_way_counts() {
    let gate = open(true);
    let roles_by = |peer| roles(&ask(&gate, peer, &[]).unwrap());
    assert_eq!(roles_by(LOOPBACK), [Role::Reader]);
    assert_eq!(roles_by(tcp("::1")), [Role::Reader]);
    assert_eq!(roles_by(tcp("::ffff:127.0.0.1")), [Role::Reader]);
    assert_eq!(roles_by(UNIX), [Role::Writer]);
    assert!(roles_by(tcp("10.0.0.1")).is_empty());
}

#[test]
fn what_a_proxy_passed_on_is_not_from_loopback() {
    for name in ["x-forwarded-for", "x-forwarded-proto", "x-real-ip", "forwarded", "via"] {
        let caller = ask(&open(true), LOOPBACK, &[(name, "x")]).unwrap();
        assert!(roles(&caller).is_empty());
        let error = caller.require(Need(&[Role::Reader])).unwrap_err();
        assert!(error.to_string().contains("a proxy passed on"), "{error}");
        // Before there were roles nobody knew that this matters.
        assert_eq!(roles(&ask(&open(false), LOOPBACK, &[(name, "x")]).unwrap()), [Role::Reader]);
    }
}

#[test]
fn a_token_decides_alone() {
    let gate = with_tokens();
    let send = |value: &str| ask(&gate, LOOPBACK, &[("authorization", value)]);
    let caller = send(&format!("Bearer {TOKEN}")).unwrap();
    assert_eq!((roles(&caller), caller.actor.kind.as_str()), (vec![Role::Eraser], "token"));
    assert!(send(&format!("bEARER   {TOKEN} ")).is_ok());
    for wrong in [
        format!("Bearer {}", TOKEN.replace('1', "2")),
        format!("Bearer {TOKEN}1"),
        format!("Bearer {TOKEN} {TOKEN}"),
        format!("Bearer{TOKEN}"),
        format!("Basic {TOKEN}"),
        TOKEN.to_owned(),
        "Bearer".into(),
        "Bearer ".into(),
        "Bearer a.b.c".into(),
        format!("Bearer st_{}", "1".repeat(9000)),
        String::new(),
    ] {
        let error = send(&wrong).map(|_| ()).expect_err(&wrong);
        assert_eq!(error.code(), Code::InvalidToken, "{wrong}");
        assert!(!error.to_string().contains("1111"), "{error}");
    }
    let twice = format!("Bearer {TOKEN}");
    let headers = [("authorization", &twice[..]), ("authorization", &twice[..])];
    assert_eq!(ask(&gate, LOOPBACK, &headers).unwrap_err().code(), Code::InvalidToken);
}

#[test]
fn where_nobody_asks_for_tokens_they_are_nothing_but_ours() {
    let send = |value: &str| ask(&open(true), LOOPBACK, &[("authorization", value)]);
    for theirs in ["Basic dTpw", "Bearer a.b.c", "Bearer", "x"] {
        assert_eq!(roles(&send(theirs).unwrap()), [Role::Reader], "{theirs}");
    }
    let error = send(&format!("Bearer {TOKEN}")).unwrap_err();
    assert!(error.to_string().contains("`access.tokens` is not set"), "{error}");
}

#[test]
fn a_known_caller_is_not_renamed_by_a_body() {
    let named = || Some(Actor { kind: "operator".into(), id: "root".into() });
    let caller = ask(&with_tokens(), LOOPBACK, &[("authorization", &format!("Bearer {TOKEN}"))]);
    let who = |caller: Result<Caller>, named| {
        caller.unwrap().because(named, "x").unwrap().actor().id.clone()
    };
    assert_eq!(who(caller, named()), "e");
    assert_eq!(who(ask(&open(true), LOOPBACK, &[]), named()), "root");
    assert_eq!(who(ask(&open(true), LOOPBACK, &[]), None), "127.0.0.1");
}

#[test]
fn a_refusal_names_the_role_and_what_would_help() {
    let caller = ask(&open(true), LOOPBACK, &[]).unwrap();
    let error = caller.require(Need(&[Role::Eraser])).unwrap_err();
    assert_eq!(error.code(), Code::Unauthenticated);
    assert!(error.to_string().starts_with("the role `eraser` is missing, and no token was sent; "));
    let caller = ask(&with_tokens(), LOOPBACK, &[("authorization", &format!("Bearer {TOKEN}"))]);
    let caller = caller.unwrap();
    let error = caller.require(Need(&[Role::Reader, Role::Operator])).unwrap_err();
    assert_eq!(error.code(), Code::Forbidden);
    assert_eq!(error.to_string(), "the role `reader` or `operator` is missing");
    let said = |group: &str| caller.require_group(group).unwrap_err().to_string();
    assert_eq!(said("contact"), "the role `revealer` of group `contact` is missing");
    assert_eq!(said("ada@example.com"), "the role `revealer` of this group is missing");
}
