use std::collections::HashMap;
use std::sync::RwLock;

use crate::id::KeyId;
use crate::key::Key;

/// The keys in use, in clear, so that a busy subject costs no file.
///
/// Two generations: when the young one is full it becomes the old one, and what was not asked for during a
/// whole generation goes. That keeps memory bounded without a list to reorder on every read. A key that
/// leaves is wiped when its last holder lets go.
pub(crate) struct Cache {
    capacity: usize,
    generations: RwLock<Generations>,
}

#[derive(Default)]
struct Generations {
    young: HashMap<Box<str>, Entry>,
    old: HashMap<Box<str>, Entry>,
}

struct Entry {
    kid: KeyId,
    key: Key,
}

impl Cache {
    /// At most twice `capacity` keys are held.
    pub(crate) fn new(capacity: usize) -> Self {
        Self { capacity, generations: RwLock::default() }
    }

    pub(crate) fn get(&self, name: &str) -> Option<(KeyId, Key)> {
        {
            let generations = self.generations.read().expect("nothing panics under this lock");
            if let Some(entry) = generations.young.get(name) {
                return Some((entry.kid.clone(), entry.key.share()));
            }
            if !generations.old.contains_key(name) {
                return None;
            }
        }
        let mut generations = self.generations.write().expect("nothing panics under this lock");
        // Gone again if somebody shredded it between the two locks; then it must stay gone.
        let entry = generations.old.remove(name).or_else(|| generations.young.remove(name))?;
        let found = (entry.kid.clone(), entry.key.share());
        generations.put(name, entry, self.capacity);
        Some(found)
    }

    pub(crate) fn put(&self, name: &str, kid: &KeyId, key: &Key) {
        let entry = Entry { kid: kid.clone(), key: key.share() };
        self.generations.write().expect("nothing panics under this lock").put(
            name,
            entry,
            self.capacity,
        );
    }

    pub(crate) fn evict(&self, name: &str) {
        let mut generations = self.generations.write().expect("nothing panics under this lock");
        generations.young.remove(name);
        generations.old.remove(name);
    }
}

impl Generations {
    fn put(&mut self, name: &str, entry: Entry, capacity: usize) {
        if self.young.len() >= capacity {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(name.into(), entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(capacity: usize, names: &[&str]) -> Cache {
        let cache = Cache::new(capacity);
        for name in names {
            cache.put(name, &KeyId::of_subject(&[0; 16]), &Key::random().unwrap());
        }
        cache
    }

    #[test]
    fn what_is_asked_for_stays_and_the_rest_goes() {
        let cache = filled(2, &["a", "b", "c"]);
        assert!(cache.get("a").is_some(), "an old key is found");
        let key = Key::random().unwrap();
        for name in ["d", "e"] {
            cache.put(name, &KeyId::of_subject(&[0; 16]), &key);
        }
        assert!(cache.get("a").is_some(), "it was used and is young again");
        assert!(cache.get("b").is_none(), "it was not");
    }

    #[test]
    fn memory_is_bounded() {
        let cache = Cache::new(10);
        let key = Key::random().unwrap();
        for name in 0..1000 {
            cache.put(&name.to_string(), &KeyId::of_subject(&[0; 16]), &key);
        }
        let generations = cache.generations.read().unwrap();
        assert!(generations.young.len() + generations.old.len() <= 20);
    }

    #[test]
    fn eviction_reaches_both_generations_and_leaves_no_holder() {
        for names in [&["a"][..], &["a", "b", "c"]] {
            let cache = filled(2, names);
            let watch = cache.get("a").unwrap().1.watch();
            assert!(watch.upgrade().is_some());
            cache.evict("a");
            assert!(watch.upgrade().is_none(), "the key was dropped, and dropping wipes it");
            assert!(cache.get("a").is_none());
        }
    }
}
