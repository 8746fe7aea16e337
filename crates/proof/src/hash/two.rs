//! SHA-256 of many messages, two at a time (FIPS 180-4).
//!
//! The blocks of a message depend on one another, so a processor with SHA instructions spends half of its
//! time waiting for the last one's answer. A second, independent message fills the gaps: both are done in
//! the time of one. Messages may be of any lengths; a lane that has finished its message takes the next.
//!
//! Only for x86-64 with the SHA extension. Everywhere else there is `sha2`.

use core::arch::x86_64::{
    __m128i, _mm_add_epi32, _mm_alignr_epi8, _mm_extract_epi32, _mm_set_epi32, _mm_set_epi64x,
    _mm_sha256msg1_epu32, _mm_sha256msg2_epu32, _mm_sha256rnds2_epu32, _mm_shuffle_epi8,
    _mm_shuffle_epi32,
};

use super::Hash;

const BLOCK: usize = 64;

/// The proof that this processor has the instructions that this file is made of.
#[derive(Clone, Copy)]
pub(super) struct Instructions(());

impl Instructions {
    pub(super) fn find() -> Option<Self> {
        let there = is_x86_feature_detected!("sha")
            && is_x86_feature_detected!("ssse3")
            && is_x86_feature_detected!("sse4.1");
        there.then_some(Self(()))
    }

    /// Appends the digest of every message, in their order.
    pub(super) fn digest<'a>(
        self,
        messages: impl ExactSizeIterator<Item = &'a [u8]>,
        digests: &mut Vec<Hash>,
    ) {
        let first = digests.len();
        digests.resize(first + messages.len(), [0; 32]);
        // SAFETY: `two_lanes` asks for nothing but a processor with its instructions, and there is no
        // `Instructions` where they were not found. `sse2` is in every x86-64.
        unsafe { two_lanes(messages, &mut digests[first..]) }
    }

    /// Appends the digest of every message, in their order, where each is padded and of whole blocks.
    pub(super) fn digest_padded<const BYTES: usize>(
        self,
        messages: &[[u8; BYTES]],
        digests: &mut Vec<Hash>,
    ) {
        let first = digests.len();
        digests.resize(first + messages.len(), [0; 32]);
        // SAFETY: as above.
        unsafe { pairs(messages, &mut digests[first..]) }
    }
}

/// Fills `digests`, which is as long as `messages`, whole blocks that need no padding any more.
#[target_feature(enable = "sha,sse2,ssse3,sse4.1")]
fn pairs<const BYTES: usize>(messages: &[[u8; BYTES]], digests: &mut [Hash]) {
    for (messages, digests) in messages.chunks(2).zip(digests.chunks_mut(2)) {
        // A last one without a partner keeps itself company.
        let pair = [&messages[0], &messages[messages.len() - 1]];
        let mut states = [initial(); 2];
        compress(&mut states, pair.map(|message| message.as_slice()));
        for (digest, state) in digests.iter_mut().zip(states) {
            *digest = to_digest(state);
        }
    }
}

/// Fills `digests`, which is as long as `messages`.
#[target_feature(enable = "sha,sse2,ssse3,sse4.1")]
fn two_lanes<'a>(messages: impl Iterator<Item = &'a [u8]>, digests: &mut [Hash]) {
    let mut messages = messages.zip(digests);
    let mut lanes = [const { None }; 2];
    loop {
        for lane in &mut lanes {
            if lane.as_ref().is_none_or(Lane::is_done) {
                if let Some(Lane { state, digest, .. }) = lane.take() {
                    *digest = to_digest(state);
                }
                *lane = messages.next().map(|(message, digest)| Lane::new(message, digest));
            }
        }
        match &mut lanes {
            [Some(one), Some(two)] => {
                let (a, b) = (one.blocks(), two.blocks());
                let bytes = a.len().min(b.len());
                let mut states = [one.state, two.state];
                compress(&mut states, [&a[..bytes], &b[..bytes]]);
                [one.state, two.state] = states;
                one.used += bytes;
                two.used += bytes;
            }
            [Some(lane), None] | [None, Some(lane)] => {
                let blocks = lane.blocks();
                let (bytes, mut states) = (blocks.len(), [lane.state]);
                compress(&mut states, [blocks]);
                [lane.state] = states;
                lane.used += bytes;
            }
            [None, None] => return,
        }
    }
}

/// A message on its way.
struct Lane<'a> {
    state: State,
    /// The whole blocks of the message.
    whole: &'a [u8],
    /// What is left of it, the padding and the length: one block or two.
    last: [u8; 2 * BLOCK],
    last_bytes: usize,
    /// Bytes that are in the state, of `whole` and `last` in turn.
    used: usize,
    digest: &'a mut Hash,
}

impl<'a> Lane<'a> {
    #[inline]
    #[target_feature(enable = "sha,sse2,ssse3,sse4.1")]
    fn new(message: &'a [u8], digest: &'a mut Hash) -> Self {
        let (whole, rest) = message.split_at(message.len() / BLOCK * BLOCK);
        let mut last = [0; 2 * BLOCK];
        last[..rest.len()].copy_from_slice(rest);
        last[rest.len()] = 0x80;
        let last_bytes = if rest.len() < BLOCK - 8 { BLOCK } else { 2 * BLOCK };
        let bits = message.len() as u64 * 8;
        last[last_bytes - 8..last_bytes].copy_from_slice(&bits.to_be_bytes());
        Self { state: initial(), whole, last, last_bytes, used: 0, digest }
    }

