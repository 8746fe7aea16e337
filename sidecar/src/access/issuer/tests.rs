use jsonwebtoken::{EncodingKey, Header};
use serde_json::json;

use super::*;
use crate::access::Role;
use crate::jwt::Keys;
use crate::jwt::tests::{ED25519, P256, hmac, set};

const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
const IN_2100: u64 = 4_102_444_800;

fn issuer(keys: Keys) -> Issuer {
    let (roles_claim, groups_claim) = ("roles".into(), "groups".into());
    Issuer {
        keys: Source::of(keys),
        issuer: None,
        audience: None,
        roles_claim,
        groups_claim,
        services_claim: None,
    }
}

fn token(header: &Header, claims: &Value, secret: &[u8]) -> String {
    jsonwebtoken::encode(header, claims, &EncodingKey::from_secret(secret)).unwrap()
}

fn claims(more: &Value) -> Value {
    let mut claims = json!({"sub": "u1", "exp": IN_2100, "roles": ["reader"]});
    for (name, value) in more.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
}

fn verify(issuer: &Issuer, more: &Value) -> Result<Claimed, Refused> {
    issuer.verify(&token(&Header::new(Algorithm::HS256), &claims(more), SECRET))
}

#[test]
fn claims_give_roles_and_groups() {
    let issuer = issuer(hmac(&[(None, SECRET)]));
    let claimed = verify(&issuer, &json!({})).unwrap();
    assert_eq!(claimed.id, "u1");
    assert!(claimed.grants.has(Role::Reader) && !claimed.grants.has(Role::Writer));
    let more = json!({"roles": ["revealer", "admin", 7, null], "groups": ["contact", {}]});
    let grants = verify(&issuer, &more).unwrap().grants;
    assert!(grants.reveals("contact") && !grants.reveals("bank") && !grants.has(Role::Reader));
    let words = json!({"roles": "writer  reader", "groups": "*"});
    let grants = verify(&issuer, &words).unwrap().grants;
    assert!(grants.has(Role::Writer) && grants.has(Role::Reader) && !grants.reveals("contact"));
    for odd in [json!({"roles": null}), json!({"roles": {"reader": true}}), json!({"roles": 1})] {
        assert_eq!(verify(&issuer, &odd).unwrap().grants, Grants::default(), "{odd}");
    }
    let deeper = Issuer { roles_claim: "/realm_access/roles".into(), ..issuer };
    let grants = verify(&deeper, &json!({"realm_access": {"roles": ["eraser"]}})).unwrap().grants;
    assert!(grants.has(Role::Eraser) && !grants.has(Role::Reader));
}

#[test]
fn a_claim_says_for_which_services_one_may_write_where_the_configuration_asks_for_it() {
    let plain = issuer(hmac(&[(None, SECRET)]));
    let may = |issuer: &Issuer, more: &Value, source: &str| {
        verify(issuer, more).unwrap().grants.services().have(source)
    };
    let billing = json!({"roles": ["writer"], "services": ["billing"]});
    assert!(may(&plain, &billing, "shop"), "it is not asked");
    let asked = Issuer { services_claim: Some("services".into()), ..plain };
    assert!(may(&asked, &billing, "billing") && !may(&asked, &billing, "shop"));
    assert!(!may(&asked, &json!({"roles": ["writer"]}), "shop"), "who has no claim has no service");
    let words = json!({"roles": ["writer"], "services": "billing shop"});
    assert!(may(&asked, &words, "shop") && !may(&asked, &words, "billing shop"));
    assert!(may(&asked, &json!({"services": ["*"]}), "shop"));
}

#[test]
fn times_issuer_and_audience() {
    let plain = issuer(hmac(&[(None, SECRET)]));
    assert_eq!(verify(&plain, &json!({"exp": 1})), Err(Refused::Expired));
    for bad in [
        json!({"exp": null}),
        json!({"exp": "soon"}),
        json!({"nbf": IN_2100}),
        json!({"sub": null}),
        json!({"sub": ""}),
        json!({"sub": "a\nb"}),
        json!({"aud": "another"}),
        json!({"aud": ["another", "sealtrail"]}),
    ] {
        assert_eq!(verify(&plain, &bad), Err(Refused::Invalid), "{bad}");
    }
    let strict = Issuer {
        issuer: Some("https://login.example".into()),
        audience: Some("sealtrail".into()),
        ..plain
    };
    let (iss, aud) = ("https://login.example", "sealtrail");
    assert!(verify(&strict, &json!({"iss": iss, "aud": aud})).is_ok());
    assert!(verify(&strict, &json!({"iss": iss, "aud": ["other", aud]})).is_ok());
    for bad in [
        json!({}),
        json!({"iss": iss}),
        json!({"aud": aud}),
        json!({"iss": "https://evil.example", "aud": aud}),
        json!({"iss": iss, "aud": "other"}),
        json!({"iss": iss, "aud": []}),
    ] {
        assert_eq!(verify(&strict, &bad), Err(Refused::Invalid), "{bad}");
    }
}

