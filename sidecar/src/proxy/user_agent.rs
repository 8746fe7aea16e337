//! Browser, system and kind of device from a user agent (RFC 9110 §10.1.5), by the patterns of the
//! `ua-parser` project.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{LazyLock, Mutex, PoisonError};

use ua_parser::Regexes;

use patterns::Patterns;

mod patterns;

/// Longer user agents are cut: no browser sends one.
pub const MAX_LENGTH: usize = 512;

/// How many different user agents are remembered with their result.
const CACHED: usize = 1024;

static PATTERNS: &str = include_str!(concat!(env!("OUT_DIR"), "/user_agents.json"));

/// To read the table takes a noticeable moment, so it is done once.
static TABLE: LazyLock<Patterns> = LazyLock::new(|| Patterns::new(table()));

static CACHE: LazyLock<Cache> = LazyLock::new(Cache::default);

/// By two keyed hashes of the text, which together no two texts share: the text itself may tell who somebody is,
/// and is remembered no longer than its request.
#[derive(Default)]
struct Cache {
    hashing: [RandomState; 2],
    known: Mutex<HashMap<[u64; 2], UserAgent>>,
}

/// What a record keeps of a user agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserAgent {
    /// `Chrome`, `Firefox`, `curl`.
    pub browser: Option<String>,
    /// `Windows 10`, `Android 14`.
    pub os: Option<String>,
    /// `desktop`, `mobile`, `tablet`, `bot` or `other`.
    pub device: &'static str,
}

impl UserAgent {
    pub fn parse(text: &str) -> UserAgent {
        let text = cut(text);
        let key = CACHE.hashing.each_ref().map(|hashing| hashing.hash_one(text));
        let known = || CACHE.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known().get(&key) {
            return known.clone();
        }
        let parsed = extract(text);
        let mut known = known();
        if known.len() >= CACHED {
            known.clear();
        }
        known.insert(key, parsed.clone());
        parsed
    }

    /// Reads the table ahead of the first request.
    pub fn warm_up() {
        LazyLock::force(&TABLE);
    }
}

/// The part of a user agent that is looked at.
pub fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_LENGTH)]
}

fn table() -> Regexes<'static> {
    serde_json::from_str(PATTERNS).expect("the embedded table is what ua-parser reads")
}

fn extract(text: &str) -> UserAgent {
    let (browser, os, device) = (TABLE.browser(text), TABLE.system(text), TABLE.device(text));
    let os_family = os.as_ref().map_or("", |os| &*os.os);
    let device_family = device.as_ref().map_or("", |device| &*device.device);
    UserAgent {
        device: device_class(text, os_family, device_family),
        browser: browser.map(|browser| browser.family.into_owned()),
        os: os.as_ref().map(|os| match os.major.as_deref() {
            Some(version) => format!("{} {version}", os.os),
            None => os.os.to_string(),
        }),
    }
}

/// ua-parser knows the model of a device; a record needs its kind.
fn device_class(text: &str, os: &str, device: &str) -> &'static str {
    let mobile = text.contains("Mobile") || text.contains("Mobi/");
    match os {
        _ if device == "Spider" => "bot",
        _ if device.contains("iPad") || device.contains("Tablet") || device.contains("Kindle") => {
            "tablet"
        }
        "Android" if !mobile => "tablet",
        "Android" | "iOS" | "Windows Phone" | "KaiOS" | "BlackBerry OS" => "mobile",
        _ if mobile => "mobile",
        "Windows" | "Mac OS X" | "Linux" | "Ubuntu" | "Fedora" | "Debian" | "Chrome OS"
        | "FreeBSD" | "OpenBSD" | "NetBSD" | "Solaris" => "desktop",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(text: &str) -> String {
        let ua = UserAgent::parse(text);
        let or = |part: Option<String>| part.unwrap_or("-".into());
        format!("{} | {} | {}", or(ua.browser), or(ua.os), ua.device)
    }

    #[test]
    fn what_the_first_users_send() {
        let chrome = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
                      Chrome/84.0.4147.89 Safari/537.36";
        assert_eq!(summary(chrome), "Chrome | Windows 10 | desktop");
        assert_eq!(summary(chrome), "Chrome | Windows 10 | desktop", "from the cache");
    }

    #[test]
    fn kinds_of_device() {
        for (text, expected) in [
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1",
                "Mobile Safari | iOS 17 | mobile",
            ),
            (
                "Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.6 Mobile/15E148 Safari/604.1",
                "Mobile Safari | iOS 16 | tablet",
            ),
            (
                "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Mobile Safari/537.36",
                "Chrome Mobile | Android 14 | mobile",
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0",
                "Firefox | Linux | desktop",
            ),
            (
                "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
                "Googlebot | - | bot",
            ),
            ("curl/7.88.1", "curl | - | other"),
            ("", "- | - | other"),
        ] {
            assert_eq!(summary(text), expected, "{text}");
        }
    }

    #[test]
    fn a_long_one_is_cut_between_characters() {
        let long = "é".repeat(MAX_LENGTH);
        assert_eq!(cut(&long).len(), MAX_LENGTH);
        assert_eq!(cut(&format!("a{long}")).len(), MAX_LENGTH - 1);
        assert_eq!(UserAgent::parse(&long).device, "other");
    }
}
