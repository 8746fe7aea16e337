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
    bytes: Vec<u8>,
    groups: u16,
    first: u64,
    last: u64,
}

impl Filling {
    pub(super) fn new() -> Self {
        Self { bytes: vec![0; 2], groups: 0, first: 0, last: 0 }
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
        // A number of records that fit takes no more than two bytes.
        let mut room = [0; 10];
        let distance = varint(hash - self.last, &mut room);
        let Some(space) = BLOCK.checked_sub(self.bytes.len() + distance.len() + 2) else {
            return 0;
        };
        let start = self.bytes.len();
        self.bytes.extend_from_slice(distance);
        let count_at = self.bytes.len();
        // Mostly that is the room for the count.
        self.bytes.push(0);
        let (mut taken, mut before) = (0, None);
        for record in records {
            let mut room = [0; 10];
            let number =
                before.map_or(u64::from(*record), |before: u32| u64::from(record - before - 1));
            let number = varint(number, &mut room);
            if self.bytes.len() - (count_at + 1) + number.len() > space {
                break;
            }
            self.bytes.extend_from_slice(number);
            before = Some(*record);
            taken += 1;
        }
        if taken == 0 {
            self.bytes.truncate(start);
            return 0;
        }
        let count = varint(taken as u64, &mut room);
        match count {
            [one] => self.bytes[count_at] = *one,
            more => drop(self.bytes.splice(count_at..=count_at, more.iter().copied())),
        }
        self.groups += 1;
        self.last = hash;
        taken
    }

    /// The block, whole; begins another.
    pub(super) fn finish(&mut self) -> Vec<u8> {
        let Self { mut bytes, groups, .. } = std::mem::replace(self, Self::new());
        bytes[..2].copy_from_slice(&groups.to_be_bytes());
        bytes.resize(BLOCK, 0);
        bytes
    }
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

    /// Passes over the records of a group.
    pub(super) fn pass(&mut self, count: usize) -> Option<()> {
        for _ in 0..count {
            read_varint(&mut self.rest)?;
        }
        Some(())
    }
}

fn varint(mut number: u64, room: &mut [u8; 10]) -> &[u8] {
    let mut length = 0;
    while number >= 0x80 {
        room[length] = number as u8 | 0x80;
        number >>= 7;
        length += 1;
    }
    room[length] = number as u8;
    &room[..=length]
}

fn read_varint(rest: &mut &[u8]) -> Option<u64> {
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
            let mut room = [0; 10];
            let written = varint(number, &mut room).to_vec();
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
