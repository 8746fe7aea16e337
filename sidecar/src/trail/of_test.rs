//! A trail in the folder of a test.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use sealtrail_keyring::{Kek, Keyring};
use sealtrail_log::Log;
use sealtrail_log::proof::SigningKey;

use super::Trail;
use crate::config::Config;

/// Seals everything, in the group `g` and the class `year`.
const POLICY: &str =
    r#"{"id":"p","version":"1","default":{"action":"seal","group":"g","retain":"year"}}"#;

impl Trail {
    /// Makes log, keyring and all that belongs to them; `more` is configuration.
    pub fn create_for_test(dir: &Path, more: &str) -> Self {
        let at = |name: &str| dir.join(name);
        let key = SigningKey::from_seed("a.example", &[1; 32]).unwrap();
        fs::write(at("signing.key"), key.secret_text().as_bytes()).unwrap();
        fs::set_permissions(at("signing.key"), fs::Permissions::from_mode(0o600)).unwrap();
        let kek = Kek::generate().unwrap();
        kek.write_new(&at("kek")).unwrap();
        Keyring::create(&at("keyring"), &kek).unwrap();
        Log::create(&at("log"), "a.example", &key).unwrap();
        fs::write(at("policy.json"), POLICY).unwrap();
        Self::open_for_test(dir, more)
    }

    /// The same once more, as after a restart.
    pub fn open_for_test(dir: &Path, more: &str) -> Self {
        Self::open(&Self::config_for_test(dir, more)).unwrap().0
    }

    pub fn config_for_test(dir: &Path, more: &str) -> Config {
        let text = format!(
            "origin = \"a.example\"\nlog_dir = \"log\"\nkeyring_dir = \"keyring\"\npolicy = \"policy.json\"\n\
             signing_key = \"signing.key\"\nkek = \"kek\"\n{more}\n"
        );
        Config::parse(&text, dir).unwrap()
    }
}
