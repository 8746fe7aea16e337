//! A log from its creation to an audit that finds a changed line.
//!
//! ```text
//! cargo run -p sealtrail-log --example append_and_audit
//! ```

use std::error::Error;
use std::fs;

use sealtrail_log::proof::SigningKey;
use sealtrail_log::verify::verify;
use sealtrail_log::{Log, Options, Reader, Signer};

const ORIGIN: &str = "shop.example/trail";

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let dir = folder.path().join("log");

    // In real life: 32 bytes from the operating system, and the text of the key in a file of its own.
    let key = SigningKey::from_seed(ORIGIN, &[42; 32])?;
    let vkey = key.verifier_key();
    println!("keep this outside the log   {vkey}");

    Log::create(&dir, ORIGIN, &key)?;
    let (log, recovery) = Log::open(&dir, Signer::new(ORIGIN, key)?, Options::default())?;
    println!("opened                      {} records", recovery.lines);

    let lines = (0..300).map(|i| format!(r#"{{"id":{i},"price":{}}}"#, 100 + i).into_bytes());
    let range = log.append(lines.collect())?;
    println!("durable                     records {} to {}", range.start, range.end - 1);
    log.close()?;

    let reader = Reader::open(&dir)?;
    let line = reader.read(7)?;
    println!("record 7                    {}", String::from_utf8_lossy(&line));
    let receipt = reader.prove(7)?;
    let checkpoint = receipt.verify(&line, &vkey)?;
    println!("its receipt                 holds in a tree of {}", checkpoint.size());

    let report = verify(&dir, &vkey)?;
    println!("audit                       {}, {} records", report.class(), report.covered);

    let segment = dir.join("entries/00000000000000000000.jsonl");
    let text = fs::read_to_string(&segment)?;
    fs::write(&segment, text.replace(r#""price":107"#, r#""price":17"#))?;
    match verify(&dir, &vkey) {
        Ok(_) => return Err("the audit missed a changed line".into()),
        Err(failure) => println!("audit of a changed line     {failure}"),
    }
    Ok(())
}
