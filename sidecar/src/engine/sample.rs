//! A change that says nothing of anybody, for a guest to go through before it gets the first real one.

use std::fmt::Write;

use sealtrail_record::frame::Frame;

use super::abi::Instance;
use super::calls::Plan;
use crate::error::Result;

/// Of free memory beside what the sample takes.
const ROOM: usize = 24 << 10;

/// Of each image. With half of them changed the change has some 8 KB, more than most.
const FIELDS: usize = 80;

/// Lets a guest that has its policy make a record, so that it has all the room that one takes. Nothing of it
/// can become part of another: the guest is left as if nothing had been read.
pub fn warm_up(instance: &mut Instance) {
    // A policy may refuse it; then records find less room.
    let _ = record(instance);
    // No change, so that none is read now; and what the guest gives back of it is free memory for changes
    // that are larger.
    let _ = instance.call("read", &vec![0; ROOM]);
}

fn record(instance: &mut Instance) -> Result<()> {
    instance.call("read", &Frame::new().part(change().as_bytes()).into_bytes())?;
    let context = br#"{"correlation_id":"00000000-0000-0000-0000-000000000000","service":"sample","actor":{"type":"user","id":"0","name":"sample"},"request":{"method":"PUT","path":"/sample/0","ip":"192.0.2.1","user_agent":{"browser":"sample","os":"sample","device":"other"}}}"#;
    let plan = instance.call("plan", &Frame::new().part(context).into_bytes())?;
    let Ok(plan) = serde_json::from_slice::<Plan>(&plan) else { return Ok(()) };
    let stamp = br#"{"origin":"sample","id":"00000000-0000-7000-8000-000000000000","recorded_time":"1970-01-01T00:00:00.000Z","engine":{"version":"0","sha256":"0000000000000000000000000000000000000000000000000000000000000000"}}"#;
    let mut frame = Frame::new().part(stamp).part(&vec![0; plan.nonces * 12]);
    for _ in &plan.needs {
        for kid in [b"k_0".as_slice(), b"t_0"] {
            frame = frame.part(kid).part(&[0; 32]);
        }
    }
    instance.call("seal", &frame.into_bytes())?;
    Ok(())
}

fn change() -> String {
    let image = |version: usize| {
        let mut fields = String::new();
        for i in 0..FIELDS {
            let comma = if i == 0 { "" } else { "," };
            let value = i % 2 * version;
            let _ = write!(fields, r#"{comma}"field{i:02}":"a value of usual length {value}""#);
        }
        fields
    };
    format!(
        r#"{{"entity":{{"type":"sample","id":"0"}},"action":"update","before":{{{}}},"after":{{{}}}}}"#,
        image(0),
        image(1)
    )
}
