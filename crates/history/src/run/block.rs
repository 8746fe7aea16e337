/// What a block holds besides its sum.
pub(super) const BLOCK: usize = 1008;

/// A hash and the records that have it, counted from the first of a run, ascending.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Group {
    pub(crate) hash: u64,
    pub(crate) records: Vec<u32>,
}

/// A block while it is filled.
pub(super) struct Filling {
    /// With room for a number that is written whole before it is known to be short.
    bytes: Box<[u8; BLOCK + SPARE]>,
    length: usize,
    groups: u16,
    first: u64,
    last: u64,
}

const SPARE: usize = 16;

impl Filling {
    pub(super) fn new() -> Self {
        let bytes = Box::new([0; BLOCK + SPARE]);
        Self { bytes, length: 2, groups: 0, first: 0, last: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.groups == 0
    }

    /// The hash of the first group.
    pub(super) fn fence(&self) -> u64 {
        self.first
    }

    /// Takes as many of the records of a group as there is room for, and says how many.
    pub(super) fn take(&mut self, hash: u64, records: &[u32]) -> usize {
        if self.is_empty() {
            (self.first, self.last) = (hash, hash);
        }
        let start = self.length;
        self.put(hash - self.last);
        // A number of records that fit takes no more than two bytes, and mostly one.
        let count_at = self.length;
        self.length += 1;
        let (mut taken, mut next) = (0, 0);
        for record in records {
            let before = self.length;
            self.put(u64::from(record - next));
            if self.length >= BLOCK {
                self.cut(before);
                break;
            }
            next = record + 1;
            taken += 1;
        }
        if taken == 0 {
            self.cut(start);
            return 0;
        }
        if taken < 0x80 {
            self.bytes[count_at] = taken as u8;
        } else {
            self.bytes.copy_within(count_at + 1..self.length, count_at + 2);
            self.bytes[count_at] = taken as u8 | 0x80;
            self.bytes[count_at + 1] = (taken >> 7) as u8;
            self.length += 1;
        }
        self.groups += 1;
        self.last = hash;
        taken
    }

    /// The block, whole; to be [begun](Self::begin) again.
    pub(super) fn finish(&mut self) -> &[u8; BLOCK] {
        self.bytes[..2].copy_from_slice(&self.groups.to_be_bytes());
        self.bytes.first_chunk().expect("there is more room than that")
    }

    pub(super) fn begin(&mut self) {
        self.bytes.fill(0);
        (self.length, self.groups) = (2, 0);
    }

    /// Takes back what was put behind this place.
    fn cut(&mut self, to: usize) {
        self.bytes[to..].fill(0);
        self.length = to;
    }

    /// Puts a number behind the others; whoever puts one too many takes it back.
    fn put(&mut self, number: u64) {
        self.length += write_varint(&mut self.bytes[self.length..], number);
    }
}

/// A block without some of its groups, which always fits: a distance that is the sum of two takes no more bytes than both.
pub(super) struct Left {
    pub(super) block: Box<[u8; BLOCK]>,
    /// The hash of its first group.
    pub(super) first: Option<u64>,
    /// Whether it had any of them.
    pub(super) is_changed: bool,
}

/// `None` for bytes that no writer makes.
pub(super) fn without(block: &[u8], fence: u64, hashes: &[u64]) -> Option<Left> {
    let mut reading = Reading::new(block, fence);
    let mut left = Left { block: Box::new([0; BLOCK]), first: None, is_changed: false };
    let (mut length, mut groups, mut last) = (2, 0_u16, 0);
    while reading.groups > 0 {
        let (hash, records) = reading.as_written()?;
        if hashes.binary_search(&hash).is_ok() {
            left.is_changed = true;
            continue;
        }
        if left.first.is_none() {
            (left.first, last) = (Some(hash), hash);
        }
        let mut distance = [0; SPARE];
        let short = write_varint(&mut distance, hash - last);
        for part in [&distance[..short], records] {
            left.block.get_mut(length..length + part.len())?.copy_from_slice(part);
            length += part.len();
        }
        (groups, last) = (groups + 1, hash);
    }
    left.block[..2].copy_from_slice(&groups.to_be_bytes());
    Some(left)
}

/// Writes a number as LEB128, and says how many bytes it took. Those behind it are NULs where there is room.
#[inline]
fn write_varint(room: &mut [u8], number: u64) -> usize {
    // Most are distances between the records of a name that many have.
    if number < 0x80 {
        room[0] = number as u8;
        return 1;
    }
    match room.first_chunk_mut() {
        Some(word) if number < 1 << 56 => {
            let (bytes, length) = varint(number);
            *word = bytes.to_le_bytes();
            length
        }
        _ => write_varint_by_bytes(room, number),
    }
}

/// A number of at most 56 bits, its first byte the lowest, and how many bytes it is.
fn varint(number: u64) -> (u64, usize) {
    let halves = number & 0x0fff_ffff | (number & 0x00ff_ffff_f000_0000) << 4;
    let fourteens = halves & 0x3fff_0000_3fff | (halves & 0x0fff_c000_0fff_c000) << 2;
    let sevens = fourteens & 0x007f_007f_007f_007f | (fourteens & 0x3f80_3f80_3f80_3f80) << 1;
    let length = (u64::BITS - (sevens | 1).leading_zeros()).div_ceil(8);
    // All but the last byte say that there is more.
    let more = 0x8080_8080_8080_8080 & ((1 << (8 * length - 8)) - 1);
    (sevens | more, length as usize)
}

fn write_varint_by_bytes(room: &mut [u8], mut number: u64) -> usize {
    let mut length = 0;
    while number >= 0x80 {
        room[length] = number as u8 | 0x80;
        number >>= 7;
        length += 1;
    }
    room[length] = number as u8;
    length + 1
}

/// The groups of a block. Bytes that no writer makes end it early.
pub(super) struct Reading<'b> {
    rest: &'b [u8],
    groups: u16,
    hash: u64,
}

