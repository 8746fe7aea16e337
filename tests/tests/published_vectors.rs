//! The ciphers of the core against vectors that others published, and the core's tokens against
//! those ciphers. So what the core seals is what NIST and the RFCs say, however it is put together.

use std::fs;
use std::path::Path;

use aes_gcm::aead::consts::{U8, U60};
use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::aes::Aes256;
use aes_gcm::{Aes256Gcm, AesGcm, Nonce};
use base64ct::{Base64UrlUnpadded, Encoding};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sealtrail_core::seal::{Key, RecordKeys, Scope};
use sealtrail_tests::calls::unhex;
use serde_json::Value;
use sha2::{Digest, Sha256};

#[test]
fn aes_256_gcm() {
    let cases = published("aes-256-gcm.json");
    assert_eq!(cases.len(), 9);
    for case in &cases {
        let [key, iv, aad, plaintext] = ["key", "iv", "aad", "plaintext"].map(|k| bytes(case, k));
        let expected = [bytes(case, "ciphertext"), bytes(case, "tag")].concat();
        let mut buffer = plaintext.clone();
        // The core uses 96 bits only; the longer and shorter ones check GHASH once more.
        let altered = match iv.len() {
            12 => both_ways(&Aes256Gcm::new_from_slice(&key).unwrap(), &iv, &aad, &mut buffer),
            8 => both_ways(&wide::<U8>(&key), &iv, &aad, &mut buffer),
            60 => both_ways(&wide::<U60>(&key), &iv, &aad, &mut buffer),
            other => panic!("an IV of {other} bytes"),
        };
        assert_eq!(buffer, expected, "{}", name(case));
        assert!(altered.is_err(), "{}", name(case));
    }
}

#[test]
fn hkdf_sha_256() {
    let cases = published("hkdf-sha256.json");
    assert_eq!(cases.len(), 3);
    for case in &cases {
        let [ikm, salt, info] = ["ikm", "salt", "info"].map(|k| bytes(case, k));
        let (prk, _) = Hkdf::<Sha256>::extract(Some(&salt), &ikm);
        assert_eq!(prk.to_vec(), bytes(case, "prk"), "{}", name(case));
        // As the core does: from a PRK that is there already.
        let mut okm = vec![0; case["length"].as_u64().unwrap() as usize];
        Hkdf::<Sha256>::from_prk(&prk).unwrap().expand(&info, &mut okm).unwrap();
        assert_eq!(okm, bytes(case, "okm"), "{}", name(case));
    }
}

#[test]
fn hmac_sha_256() {
    let cases = published("hmac-sha256.json");
    assert_eq!(cases.len(), 7);
    for case in &cases {
        let expected = bytes(case, "mac");
        let mac = hmac(&bytes(case, "key"), &[&bytes(case, "data")]);
        assert_eq!(mac[..expected.len()], expected, "{}", name(case));
    }
}

#[test]
fn sha_256() {
    let cases = published("sha-256.json");
    assert_eq!(cases.len(), 4);
    for case in &cases {
        let times = case["times"].as_u64().unwrap_or(1) as usize;
        let message = case["text"].as_str().unwrap().repeat(times);
        assert_eq!(Sha256::digest(&message).to_vec(), bytes(case, "digest"), "{}", name(case));
    }
}

/// Every length around the blocks that a batch of blocks is cut into.
#[test]
fn a_token_is_made_of_these_ciphers_and_nothing_else() {
    let scope = Scope { origin: "log.example", record_id: "r", group: "g", kids: ["k_1", "t_1"] };
    let key = |byte| Key::from_slice(&[byte; 32], "a key").unwrap();
    let keys = RecordKeys::derive(&key(1), &key(2), &scope);

    let prk = hmac(b"sealtrail/seal/v1", &[&[1; 32], &[2; 32]]);
    let derived = |label: &str| {
        let info = pae(&[label, "log.example", "r", "g", "k_1", "t_1"]);
        let mut key = [0; 32];
        Hkdf::<Sha256>::from_prk(&prk).unwrap().expand(&info, &mut key).unwrap();
        key
    };
    assert_eq!(*keys.commit(), derived("sealtrail/seal/v1/commit"));
    let cipher = Aes256Gcm::new_from_slice(&derived("sealtrail/seal/v1/record-key")).unwrap();
    for length in (0..=300).chain([1023, 1024, 1025, 4096, 10_007]) {
        let plaintext: Vec<u8> = (0..length).map(|i: usize| (i * 31 + 7) as u8).collect();
        let nonce: [u8; 12] = std::array::from_fn(|i| (length + i) as u8);
        let location = format!("new:/a/{length}");
        let mut sealed = plaintext.clone();
        let aad = pae(&["sealtrail/seal/v1/field", &location]);
        cipher.encrypt_in_place(&Nonce::from(nonce), &aad, &mut sealed).unwrap();
        let token = Base64UrlUnpadded::encode_string(&[&nonce[..], &sealed].concat());
        let ours = keys.seal(3, &location, &plaintext, &nonce).unwrap();
        assert_eq!(ours, format!("st1.3.{token}"), "{length} bytes");
        assert_eq!(*keys.open(keys.commit(), &location, &ours).unwrap(), plaintext);
    }
}

fn published(file: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/published").join(file);
    let document: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let cases = document["cases"].as_array().unwrap().clone();
    for case in &cases {
        assert!(
            document["sources"][case["source"].as_str().unwrap()].is_string(),
            "{}",
            name(case)
        );
    }
    cases
}

fn name(case: &Value) -> String {
    format!("{} {}", case["source"], case["case"])
}

fn bytes(case: &Value, key: &str) -> Vec<u8> {
    unhex(case[key].as_str().unwrap_or_else(|| panic!("{} has no {key}", name(case))))
}

fn wide<N: aes_gcm::aead::array::ArraySize>(key: &[u8]) -> AesGcm<Aes256, N> {
    AesGcm::new_from_slice(key).unwrap()
}

/// Encrypts the buffer; checks that it opens again, and gives what opening it altered comes to.
fn both_ways<C: AeadInOut>(
    cipher: &C,
    iv: &[u8],
    aad: &[u8],
    buffer: &mut Vec<u8>,
) -> Result<(), aes_gcm::Error> {
    let iv = iv.try_into().unwrap();
    let plaintext = buffer.clone();
    cipher.encrypt_in_place(&iv, aad, buffer)?;
    let mut opened = buffer.clone();
    cipher.decrypt_in_place(&iv, aad, &mut opened)?;
    assert_eq!(opened, plaintext);
    let mut altered = buffer.clone();
    altered[0] ^= 1;
    cipher.decrypt_in_place(&iv, aad, &mut altered)
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).unwrap();
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

/// Pre-authentication encoding, from its definition.
fn pae(parts: &[&str]) -> Vec<u8> {
    let mut out = (parts.len() as u64).to_le_bytes().to_vec();
    for part in parts {
        out.extend((part.len() as u64).to_le_bytes());
        out.extend(part.as_bytes());
    }
    out
}
