//! Whatever bytes come in, the core answers: the frames of the vectors, damaged in every way that a
//! seed gives, never make it panic or hang. In the guest a panic would be a trap.

use std::fs;
use std::path::Path;

use sealtrail_core::Session;
use sealtrail_record::frame::Frame;
use sealtrail_tests::calls::Vectors;

const ROUNDS: u64 = 600;

#[test]
fn damaged_frames_are_answered() {
    let (mut answered, mut refused) = (0, 0);
    for file in ["capture.json", "seal-v1-calls.json"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors").join(file);
        let vectors: Vectors = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        for (number, case) in vectors.cases.iter().enumerate() {
            for round in 0..ROUNDS {
                let mut random = Random(round << 32 | number as u64);
                let mut session = Session::default();
                // Damage one call; those before it bring the session to where it matters.
                let damaged = random.below(case.calls.len());
                for (i, call) in case.calls.iter().enumerate().take(damaged + 1) {
                    let parts: Vec<_> = call.parts.iter().map(|part| part.bytes()).collect();
                    if parts.iter().map(Vec::len).sum::<usize>() > 1 << 20 {
                        break;
                    }
                    let frame = if i == damaged {
                        random.damage(parts)
                    } else {
                        parts.iter().fold(Frame::new(), |f, part| f.part(part)).into_bytes()
                    };
                    let function = sealtrail_guest::calls::by_name(&call.call).unwrap();
                    match function(&mut session, &frame) {
                        Ok(_) => answered += 1,
                        Err(error) => {
                            // What crosses the edge is JSON, whatever is quoted in it.
                            serde_json::from_slice::<serde_json::Value>(&error.to_json()).unwrap();
                            refused += 1;
                        }
                    }
                }
            }
        }
    }
    assert!(answered > 1000 && refused > 1000, "{answered} answered, {refused} refused");
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    /// Mostly one part is damaged and the frame is whole, so that the damage gets past the codec.
    fn damage(&mut self, mut parts: Vec<Vec<u8>>) -> Vec<u8> {
        if self.below(8) == 0 {
            let mut frame = parts.iter().fold(Frame::new(), |f, part| f.part(part)).into_bytes();
            self.edit(&mut frame);
            return frame;
        }
        let part = self.below(parts.len());
        for _ in 0..=self.below(3) {
            self.edit(&mut parts[part]);
        }
        parts.iter().fold(Frame::new(), |f, part| f.part(part)).into_bytes()
    }

    fn edit(&mut self, bytes: &mut Vec<u8>) {
        const TELLING: [&[u8]; 12] = [
            b"\"",
            b"\\",
            b"{",
            b"[",
            b"}",
            b"null",
            b"-",
            b"1e999999999999999999999",
            b"\\ud800",
            b"$..*",
            b"\0",
            b"\xff",
        ];
        let at = self.below(bytes.len() + 1);
        match self.below(6) {
            0 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
            1 => bytes.truncate(at),
            2 if at < bytes.len() => drop(bytes.remove(at)),
            3 => {
                let copied = bytes[..at].to_vec();
                bytes.extend(copied.iter().rev().take(64).rev());
            }
            _ => drop(bytes.splice(at..at, TELLING[self.below(TELLING.len())].iter().copied())),
        }
    }
}
