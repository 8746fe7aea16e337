//! Questions take turns: one about the whole log holds a thread for long, and acts wait for none.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tracing::Span;

use crate::code::Code;
use crate::error::{Error, Result};

/// As many questions are worked on at once; others wait, and what waits ends with its client.
const AT_ONCE: usize = 16;

pub struct Turns(Arc<Semaphore>);

impl Default for Turns {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl Turns {
    /// Works off the threads that serve, when it is its turn.
    pub async fn take<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let turn = self.0.clone().acquire_owned().await.expect("never closed");
        blocking(move || {
            // Held until the work has ended, whoever waits for it.
            let _turn = turn;
            work()
        })
        .await
    }
}

/// Works where it may wait for the disk.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let span = Span::current();
    let done = tokio::task::spawn_blocking(move || span.in_scope(work)).await;
    done.map_err(|_| Error::new(Code::Internal, "the work was given up halfway"))
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::{Pin, pin};
    use std::sync::mpsc;
    use std::task::{Context, Waker};
    use std::time::{Duration, Instant};

    use sealtrail_log::proof::SigningKey;
    use sealtrail_log::{Log, Options, Signer};
    use tempfile::TempDir;

    use super::*;
    use crate::questions::{Grain, Page, Question, Questions, Stop};

    /// Only so that what hangs fails.
    const HANGS: Duration = Duration::from_secs(60);

    fn begun<F: Future>(future: Pin<&mut F>) {
        assert!(future.poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }

    /// Questions about a log of some records; nobody writes it any more.
    fn questions() -> (TempDir, Questions) {
        let folder = tempfile::tempdir().unwrap();
        let key = SigningKey::from_seed("a.example", &[1; 32]).unwrap();
        let at = folder.path().join("log");
        Log::create(&at, "a.example", &key).unwrap();
        let signer = Signer::new("a.example", key).unwrap();
        let (log, _) = Log::open(&at, signer, Options::default()).unwrap();
        let line = |n: u32| {
            format!(r#"{{"id":"r{n}","data":{{"entity":{{"type":"t","id":"{n}"}}}}}}"#).into_bytes()
        };
        log.append((0..100).map(line).collect()).unwrap();
        let reader = log.reader().clone();
        let index = folder.path().join("index");
        (folder, Questions::open(reader, &index, "a.example").unwrap())
    }

    #[tokio::test]
    async fn a_question_ends_when_nobody_waits_for_its_answer() {
        let (_folder, questions) = questions();
        let all = || Question::parse([]).unwrap();
        let turns = Turns(Arc::new(Semaphore::new(1)));
        let ways: [fn(&Questions, &Question) -> Result<usize>; 3] = [
            |questions, all| Ok(questions.touched(all, Grain::Row)?.len()),
            |questions, all| Ok(questions.ask(all, Page::ALL)?.found.len()),
            |questions, all| Ok(questions.ask_collapsed(all, Page::ALL)?.told.len()),
        ];
        for way in ways {
            assert_eq!(way(&questions, &all()).unwrap(), 100);
            let (stop, asker) = Stop::new();
            let asked = questions.until(&stop);
            let (begins, began) = mpsc::channel();
            {
                // As long as a log without an end.
                let until = Instant::now() + 2 * HANGS;
                let endless = turns.take(move || {
                    while Instant::now() < until && way(&asked, &all()).is_ok() {
                        let _ = begins.send(());
                    }
                });
                let mut endless = pin!(endless);
                begun(endless.as_mut());
                let seen = tokio::task::spawn_blocking(move || began.recv_timeout(HANGS));
                seen.await.unwrap().unwrap();
                let mut waits = pin!(turns.take(|| -> u32 { unreachable!("its client has left") }));
                begun(waits.as_mut());
                drop(asker);
            }
            // There is one turn, and it comes when the work before has ended.
            let next = turns.take(|| 7);
            assert_eq!(tokio::time::timeout(HANGS, next).await.unwrap().unwrap(), 7);
            assert!(way(&questions.until(&stop), &all()).is_err());
            assert_eq!(way(&questions, &all()).unwrap(), 100, "others are asked on");
        }
    }
}
