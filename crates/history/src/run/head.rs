use sha2::{Digest, Sha256};

use super::ZONE;
use super::block::BLOCK;
use crate::name::OriginHash;

pub(super) const SUM: usize = 16;
pub(super) const HEAD: usize = 16 + 32 + 3 * 8;
const MAGIC: &[u8; 16] = b"sealtrail run 2\n";

/// Which part of the file a sum is of.
pub(super) const HEAD_PART: u64 = 0;
pub(super) const TIMES_PART: u64 = 1;
pub(super) const FENCES_PART: u64 = 2;
pub(super) const FIRST_BLOCK_PART: u64 = 3;

#[derive(Clone)]
pub(super) struct Head {
    pub(super) origin: OriginHash,
    pub(super) first: u64,
    pub(super) next: u64,
    pub(super) blocks: u64,
    /// Begun with what is the same for all parts.
    begun: Sha256,
}

impl Head {
    pub(super) fn new(origin: OriginHash, first: u64, next: u64, blocks: u64) -> Self {
        let mut begun = Sha256::new();
        begun.update(b"sealtrail/history/v2/run\0");
        begun.update(origin.0);
        begun.update(first.to_be_bytes());
        begun.update(next.to_be_bytes());
        Self { origin, first, next, blocks, begun }
    }

    pub(super) fn to_bytes(&self) -> [u8; HEAD] {
        let mut bytes = [0; HEAD];
        bytes[..16].copy_from_slice(MAGIC);
        bytes[16..48].copy_from_slice(&self.origin.0);
        let numbers = [self.first, self.next, self.blocks];
        for (place, number) in bytes[48..].chunks_exact_mut(8).zip(numbers) {
            place.copy_from_slice(&number.to_be_bytes());
        }
        bytes
    }

    pub(super) fn parse(bytes: &[u8; HEAD]) -> Option<Self> {
        let (magic, rest) = bytes.split_at(16);
        let (origin, numbers) = rest.split_at(32);
        let (number, _) = numbers.as_chunks::<8>();
        let [first, next, blocks] = [0, 1, 2].map(|n| u64::from_be_bytes(number[n]));
        // A record is counted from the first with 32 bits.
        let fits = next.checked_sub(first).is_some_and(|records| (1..1 << 32).contains(&records));
        if magic != MAGIC || !fits {
            return None;
        }
        Some(Self::new(OriginHash(origin.try_into().ok()?), first, next, blocks))
    }

    pub(super) fn zones(&self) -> u64 {
        (self.next - self.first).div_ceil(ZONE)
    }

    pub(super) fn times_offset(&self) -> u64 {
        (HEAD + SUM) as u64
    }

    /// Where a block begins.
    pub(super) fn block_offset(&self, number: usize) -> u64 {
        self.blocks_offset() + number as u64 * (BLOCK + SUM) as u64
    }

    /// Where the fence of a block is; behind the last, their sum.
    pub(super) fn fence_offset(&self, number: u64) -> u64 {
        self.blocks_offset() + self.blocks * (BLOCK + SUM) as u64 + number * 8
    }

    fn blocks_offset(&self) -> u64 {
        self.times_offset() + self.zones() * 16 + SUM as u64
    }

    /// The length of the whole file.
    pub(super) fn length(&self) -> Option<u64> {
        let blocks = self.blocks.checked_mul((BLOCK + SUM + 8) as u64)?;
        self.blocks_offset().checked_add(blocks)?.checked_add(SUM as u64)
    }

    pub(super) fn sum(&self, part: u64, bytes: &[u8]) -> [u8; SUM] {
        let mut hash = self.begun.clone();
        hash.update(part.to_be_bytes());
        hash.update(bytes);
        let digest: [u8; 32] = hash.finalize().into();
        *digest.first_chunk().expect("16 of 32 bytes")
    }

    /// The sum of a block whose first group was taken out. Whoever still has the fence that it had must not count from it.
    pub(super) fn sum_with_fence(&self, part: u64, block: &[u8], fence: u64) -> [u8; SUM] {
        self.sum(part, &[block, &fence.to_be_bytes()].concat())
    }

    /// What was written, without its sum, if the sum fits.
    pub(super) fn checked<'b>(&self, part: u64, bytes: &'b [u8]) -> Option<&'b [u8]> {
        let (bytes, sum) = bytes.split_last_chunk()?;
        (self.sum(part, bytes) == *sum).then_some(bytes)
    }
}
