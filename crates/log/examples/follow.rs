//! Prints the lines of a log as they come. With a third argument it ends after so many; with a fourth it
//! remembers in that file how far it came.
//!
//! ```sh
//! cargo run -p sealtrail-log --example follow -- /tmp/trail
//! ```

use std::error::Error;
use std::io::Write;
use std::path::{Path, PathBuf};

use sealtrail_log::{Cursor, Followed, Reader};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let dir = args.next().ok_or("usage: follow DIR [COUNT [CURSOR]]")?;
    let count = args.next().map_or(Ok(usize::MAX), |count| count.parse())?;
    let file = args.next().map(PathBuf::from);

    let reader = Reader::open(Path::new(&dir))?;
    let cursor = file.as_deref().map(Cursor::load).transpose()?.flatten();
    let mut follow = match cursor {
        Some(cursor) => reader.resume(&cursor)?,
        None => reader.follow(reader.first()?),
    };
    for _ in 0..count {
        match follow.next().transpose()? {
            None => break,
            Some(Followed::Line { index, line }) => {
                println!("{index} {}", String::from_utf8_lossy(&line));
            }
            Some(Followed::Removed(range)) => println!("retention has removed {range:?}"),
        }
        std::io::stdout().flush()?;
        // After the line is dealt with: what comes twice is better than what is lost.
        if let Some(file) = &file {
            follow.cursor().save(file)?;
        }
    }
    Ok(())
}
