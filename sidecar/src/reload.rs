//! What a running server reads again on SIGHUP: the policy, and keys.
//!
//! All of it is read and checked first; only when all of it is good is any of it replaced. Whoever works with
//! the old value, a request under way, keeps it to its end.

use std::sync::{Arc, PoisonError, RwLock};

use crate::error::Result;

/// A value that is replaced as a whole.
pub struct Live<T>(RwLock<Arc<T>>);

/// Everything that is read again together.
#[derive(Default)]
pub struct Reload(Vec<Box<dyn Fn() -> Result<Swap> + Send + Sync>>);

/// Puts a value that was read and checked in its place.
type Swap = Box<dyn FnOnce()>;

impl<T> Live<T> {
    pub fn new(value: T) -> Self {
        Self(RwLock::new(Arc::new(value)))
    }

    /// The value as it is now, for as long as the caller needs it.
    pub fn get(&self) -> Arc<T> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn set(&self, value: T) {
        let new = Arc::new(value);
        let old =
            std::mem::replace(&mut *self.0.write().unwrap_or_else(PoisonError::into_inner), new);
        // Dropped after the lock.
        drop(old);
    }
}

impl Reload {
    /// `read` says what is to be the value from now on; its error names the file.
    pub fn add<T: Send + Sync + 'static>(
        &mut self,
        live: &Arc<Live<T>>,
        read: impl Fn() -> Result<T> + Send + Sync + 'static,
    ) {
        let live = live.clone();
        self.0.push(Box::new(move || {
            let (live, value) = (live.clone(), read()?);
            Ok(Box::new(move || live.set(value)))
        }));
    }

    /// Does this too, once everything was read and is good.
    pub fn then(&mut self, tell: impl Fn() + Clone + Send + Sync + 'static) {
        self.0.push(Box::new(move || {
            let tell = tell.clone();
            Ok(Box::new(tell))
        }));
    }

    /// Reads everything again; on an error nothing has changed.
    pub fn run(&self) -> Result<()> {
        let swaps: Vec<Swap> = self.0.iter().map(|read| read()).collect::<Result<_>>()?;
        swaps.into_iter().for_each(|swap| swap());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::Code;
    use crate::error::Error;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[test]
    fn all_or_nothing_and_who_has_the_old_value_keeps_it() {
        let (first, second) = (Arc::new(Live::new(1)), Arc::new(Live::new(1)));
        let source = Arc::new(AtomicU32::new(2));
        let mut reload = Reload::default();
        let read = source.clone();
        reload.add(&first, move || Ok(read.load(Ordering::Relaxed)));
        let read = source.clone();
        reload.add(&second, move || {
            Some(read.load(Ordering::Relaxed))
                .filter(|value| *value < 3)
                .ok_or_else(|| Error::new(Code::PolicyInvalid, "three"))
        });
        let held = first.get();
        reload.run().unwrap();
        assert_eq!((*held, *first.get(), *second.get()), (1, 2, 2));
        source.store(3, Ordering::Relaxed);
        assert_eq!(reload.run().unwrap_err().message(), "three");
        assert_eq!((*first.get(), *second.get()), (2, 2), "the good one is not taken either");
    }
}
