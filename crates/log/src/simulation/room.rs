//! A full disk is waited for; a failed sync is not.

use super::life::Life;
use crate::disk::simulated::Break;
use crate::queue::Work;
use crate::writer::{self, Writer};

fn opened() -> (Life, Writer) {
    let mut life = Life::new(7);
    (life.options.segment_bytes, life.options.fill_ahead) = (20_000, 700);
    writer::create_folder(&life.disk, &life.layout).unwrap();
    writer::create(&life.disk, &life.layout, &life.signer).unwrap();
    let writer =
        Writer::open(&life.disk, &life.layout, life.signer.clone(), &life.options).unwrap();
    (life, writer)
}

#[test]
fn appends_fail_while_the_disk_is_full_and_go_on_after() {
    let (mut life, mut writer) = opened();
    life.append(&mut writer);
    let size = writer.committer.size;
    life.simulated.break_after(0, Break::Full(1000));
    for _ in 0..20 {
        life.append(&mut writer);
    }
    // Some may have fitted into what was filled before; not all of them.
    assert!(!life.told.lock().unwrap().refused.is_empty());
    let error = writer.committer.queue.disk_full().unwrap();
    assert!(error.is_disk_full() && !error.is_poisoned(), "{error}");
    writer.committer.look_for_room();
    assert!(writer.committer.queue.disk_full().is_some(), "there is no room yet");

    life.simulated.repair();
    writer.committer.look_for_room();
    assert!(writer.committer.queue.disk_full().is_none(), "nobody has to try");
    life.append(&mut writer);
    assert!(writer.committer.size > size);
    life.cover(&mut writer);
    writer.committer.close();
    life.check_tree();
}

#[test]
fn lines_wait_for_their_checkpoint_while_there_is_no_room_for_tiles() {
    let (mut life, mut writer) = opened();
    life.append(&mut writer);
    life.simulated.break_after(0, Break::Full(1));
    life.cover(&mut writer);
    assert!(writer.committer.cover.put_off().unwrap().is_disk_full());
    assert!(writer.committer.queue.poisoned().is_none());
    assert_eq!(writer.tree.checkpoint().size(), 0);
    life.append(&mut writer);
    life.cover(&mut writer);
    assert!(writer.committer.cover.put_off().is_none());
    assert_eq!(writer.tree.checkpoint().size(), writer.committer.size);
    writer.committer.close();
    life.check_tree();
}

#[test]
fn a_failed_sync_refuses_everybody() {
    for how in [Break::Lost, Break::ReportedLost, Break::Torn] {
        let (mut life, mut writer) = opened();
        life.append(&mut writer);
        let size = writer.committer.size;
        life.simulated.trace();
        life.append(&mut writer);
        // The same steps again, the sync among them broken.
        let sync = life.simulated.take_trace().iter().position(|s| s.starts_with("sync")).unwrap();
        let kept = life.told.lock().unwrap().kept.len();
        life.options.fill_ahead = 0;
        life.simulated.break_after(sync as u64, how);
        let queue = writer.committer.queue.clone();
        let waiting = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let offer = || {
            let told = waiting.clone();
            let lines = [b"a line".to_vec()];
            let submission = crate::submission::Submission::new(&lines, &life.options).unwrap();
            queue.offer(submission, Box::new(move |result| told.lock().unwrap().push(result)));
        };
        offer();
        offer();
        let Some(Work::Commit(batch)) = queue.take() else { panic!() };
        offer(); // while the others are being synced
        let error = writer.committer.turn(batch).unwrap_err();
        queue.finished();
        assert!(error.is_poisoned() && error.to_string().contains("sync"), "{error}");
        offer();
        let told = waiting.lock().unwrap();
        assert_eq!(told.len(), 4);
        assert!(told.iter().all(|result| result.as_ref().unwrap_err().is_poisoned()));
        assert!(queue.take().is_none(), "the thread ends");
        assert_eq!(kept, life.told.lock().unwrap().kept.len());
        assert!(writer.committer.size > size);
    }
}
