//! Which keys are at work: a record that is sealed and not durable yet, or a value that is being opened.
//!
//! An erasure closes its keys first, so that nobody takes them up, and waits until nobody works with them. So a hold sees
//! every record that it keeps, and what the log says has an order: no record comes after the end of its key, nothing is
//! opened after it.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use sealtrail_keyring::KeyId;

use crate::code::Code;
use crate::error::{Error, Result};

#[derive(Default)]
pub struct KeysInUse {
    table: Mutex<Table>,
    is_free: Condvar,
}

#[derive(Default)]
struct Table {
    users: HashMap<KeyId, usize>,
    closed: Vec<KeyId>,
    /// How many erasures have begun or ended.
    erasures: u64,
}

/// When keys were looked for.
#[derive(Clone, Copy)]
pub struct Look(u64);

/// Keys at work, until it is dropped.
pub struct InUse {
    keys: Arc<KeysInUse>,
    kids: Vec<KeyId>,
}

/// Keys that nobody takes up, until it is dropped.
pub struct Closed<'k> {
    keys: &'k KeysInUse,
    kids: Vec<KeyId>,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Refused {
    /// Something was erased since the keys were looked for: look again.
    Changed,
    /// One of them is being erased.
    Closed,
}

impl KeysInUse {
    /// To be taken before the keys are looked for.
    pub fn look(&self) -> Look {
        Look(self.table().erasures)
    }

    pub fn enter(self: &Arc<Self>, look: Look, kids: Vec<KeyId>) -> Result<InUse, Refused> {
        let mut table = self.table();
        if kids.iter().any(|kid| table.closed.contains(kid)) {
            return Err(Refused::Closed);
        }
        if table.erasures != look.0 {
            return Err(Refused::Changed);
        }
        for kid in &kids {
            *table.users.entry(kid.clone()).or_default() += 1;
        }
        drop(table);
        Ok(InUse { keys: self.clone(), kids })
    }

    /// Nobody takes these up any more; waits until who works with them is done.
    pub fn close(&self, kids: Vec<KeyId>) -> Closed<'_> {
        let mut table = self.table();
        table.closed.extend(kids.iter().cloned());
        table.erasures += 1;
        drop(table);
        let closed = Closed { keys: self, kids };
        self.wait(&closed.kids);
        closed
    }

    /// These do not exist any more; waits until who took them up before is done.
    pub fn end(&self, kids: &[KeyId]) {
        self.table().erasures += 1;
        self.wait(kids);
    }

    fn wait(&self, kids: &[KeyId]) {
        let mut table = self.table();
        while kids.iter().any(|kid| table.users.contains_key(kid)) {
            table = self.is_free.wait(table).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Refused {
    pub fn error(&self) -> Error {
        let message = "a key of this record is being erased; send it again";
        Error::new(Code::QueueFull, message)
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        let mut table = self.keys.table();
        for kid in &self.kids {
            if let Some(users) = table.users.get_mut(kid) {
                *users -= 1;
                if *users == 0 {
                    table.users.remove(kid);
                }
            }
        }
        self.keys.is_free.notify_all();
    }
}

impl Drop for Closed<'_> {
    fn drop(&mut self) {
        let mut table = self.keys.table();
        for kid in &self.kids {
            if let Some(at) = table.closed.iter().position(|closed| closed == kid) {
                table.closed.swap_remove(at);
            }
        }
        table.erasures += 1;
    }
}

impl std::fmt::Debug for InUse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.kids.iter().map(KeyId::as_str)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    fn kid(n: u8) -> KeyId {
        KeyId::parse(&format!("t_class.20{n:02}-01")).unwrap()
    }

    #[test]
    fn an_erasure_waits_for_who_works_with_its_keys_and_for_nobody_else() {
        let keys = Arc::new(KeysInUse::default());
        let others = keys.enter(keys.look(), vec![kid(2)]).unwrap();
        let (first, second) = (
            keys.enter(keys.look(), vec![kid(1)]).unwrap(),
            keys.enter(keys.look(), vec![kid(1), kid(3)]).unwrap(),
        );
        let (told, closed) = channel();
        let erasing = keys.clone();
        let erasure = std::thread::spawn(move || {
            let _closed = erasing.close(vec![kid(1)]);
            told.send(()).unwrap();
        });
        while keys.table().closed.is_empty() {
            std::thread::yield_now();
        }
        drop(first);
        assert!(closed.try_recv().is_err(), "one still works");
        drop(second);
        closed.recv().unwrap();
        erasure.join().unwrap();
        drop(others);
        assert!(keys.table().users.is_empty() && keys.table().closed.is_empty());
    }

    #[test]
    fn what_is_being_erased_is_not_taken_up() {
        let keys = Arc::new(KeysInUse::default());
        let before = keys.look();
        let closed = keys.close(vec![kid(1)]);
        assert_eq!(keys.enter(keys.look(), vec![kid(1)]).unwrap_err(), Refused::Closed);
        assert!(keys.enter(keys.look(), vec![kid(2)]).is_ok());
        drop(closed);
        // Who looked before the erasure may have found a key that is gone.
        assert_eq!(keys.enter(before, vec![kid(1)]).unwrap_err(), Refused::Changed);
        assert!(keys.enter(keys.look(), vec![kid(1)]).is_ok());
        let before = keys.look();
        keys.end(&[kid(4)]);
        assert_eq!(keys.enter(before, vec![kid(4)]).unwrap_err(), Refused::Changed);
    }
}