#[test]
fn a_key_is_chosen_by_its_name_and_no_other_is_tried() {
    let other = b"another secret of 32 bytes, truly";
    let set = issuer(hmac(&[(Some("a"), SECRET), (Some("b"), other)]));
    let signed = |kid: Option<&str>, secret: &[u8]| {
        let header = Header { kid: kid.map(str::to_owned), ..Header::new(Algorithm::HS256) };
        set.verify(&token(&header, &claims(&json!({})), secret)).is_ok()
    };
    assert!(signed(Some("a"), SECRET) && signed(Some("b"), other));
    assert!(!signed(Some("a"), other) && !signed(Some("b"), SECRET));
    assert!(!signed(Some("c"), SECRET) && !signed(None, SECRET));
    let one = issuer(hmac(&[(Some("a"), SECRET)]));
    let unnamed = token(&Header::new(Algorithm::HS256), &claims(&json!({})), SECRET);
    assert!(one.verify(&unnamed).is_ok());
    let wrong = Header { kid: Some("b".into()), ..Header::new(Algorithm::HS256) };
    assert!(one.verify(&token(&wrong, &claims(&json!({})), SECRET)).is_err());
}

#[test]
fn forgeries() {
    let issuer = issuer(hmac(&[(None, SECRET)]));
    let good = token(&Header::new(Algorithm::HS256), &claims(&json!({})), SECRET);
    assert!(issuer.verify(&good).is_ok());
    let parts: Vec<&str> = good.split('.').collect();
    // {"alg":"none"}, with and without the old signature
    let none = "eyJhbGciOiJub25lIn0";
    for forged in [
        format!("{none}.{}.", parts[1]),
        format!("{none}.{}.{}", parts[1], parts[2]),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{}.{}.{}A", parts[0], parts[1], parts[2]),
        format!("{}.{}", parts[0], parts[1]),
        format!("{good}.{}", parts[2]),
        "..".into(),
        String::new(),
        token(&Header::new(Algorithm::HS256), &claims(&json!({})), b"another secret"),
    ] {
        assert_eq!(issuer.verify(&forged), Err(Refused::Invalid), "{forged}");
    }
}

/// What an attacker can make: the public key is known to everybody.
#[test]
fn a_public_key_is_no_secret_of_hmac() {
    let issuer = issuer(set(&[ED25519, P256]).unwrap());
    for (kid, x) in [("e", "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"), ("p", P256)] {
        let header = Header { kid: Some(kid.into()), ..Header::new(Algorithm::HS256) };
        let forged = token(&header, &claims(&json!({})), x.as_bytes());
        assert_eq!(issuer.verify(&forged), Err(Refused::Invalid));
    }
}

#[test]
fn without_keys_nobody_can_say() {
    let issuer = issuer(Keys::default());
    assert_eq!(verify(&issuer, &json!({})), Err(Refused::Unknown));
}

#[test]
fn a_signature_with_the_private_key_of_the_set_is_good() {
    // RFC 8032, section 7.1, test 1, in PKCS #8.
    let seed = "302e020100300506032b6570042204209d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
    let der: Vec<u8> =
        (0..48).map(|i| u8::from_str_radix(&seed[2 * i..2 * i + 2], 16).unwrap()).collect();
    let header = Header { kid: Some("e".into()), ..Header::new(Algorithm::EdDSA) };
    let signed =
        jsonwebtoken::encode(&header, &claims(&json!({})), &EncodingKey::from_ed_der(&der))
            .unwrap();
    let issuer = issuer(set(&[P256, ED25519]).unwrap());
    assert_eq!(issuer.verify(&signed).unwrap().id, "u1");
    let other = signed.replace("eyJ", "eyK");
    assert_eq!(issuer.verify(&other), Err(Refused::Invalid));
}
