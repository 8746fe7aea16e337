//! Two lines, a tree, a signed checkpoint, and a receipt that anybody can check. Nothing is read or written.
//!
//! ```sh
//! cargo run -p sealtrail-proof --example receipt
//! ```

use std::error::Error;

use sealtrail_proof::{Checkpoint, Edge, Receipt, SigningKey, entry_hash, inclusion, leaf_hash};

fn main() -> Result<(), Box<dyn Error>> {
    let key = SigningKey::from_seed("shop.example/trail", &[7; 32])?; // 32 random bytes in real life
    let lines: [&[u8]; 2] = [b"{\"price\":10}", b"{\"price\":11}"];
    let leaves = lines.map(|line| leaf_hash(&entry_hash(line)));
    let mut edge = Edge::new();
    for leaf in leaves {
        edge.push(leaf);
    }
    let note = Checkpoint::new("shop.example/trail", edge.size(), edge.root()).sign(&key)?;
    let path = inclusion::prove(1, 2, |_| Ok::<_, sealtrail_proof::Error>(leaves.to_vec()))?;
    let text = Receipt::new(1, path, note).to_text();
    print!("{text}");

    let receipt = Receipt::parse(text.as_bytes())?;
    receipt.verify(lines[1], &key.verifier_key())?;
    println!("record 1 verifies");
    let error = receipt.verify(lines[0], &key.verifier_key()).unwrap_err();
    println!("another line does not: {error}");
    Ok(())
}
