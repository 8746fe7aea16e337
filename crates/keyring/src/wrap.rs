use aes_kw::{KeyInit, KwAes256};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::error::Result;
use crate::kek::Kek;
use crate::key::Key;

/// Bytes of a wrapped key: the key, the tag of its name, the integrity block of RFC 3394.
pub(crate) const WRAPPED: usize = 32 + TAG + 8;

const TAG: usize = 16;

/// Wraps keys with the key-encryption key (AES-KW, RFC 3394), each bound to its name.
///
/// ```text
/// wrapped = AES-256-KW(KEK, key(32) ‖ tag(16))        56 bytes
/// tag     = the first 16 bytes of SHA-256("sealtrail/keyring/v1/name" ‖ 0x00 ‖ name)
/// ```
///
/// RFC 3394 alone detects an edited file, but not two files that changed places. Then records would go on
/// being sealed with somebody else's key, and shredding would destroy the wrong one; so the name goes in.
pub(crate) struct Wrapper(Box<KwAes256>);

/// Why a wrapped key does not open.
#[derive(Debug, PartialEq)]
pub(crate) enum Refused {
    /// The integrity check of RFC 3394 §2.2.3 failed: another key-encryption key, or edited bytes.
    Integrity,
    /// It is a key of this keyring, of another name.
    OtherName,
}

impl Wrapper {
    pub(crate) fn new(kek: &Kek) -> Self {
        Self(Box::new(KwAes256::new(kek.bytes().into())))
    }

    pub(crate) fn wrap(&self, name: &str, key: &Key) -> [u8; WRAPPED] {
        let mut clear = Zeroizing::new([0; WRAPPED - 8]);
        clear[..32].copy_from_slice(key.expose());
        clear[32..].copy_from_slice(&tag(name));
        let mut wrapped = [0; WRAPPED];
        self.0.wrap_key(&clear[..], &mut wrapped).expect("both lengths are fixed");
        wrapped
    }

    pub(crate) fn unwrap(&self, name: &str, wrapped: &[u8; WRAPPED]) -> Result<Key, Refused> {
        let mut clear = Zeroizing::new([0; WRAPPED - 8]);
        self.0.unwrap_key(wrapped, &mut clear[..]).map_err(|_| Refused::Integrity)?;
        if !bool::from(clear[32..].ct_eq(&tag(name))) {
            return Err(Refused::OtherName);
        }
        Ok(Key::fill(|place| {
            place.copy_from_slice(&clear[..32]);
            Ok(())
        })
        .expect("copying cannot fail"))
    }
}

fn tag(name: &str) -> [u8; TAG] {
    let mut hash = Sha256::new();
    hash.update(b"sealtrail/keyring/v1/name\0");
    hash.update(name);
    let mut tag = [0; TAG];
    tag.copy_from_slice(&hash.finalize()[..TAG]);
    tag
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrapper(byte: u8) -> Wrapper {
        Wrapper::new(&Kek::from_bytes(&[byte; 32]))
    }

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len())
            .step_by(2)
            .map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap())
            .collect()
    }

    /// RFC 3394 §4.3, §4.5 and §4.6: all the published vectors with a 256-bit key-encryption key.
    #[test]
    fn the_published_vectors() {
        let kek = hex("000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F");
        let wrapper = Wrapper::new(&Kek::from_bytes(kek.as_slice().try_into().unwrap()));
        for (clear, wrapped) in [
            (
                "00112233445566778899AABBCCDDEEFF",
                "64E8C3F9CE0F5BA263E9777905818A2A93C8191E7D6E8AE7",
            ),
            (
                "00112233445566778899AABBCCDDEEFF0001020304050607",
                "A8F9BC1612C68B3FF6E6F4FBE30E71E4769C8B80A32CB8958CD5D17D6B254DA1",
            ),
            (
                "00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F",
                "28C9F404C4B810F4CBCCB35CFB87F8263F5786E2D80ED326CBC7F0E71A99F43BFB988B9B7A02DD21",
            ),
        ] {
            let (clear, wrapped) = (hex(clear), hex(wrapped));
            let mut out = vec![0; wrapped.len()];
            wrapper.0.wrap_key(&clear, &mut out).unwrap();
            assert_eq!(out, wrapped);
            let mut back = vec![0; clear.len()];
            wrapper.0.unwrap_key(&wrapped, &mut back).unwrap();
            assert_eq!(back, clear);
        }
    }

    #[test]
    fn a_key_comes_back_under_its_name_only() {
        let key = Key::random().unwrap();
        let wrapped = wrapper(1).wrap("k_one", &key);
        assert_eq!(wrapper(1).unwrap("k_one", &wrapped).ok().unwrap().expose(), key.expose());
        assert_eq!(wrapper(1).unwrap("k_two", &wrapped).err(), Some(Refused::OtherName));
        assert_eq!(wrapper(2).unwrap("k_one", &wrapped).err(), Some(Refused::Integrity));
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let wrapped = wrapper(1).wrap("k_one", &Key::random().unwrap());
        for bit in 0..WRAPPED * 8 {
            let mut edited = wrapped;
            edited[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(
                wrapper(1).unwrap("k_one", &edited).err(),
                Some(Refused::Integrity),
                "bit {bit}"
            );
        }
    }

    /// The bytes of a wrapped key are a promise of the format. `openssl enc -id-aes256-wrap` gives the same.
    #[test]
    fn the_wrapped_form_is_pinned() {
        let key = Key::fill(|place| {
            place.fill(7);
            Ok(())
        });
        let wrapped = wrapper(9).wrap("t_standard-7y.2026-11", &key.ok().unwrap());
        let text: String = wrapped.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            text,
            "8f862628d79637646e9ecdb8bbdb3f52b1bd11ec31390cba530c87512bccbd8ee22d831eac8a59cfce53625e9281c1cc8d7febd04933b821"
        );
    }
}
