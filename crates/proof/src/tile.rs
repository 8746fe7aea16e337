//! Hash tiles and entry bundles (C2SP tlog-tiles): their names and their bytes.
//!
//! ```text
//! tile/<L>/<N>[.p/<W>]        W hashes of 32 bytes; hash i is MTH(D[(256N+i)·256^L : (256N+i+1)·256^L])
//! tile/entries/<N>[.p/<W>]    W entries, each a big-endian u16 length and the bytes
//! ```
//!
//! `<N>` is cut into groups of three digits, all but the last led by `x`: 1234067 is `x001/x234/067`.

use crate::{Error, Hash};

/// Hashes in a full tile, entries in a full bundle.
pub const WIDTH: u64 = 256;

/// The highest level a tile may have (tlog-tiles: 0 to 63; eight levels hold 2^64 leaves).
const MAX_LEVEL: u8 = 63;

/// What a tile holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// An entry bundle: the entries under the leaves.
    Entries,
    /// Hashes; level 0 holds leaves.
    Hashes(u8),
}

/// The name of one tile or entry bundle.
///
/// ```
/// use sealtrail_proof::tile::{Level, Tile};
///
/// let tile = Tile::new(Level::Hashes(0), 1_234_067, 256);
/// assert_eq!(tile.path(), "tile/0/x001/x234/067");
/// assert_eq!(Tile::parse("tile/0/x001/x234/067")?, tile);
/// assert_eq!(Tile::new(Level::Entries, 1, 1).path(), "tile/entries/001.p/1");
/// // A name that could leave the directory is not the name of a tile.
/// assert!(Tile::parse("tile/0/../../etc/passwd").is_err());
/// # Ok::<(), sealtrail_proof::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    level: Level,
    index: u64,
    width: u16,
}

impl Tile {
    /// Names the tile at `index` of `level` with `width` of its 256 places filled.
    ///
    /// # Panics
    ///
    /// When `width` is not 1 to 256: there are no empty tiles.
    pub fn new(level: Level, index: u64, width: u16) -> Self {
        assert!((1..=WIDTH as u16).contains(&width), "a tile is 1 to 256 wide");
        Self { level, index, width }
    }

    /// The tile at `index` of `level` as a tree of `size` leaves has it, if it has it.
    pub fn in_tree(size: u64, level: Level, index: u64) -> Option<Self> {
        let height = match level {
            Level::Entries => 0,
            Level::Hashes(level) => u32::from(level) * 8,
        };
        let filled = size.checked_shr(height).unwrap_or(0);
        let before = index.checked_mul(WIDTH)?;
        let width = filled.checked_sub(before)?.min(WIDTH) as u16;
        (width > 0).then_some(Self { level, index, width })
    }

    /// Every partial hash tile of a tree of `size` leaves, lowest level first.
    ///
    /// Together they are the right edge: all that is needed to let the tree grow.
    pub fn partials(size: u64) -> impl Iterator<Item = Self> {
        (0..8u8).filter_map(move |level| {
            let filled = size >> (u32::from(level) * 8);
            let width = (filled % WIDTH) as u16;
            (width > 0).then_some(Self {
                level: Level::Hashes(level),
                index: filled / WIDTH,
                width,
            })
        })
    }

    pub fn level(&self) -> Level {
        self.level
    }

    pub fn index(&self) -> u64 {
        self.index
    }

    pub fn width(&self) -> u16 {
        self.width
    }

    pub fn is_full(&self) -> bool {
        u64::from(self.width) == WIDTH
    }

    /// The same place with all 256 filled.
    #[must_use]
    pub fn full(self) -> Self {
        Self { width: WIDTH as u16, ..self }
    }

    /// How many leaves a tree must have for this tile to exist; `None` when no tree has as many.
    pub fn leaves(&self) -> Option<u64> {
        let places = self.index.checked_mul(WIDTH)?.checked_add(self.width.into())?;
        match self.level {
            Level::Entries => Some(places),
            Level::Hashes(level) => places.checked_mul(256u64.checked_pow(level.into())?),
        }
    }

    /// The first leaf that place `i` of this tile speaks of.
    pub fn first_leaf(&self, i: u16) -> u64 {
        let place = self.index.saturating_mul(WIDTH).saturating_add(i.into());
        match self.level {
            Level::Entries => place,
            Level::Hashes(level) => place.saturating_mul(256u64.saturating_pow(level.into())),
        }
    }

    /// The path below the log's prefix, with `/` between elements.
    pub fn path(&self) -> String {
        let mut path = self.full_path();
        if !self.is_full() {
            path.push_str(&format!(".p/{}", self.width));
        }
        path
    }

    /// The folder that holds every partial form of this tile.
    pub fn partials_path(&self) -> String {
        self.full_path() + ".p"
    }

    fn full_path(&self) -> String {
        let mut index = format!("{:03}", self.index % 1000);
        let mut rest = self.index / 1000;
        while rest > 0 {
            index = format!("x{:03}/{index}", rest % 1000);
            rest /= 1000;
        }
        match self.level {
            Level::Entries => format!("tile/entries/{index}"),
            Level::Hashes(level) => format!("tile/{level}/{index}"),
        }
    }