impl<'b> Reading<'b> {
    pub(super) fn new(block: &'b [u8], fence: u64) -> Self {
        let (groups, rest) = block.split_first_chunk().unwrap_or((&[0; 2], &[]));
        Self { rest, groups: u16::from_be_bytes(*groups), hash: fence }
    }

    /// The hash of the next group and how many records it has, which come next.
    pub(super) fn group(&mut self) -> Option<(u64, usize)> {
        self.groups = self.groups.checked_sub(1)?;
        self.hash = self.hash.checked_add(read_varint(&mut self.rest)?)?;
        let count = read_varint(&mut self.rest)?;
        Some((self.hash, usize::try_from(count).ok().filter(|count| *count <= BLOCK)?))
    }

    /// The records of a group, which is to be read to its end before the next.
    pub(super) fn records(&mut self, count: usize, mut each: impl FnMut(u32)) -> Option<()> {
        let mut last = None;
        for _ in 0..count {
            let number = u32::try_from(read_varint(&mut self.rest)?).ok()?;
            let record = match last {
                None => number,
                Some(last) => u32::checked_add(last, number)?.checked_add(1)?,
            };
            each(record);
            last = Some(record);
        }
        Some(())
    }

    /// The hash of the next group, and how many records it has, and which, as it is written.
    fn as_written(&mut self) -> Option<(u64, &'b [u8])> {
        let before = self.rest;
        let (hash, count) = self.group()?;
        self.pass(count)?;
        let mut written = &before[..before.len() - self.rest.len()];
        read_varint(&mut written)?;
        Some((hash, written))
    }

    /// Passes over the records of a group.
    pub(super) fn pass(&mut self, count: usize) -> Option<()> {
        for _ in 0..count {
            read_varint(&mut self.rest)?;
        }
        Some(())
    }
}

#[inline]
fn read_varint(rest: &mut &[u8]) -> Option<u64> {
    if let [byte @ ..0x80, more @ ..] = *rest {
        *rest = more;
        return Some(u64::from(*byte));
    }
    let Some(word) = rest.first_chunk() else { return read_varint_by_bytes(rest) };
    let word = u64::from_le_bytes(*word);
    // The last byte of a number is below 128.
    let ends = !word & 0x8080_8080_8080_8080;
    if ends == 0 {
        return read_varint_by_bytes(rest);
    }
    let bits = ends.trailing_zeros() + 1;
    *rest = &rest[bits as usize / 8..];
    let sevens = word & (u64::MAX >> (64 - bits)) & 0x7f7f_7f7f_7f7f_7f7f;
    let fourteens = sevens & 0x007f_007f_007f_007f | (sevens & 0x7f00_7f00_7f00_7f00) >> 1;
    let halves = fourteens & 0x3fff_0000_3fff | (fourteens & 0x3fff_0000_3fff_0000) >> 2;
    Some(halves & 0x0fff_ffff | (halves & 0x0fff_ffff_0000_0000) >> 4)
}

fn read_varint_by_bytes(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, more) = rest.split_first()?;
        *rest = more;
        number |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_as_it_was_written_whatever_is_behind_it() {
        let powers = (0..64).map(|bit| 1_u64 << bit);
        let odd = 0x9e37_79b9_7f4a_7c15_u64;
        let numbers = powers.flat_map(|power| [power, power - 1, odd % power, odd | power]);
        for number in numbers.chain([u64::MAX]) {
            let (mut room, mut longer) = ([0; 10], [0xff; 20]);
            let length = write_varint_by_bytes(&mut room, number);
            assert_eq!(write_varint(&mut longer, number), length);
            assert_eq!(longer[..length], room[..length]);
            let written = room[..length].to_vec();
            for behind in [vec![], vec![0x80; 3], vec![0xff; 12], vec![0; 12]] {
                let bytes = [&written[..], &behind].concat();
                let mut rest = &bytes[..];
                assert_eq!(read_varint(&mut rest), Some(number));
                assert_eq!(rest, behind);
            }
            for cut in 0..written.len() {
                assert_eq!(read_varint(&mut &written[..cut]), None);
            }
        }
        assert_eq!(read_varint(&mut &[0xff; 12][..]), None);
    }
}
