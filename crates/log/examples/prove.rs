//! Writes the receipt of a record and checks it, as somebody would who has only the line, the receipt and the
//! verifier key.
//!
//! ```sh
//! cargo run -p sealtrail-log --example append -- /tmp/trail '{"price":10}'
//! cargo run -p sealtrail-log --example prove -- /tmp/trail 0
//! ```

use std::error::Error;
use std::path::Path;

use sealtrail_log::Reader;
use sealtrail_log::proof::{Receipt, SigningKey};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let usage = "usage: prove DIR INDEX";
    let (dir, index) = (args.next().ok_or(usage)?, args.next().ok_or(usage)?.parse()?);

    let reader = Reader::open(Path::new(&dir))?;
    let line = reader.read(index)?;
    let receipt = reader.prove(index)?.to_text();
    print!("{receipt}");

    // The verifier key is public, and kept outside of the directory. This one is that of the example `append`.
    let key = SigningKey::from_seed("shop.example/trail", &[7; 32])?.verifier_key();
    let checkpoint = Receipt::parse(receipt.as_bytes())?.verify(&line, &key)?;
    println!("record {index} is in the log of {} records", checkpoint.size());
    Ok(())
}