    /// Reads a path, strictly: exactly what [`Tile::path`] writes and nothing else.
    pub fn parse(path: &str) -> Result<Self, Error> {
        let malformed = || Error::malformed("tile path", format!("`{path}` names no tile"));
        if path.len() > 64 {
            return Err(Error::malformed("tile path", "longer than any tile's"));
        }
        let (level, rest) = path
            .strip_prefix("tile/")
            .and_then(|rest| rest.split_once('/'))
            .ok_or_else(malformed)?;
        let level = match level {
            "entries" => Level::Entries,
            digits => Level::Hashes(
                digits.parse().ok().filter(|level| *level <= MAX_LEVEL).ok_or_else(malformed)?,
            ),
        };
        let (index, width) = match rest.split_once(".p/") {
            None => (rest, WIDTH as u16),
            Some((index, width)) => (index, width.parse().map_err(|_| malformed())?),
        };
        if width == 0 || u64::from(width) > WIDTH {
            return Err(malformed());
        }
        let mut number = 0u64;
        for group in index.split('/') {
            let digits = group.strip_prefix('x').unwrap_or(group);
            number = digits
                .parse::<u64>()
                .ok()
                .filter(|_| digits.len() == 3)
                .and_then(|digits| number.checked_mul(1000)?.checked_add(digits))
                .ok_or_else(malformed)?;
        }
        let tile = Self { level, index: number, width };
        // Leading zeroes, signs, a stray `x`: whatever was forgiven above is not written like this.
        if tile.path() == path { Ok(tile) } else { Err(malformed()) }
    }
}

/// The bytes of a hash tile.
pub fn encode_hashes(hashes: &[Hash]) -> Vec<u8> {
    hashes.concat()
}

/// Reads `width` hashes; fewer or more bytes are an error.
pub fn decode_hashes(bytes: &[u8], width: u16) -> Result<Vec<Hash>, Error> {
    if bytes.len() != usize::from(width) * 32 {
        return Err(Error::malformed(
            "hash tile",
            format!("expected {} bytes, got {}", usize::from(width) * 32, bytes.len()),
        ));
    }
    Ok(bytes.chunks_exact(32).map(|chunk| chunk.try_into().expect("chunks of 32")).collect())
}

/// The bytes of an entry bundle whose entries are digests of lines.
pub fn encode_entries(entries: &[Hash]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(entries.len() * ENTRY_BYTES);
    for entry in entries {
        bytes.extend_from_slice(&32u16.to_be_bytes());
        bytes.extend_from_slice(entry);
    }
    bytes
}

/// Reads `width` entries of 32 bytes; any other length is not an entry of this log.
pub fn decode_entries(bytes: &[u8], width: u16) -> Result<Vec<Hash>, Error> {
    let malformed = |why: String| Error::malformed("entry bundle", why);
    if bytes.len() != usize::from(width) * ENTRY_BYTES {
        return Err(malformed(format!(
            "expected {} bytes, got {}",
            usize::from(width) * ENTRY_BYTES,
            bytes.len()
        )));
    }
    bytes
        .chunks_exact(ENTRY_BYTES)
        .enumerate()
        .map(|(i, chunk)| match chunk.split_at(2) {
            ([0, 32], entry) => Ok(entry.try_into().expect("34 less 2")),
            (length, _) => Err(malformed(format!(
                "expected an entry of 32 bytes at {i}, got {}",
                u16::from_be_bytes([length[0], length[1]])
            ))),
        })
        .collect()
}

/// A length of two bytes and a digest.
pub const ENTRY_BYTES: usize = 34;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spec_s_example_of_70_000_leaves() {
        let partials: Vec<_> = Tile::partials(70_000).map(|tile| tile.path()).collect();
        assert_eq!(partials, ["tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"]);
        // "a tree of size 256 will be represented by a full level 0 tile and a partial level 1 tile"
        let partials: Vec<_> = Tile::partials(256).map(|tile| tile.path()).collect();
        assert_eq!(partials, ["tile/1/000.p/1"]);
        let in_tree = |level, index| {
            Tile::in_tree(70_000, Level::Hashes(level), index).map(|tile| tile.width())
        };
        assert_eq!(in_tree(0, 272), Some(256));
        assert_eq!(in_tree(0, 273), Some(112));
        assert_eq!(in_tree(0, 274), None);
        assert_eq!(in_tree(2, 0), Some(1));
        assert_eq!(in_tree(63, 0), None);
    }

    #[test]
    fn every_path_reads_back() {
        for level in [Level::Entries, Level::Hashes(0), Level::Hashes(7)] {
            for index in [0, 1, 999, 1000, 1_234_067, u64::MAX / 256] {
                for width in [1, 10, 255, 256] {
                    let tile = Tile::new(level, index, width);
                    assert_eq!(Tile::parse(&tile.path()).unwrap(), tile);
                }
            }
        }
    }

    #[test]
    fn other_spellings_are_refused() {
        for path in [
            "",
            "tile",
            "tile/0",
            "tile/0/",
            "tile/0/0",
            "tile/0/0000",
            "tile/00/000",
            "tile/+0/000",
            "tile/64/000",
            "tile/0/x000/000",
            "tile/0/001/000",
            "tile/0/x001/x000",
            "tile/0/+01",
            "tile/0/000.p",
            "tile/0/000.p/0",
            "tile/0/000.p/01",
            "tile/0/000.p/256",
            "tile/0/000.p/257",
            "tile/0/000.p/1/",
            "tile/0/000/../000",
            "tile/entries/000\0",
            "/tile/0/000",
            "tile/0/x999/x999/x999/x999/x999/x999/999",
        ] {
            assert!(Tile::parse(path).is_err(), "{path}");
        }
    }

    #[test]
    fn bytes_read_back_and_wrong_lengths_do_not() {
        let hashes = vec![[1; 32], [2; 32]];
        assert_eq!(decode_hashes(&encode_hashes(&hashes), 2).unwrap(), hashes);
        assert!(decode_hashes(&encode_hashes(&hashes), 1).is_err());
        let mut bundle = encode_entries(&hashes);
        assert_eq!(decode_entries(&bundle, 2).unwrap(), hashes);
        assert!(decode_entries(&bundle[..67], 2).is_err());
        bundle[35] = 31;
        assert!(decode_entries(&bundle, 2).is_err());
    }
}
