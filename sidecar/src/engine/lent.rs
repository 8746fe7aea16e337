//! Who has an instance, and where it goes afterwards.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::abi::Instance;
use super::image::Image;
use super::sandbox::Sandbox;
use crate::error::Result;
use crate::metrics::Metrics;

/// An instance for one record.
pub struct Lent {
    /// None only while it is dropped.
    instance: Option<Instance>,
    /// Where it goes; nowhere if it is for once.
    home: Option<Arc<Home>>,
    work: Work,
}

/// Instances that hold one policy and nothing else.
pub struct Home {
    pub sandbox: Sandbox,
    image: Image,
    waiting: Mutex<Vec<Instance>>,
    at_most: usize,
}

/// How long an instance worked for a record, told when it is dropped.
pub struct Work {
    spent: Duration,
    metrics: Option<Arc<Metrics>>,
}

impl Lent {
    pub fn once(instance: Instance, work: Work) -> Self {
        Self { instance: Some(instance), home: None, work }
    }

    pub fn from(home: Arc<Home>, instance: Instance, work: Work) -> Self {
        Self { instance: Some(instance), home: Some(home), work }
    }

    pub fn call(&mut self, function: &'static str, input: &[u8]) -> Result<Vec<u8>> {
        let began = Instant::now();
        let answer = self.instance.as_mut().expect("it lives").call(function, input);
        self.work.spent += began.elapsed();
        answer
    }

    #[cfg(test)]
    pub fn is_dead(&self) -> bool {
        self.instance.as_ref().expect("it lives").is_dead()
    }

    #[cfg(test)]
    pub fn memory(&self) -> &[u8] {
        self.instance.as_ref().expect("it lives").memory()
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let (Some(instance), Some(home)) = (self.instance.take(), &self.home) {
            home.put(instance);
        }
    }
}

impl Home {
    pub fn new(sandbox: Sandbox, image: Image) -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Self { sandbox, image, waiting: Mutex::default(), at_most: 2 * cores }
    }

    pub fn take(&self) -> Result<Instance> {
        if let Some(instance) = self.waiting().pop() {
            return Ok(instance);
        }
        let mut instance = self.sandbox.instance()?;
        self.image.write(&mut instance)?;
        Ok(instance)
    }

    /// What it held is gone when this returns.
    fn put(&self, mut instance: Instance) {
        if self.waiting().len() < self.at_most && self.image.restore(&mut instance) {
            self.waiting().push(instance);
        }
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Vec<Instance>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Work {
    pub fn begin(metrics: Option<Arc<Metrics>>) -> Self {
        Self { spent: Duration::ZERO, metrics }
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        // A probe that only asks whether there is an instance is no record.
        if let Some(metrics) = self.metrics.as_ref().filter(|_| !self.spent.is_zero()) {
            metrics.timings.guest(self.spent);
        }
    }
}
