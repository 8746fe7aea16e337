use std::sync::Arc;

use jsonwebtoken::Header;

use super::keys::{Key, Keys};
use super::published::{Fetches, Follower, Publisher};
use crate::config::JwtKeys;
use crate::error::Result;
use crate::reload::{Live, Reload};

/// Where the keys come from, and what they are now.
#[derive(Clone)]
pub struct Source {
    keys: Arc<Live<Keys>>,
    follower: Option<Arc<Follower>>,
}

/// Why there is no key for a token.
#[derive(Debug, PartialEq, Eq)]
pub enum Absent {
    /// It names none that is known, or another algorithm than that of its key.
    Unknown,
    /// The issuer has not answered since the start.
    NotFetched,
}

/// Whether a start would find what it needs; nobody is asked over the network.
pub fn check(config: &JwtKeys) -> Result<()> {
    match config {
        JwtKeys::File(path) => Keys::read(path).map(drop),
        JwtKeys::Published { url, ca } => Publisher::new(url.clone(), ca.as_deref()).map(drop),
    }
}

impl Source {
    /// Reads a file, which must be good and is read again by `reload`. What an issuer publishes is fetched; the server
    /// starts without it too, because a trail must not end where a login service does.
    pub fn open(config: &JwtKeys, reload: &mut Reload) -> Result<Self> {
        match config {
            JwtKeys::File(path) => {
                let keys = Arc::new(Live::new(Keys::read(path)?));
                let path = path.clone();
                reload.add(&keys, move || Keys::read(&path));
                Ok(Self { keys, follower: None })
            }
            JwtKeys::Published { url, ca } => {
                let keys = Arc::new(Live::new(Keys::default()));
                let publisher = Publisher::new(url.clone(), ca.as_deref())?;
                let follower = Arc::new(Follower::start(publisher, keys.clone())?);
                let asked = follower.clone();
                reload.then(move || asked.ask_now());
                Ok(Self { keys, follower: Some(follower) })
            }
        }
    }

    /// The key that a token with this header must be signed with. If an issuer has a new one, the next token will find it.
    pub fn key_of(&self, header: &Header) -> Result<Arc<Key>, Absent> {
        let keys = self.keys.get();
        if keys.is_empty() {
            return Err(Absent::NotFetched);
        }
        let Some(key) = keys.find(header.kid.as_deref()) else {
            if let Some(follower) = &self.follower {
                follower.missed();
            }
            return Err(Absent::Unknown);
        };
        if !key.algorithms.contains(&header.alg) {
            return Err(Absent::Unknown);
        }
        Ok(key.clone())
    }

    /// How the issuer was asked, where one is.
    pub fn fetches(&self) -> Option<&Fetches> {
        self.follower.as_deref().map(Follower::fetches)
    }

    #[cfg(test)]
    pub fn of(keys: Keys) -> Self {
        Self { keys: Arc::new(Live::new(keys)), follower: None }
    }
}
