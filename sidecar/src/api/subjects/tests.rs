use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::*;
use crate::access::{Gate, Refusals};
use crate::acts::Justification;
use crate::api::Untaken;
use crate::collector::Queue;
use crate::leases::{Wanted, grant};
use crate::reload::Reload;

/// More shreddings than there are threads for what waits for the disk.
const THREADS: usize = 2;
const SHREDDINGS: u64 = 4;

const LEASES: &str = "leases.lifetime = \"5m\"";

/// Beyond what anything here takes, and before the leases end.
const A_MINUTE: Duration = Duration::from_mins(1);

fn somebody() -> Actor {
    Actor { kind: "user".into(), id: "dpo".into() }
}

fn api(dir: &std::path::Path) -> Arc<Api> {
    let config = Trail::config_for_test(dir, LEASES);
    Arc::new(Api {
        trail: Arc::new(Trail::create_for_test(dir, LEASES)),
        queue: Queue::new(config.limits.queue),
        untaken: Untaken::new(config.limits.answers),
        turns: Arc::default(),
        gate: Gate::open(&config.access, None, &mut Reload::default()).unwrap(),
        refusals: Refusals::default(),
        hosts: Vec::new(),
        access: None,
    })
}

fn subject(n: u64) -> String {
    format!("customer/{n}")
}

/// As a request does that is answered when nobody has a lease any more.
fn shred(api: &Arc<Api>, n: u64) -> tokio::task::JoinHandle<Result<acts::Shredded>> {
    let api = api.clone();
    let because = Justification::parse(somebody(), "a request").unwrap();
    tokio::spawn(async move {
        let manner = Manner::default();
        api.erase(move |trail| acts::shred(trail, &subject(n), &because, manner)).await
    })
}

#[test]
fn shreddings_that_wait_for_leases_take_no_thread_and_are_whole_without_who_asked() {
    let dir = tempfile::tempdir().unwrap();
    let api = api(dir.path());
    for n in 0..SHREDDINGS {
        let needs = json!([{"subject": subject(n), "group": "g", "retain": "year"}]);
        let wanted: Wanted = serde_json::from_value(json!({ "needs": needs })).unwrap();
        grant(&api.trail, &somebody(), &wanted).unwrap();
    }
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime =
        runtime.worker_threads(1).max_blocking_threads(THREADS).enable_all().build().unwrap();
    let serve = async {
        let mut shreddings: Vec<_> = (0..SHREDDINGS).map(|n| shred(&api, n)).collect();
        while api.trail.size() < SHREDDINGS {
            tokio::task::yield_now().await;
        }
        api.readyz().await.unwrap();
        // A client hangs up.
        let hung_up = shreddings.pop().unwrap();
        hung_up.abort();
        assert!(hung_up.await.unwrap_err().is_cancelled(), "nobody was told before the end");
        api.trail.start_draining();
        for shredding in shreddings {
            let shredded = shredding.await.unwrap().unwrap();
            assert!(shredded.leases_end_in_ms > 0, "the leases are not over");
        }
    };
    let served = runtime.block_on(async { tokio::time::timeout(A_MINUTE, serve).await });
    // One that sleeps on a thread is not waited for.
    runtime.shutdown_background();
    served.expect("they keep what else waits for the disk from its threads");
    for n in 0..SHREDDINGS {
        assert!(api.trail.keyring.existing_subject_key(&subject(n)).unwrap().is_none());
    }
    assert!(api.trail.keyring.unrecorded().unwrap().is_empty());
    assert_eq!(api.trail.size(), SHREDDINGS);
}
