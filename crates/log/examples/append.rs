//! Makes a log if there is none and appends a line for each argument, or each line of standard input.
//!
//! ```sh
//! cargo run -p sealtrail-log --example append -- /tmp/trail '{"price":10}' '{"price":11}'
//! ```

use std::error::Error;
use std::io::BufRead;
use std::path::Path;

use sealtrail_log::proof::SigningKey;
use sealtrail_log::{Log, Options, Signer};

const ORIGIN: &str = "shop.example/trail";

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let dir = args.next().ok_or("usage: append DIR [LINE...]")?;
    // 32 random bytes in real life, in a file that only the writer can read.
    let key = SigningKey::from_seed(ORIGIN, &[7; 32])?;
    match Log::create(Path::new(&dir), ORIGIN, &key) {
        Err(error) if !error.is_already_there() => return Err(error.into()),
        _ => {}
    }
    let (log, recovery) =
        Log::open(Path::new(&dir), Signer::new(ORIGIN, key)?, Options::default())?;
    if let Some(torn) = recovery.torn {
        eprintln!(
            "a crash had cut a line of {} bytes; it is in {}",
            torn.bytes,
            torn.path.display()
        );
    }

    let mut lines: Vec<Vec<u8>> = args.map(String::into_bytes).collect();
    if lines.is_empty() {
        let stdin = std::io::stdin().lock();
        lines = stdin.split(b'\n').collect::<Result<_, _>>()?;
    }
    // They are on disk when this returns.
    let range = log.append(lines)?;
    println!("appended the records {range:?}");
    log.close()?;
    Ok(())
}