    /// The blocks that come next, at least one until the message is done.
    #[inline]
    fn blocks(&self) -> &[u8] {
        match self.whole.get(self.used..) {
            Some([]) | None => &self.last[self.used - self.whole.len()..self.last_bytes],
            Some(blocks) => blocks,
        }
    }

    #[inline]
    fn is_done(&self) -> bool {
        self.used == self.whole.len() + self.last_bytes
    }
}

/// The eight words of FIPS 180-4 §6.2.2 in the order that the instructions want: `a b e f` and `c d g h`,
/// the first word of each highest.
#[derive(Clone, Copy)]
struct State {
    abef: __m128i,
    cdgh: __m128i,
}

#[inline]
#[target_feature(enable = "sha,sse2,ssse3,sse4.1")]
fn initial() -> State {
    let [a, b, c, d, e, f, g, h] = INITIAL.map(u32::cast_signed);
    State { abef: _mm_set_epi32(a, b, e, f), cdgh: _mm_set_epi32(c, d, g, h) }
}

#[inline]
#[target_feature(enable = "sha,sse2,ssse3,sse4.1")]
fn to_digest(State { abef, cdgh }: State) -> Hash {
    let words = [
        _mm_extract_epi32::<3>(abef),
        _mm_extract_epi32::<2>(abef),
        _mm_extract_epi32::<3>(cdgh),
        _mm_extract_epi32::<2>(cdgh),
        _mm_extract_epi32::<1>(abef),
        _mm_extract_epi32::<0>(abef),
        _mm_extract_epi32::<1>(cdgh),
        _mm_extract_epi32::<0>(cdgh),
    ];
    let mut digest = [0; 32];
    for (bytes, word) in digest.chunks_exact_mut(4).zip(words) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
    digest
}

/// Takes blocks into the states, as many of each message: `lanes` are of one length.
#[inline]
#[target_feature(enable = "sha,sse2,ssse3,sse4.1")]
fn compress<const N: usize>(states: &mut [State; N], lanes: [&[u8]; N]) {
    let mut lanes = lanes.map(|blocks| blocks.as_chunks::<BLOCK>().0.iter());
    loop {
        let mut words = [[_mm_set_epi64x(0, 0); 4]; N];
        for (words, blocks) in words.iter_mut().zip(&mut lanes) {
            let Some(block) = blocks.next() else {
                return;
            };
            *words = load(block);
        }
        let before = *states;
        // Four rounds of every lane, then the next four. Written out, because the numbers must be known
        // when it is compiled for the words to stay in registers.
        macro_rules! four_rounds {
            ($($i:literal)*) => {$(
                for (State { abef, cdgh }, w) in states.iter_mut().zip(&mut words) {
                    let [k0, k1, k2, k3] = K[$i].map(u32::cast_signed);
                    let sum = _mm_add_epi32(w[$i % 4], _mm_set_epi32(k3, k2, k1, k0));
                    *cdgh = _mm_sha256rnds2_epu32(*cdgh, *abef, sum);
                    *abef = _mm_sha256rnds2_epu32(*abef, *cdgh, _mm_shuffle_epi32::<0x0e>(sum));
                    if $i < 12 {
                        w[$i % 4] = schedule([w[$i % 4], w[($i + 1) % 4], w[($i + 2) % 4], w[($i + 3) % 4]]);
                    }
                }
            )*};
        }
        four_rounds!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
        for (state, before) in states.iter_mut().zip(before) {
            state.abef = _mm_add_epi32(state.abef, before.abef);
            state.cdgh = _mm_add_epi32(state.cdgh, before.cdgh);
        }
    }
}

/// The sixteen words of a block, big-endian, four to a register, the first lowest.
#[inline]
#[target_feature(enable = "sha,sse2,ssse3,sse4.1")]
fn load(block: &[u8; BLOCK]) -> [__m128i; 4] {
    let swap = _mm_set_epi64x(0x0c0d_0e0f_0809_0a0b, 0x0405_0607_0001_0203);
    let mut words = [swap; 4];
    // No closure: one would be a function of its own, called for every register.
    let (halves, _) = block.as_chunks::<8>();
    for (word, pair) in words.iter_mut().zip(halves.as_chunks::<2>().0) {
        let [low, high] = [i64::from_le_bytes(pair[0]), i64::from_le_bytes(pair[1])];
        *word = _mm_shuffle_epi8(_mm_set_epi64x(high, low), swap);
    }
    words
}

/// The four words of the message schedule that follow sixteen: W(t) = σ1(W(t-2)) + W(t-7) + σ0(W(t-15)) +
/// W(t-16).
#[inline]
#[target_feature(enable = "sha,sse2,ssse3,sse4.1")]
fn schedule([w0, w1, w2, w3]: [__m128i; 4]) -> __m128i {
    let seven_before = _mm_alignr_epi8::<4>(w3, w2);
    _mm_sha256msg2_epu32(_mm_add_epi32(_mm_sha256msg1_epu32(w0, w1), seven_before), w3)
}

/// FIPS 180-4 §5.3.3.
const INITIAL: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// FIPS 180-4 §4.2.2, four to a row.
const K: [[u32; 4]; 16] = [
    [0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5],
    [0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5],
    [0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3],
    [0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174],
    [0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc],
    [0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da],
    [0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7],
    [0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967],
    [0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13],
    [0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85],
    [0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3],
    [0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070],
    [0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5],
    [0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3],
    [0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208],
    [0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2],
];
