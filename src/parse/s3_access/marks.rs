//! Where spaces, quotes and line ends stand in 64 bytes, as bits.
//!
//! Sixteen bytes at a time: SSE2 on x86-64, NEON on ARM, both of which every such processor has.

use wide::u8x16;

/// Bytes that are looked at in one step.
pub const STEP: usize = 64;

/// A bit for each byte, the first byte lowest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// Spaces.
    pub spaces: u64,
    /// Double quotes.
    pub quotes: u64,
}

/// Remembers whether any of the bytes it was shown was a tab, line feed, vertical tab, form feed or carriage return.
#[derive(Clone, Copy, Debug, Default)]
pub struct White(u8x16);

impl White {
    /// Was there any?
    #[inline]
    pub fn any(self) -> bool {
        self.0.to_bitmask() != 0
    }
}

/// The marks of 64 bytes.
#[inline]
pub fn marks(bytes: &[u8; STEP], white: &mut White) -> Marks {
    let mut marks = Marks::default();
    for (index, part) in bytes.as_chunks::<16>().0.iter().enumerate() {
        let part = u8x16::new(*part);
        let mark = |bits: &mut u64, equal: u8x16| *bits |= u64::from(equal.to_bitmask()) << (index * 16);
        mark(&mut marks.spaces, part.simd_eq(u8x16::splat(b' ')));
        mark(&mut marks.quotes, part.simd_eq(u8x16::splat(b'"')));
        // 9 to 13: what is left after 9 is taken off is at most 4.
        let above = part - u8x16::splat(9);
        white.0 |= above.min(u8x16::splat(4)).simd_eq(above);
    }
    marks
}

/// Each bit is the parity of the bits up to and with it: between two quotes all are set.
#[inline]
pub fn parity(mut bits: u64) -> u64 {
    for shift in [1, 2, 4, 8, 16, 32] {
        bits ^= bits << shift;
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_marks_are_those_of_each_byte(bytes in prop::collection::vec(prop_oneof![
            any::<u8>(), Just(b' '), Just(b'"'), Just(b'\n'), 8u8..15, 0x80u8..0xff,
        ], STEP)) {
            let bits = |is: fn(u8) -> bool| {
                bytes.iter().enumerate().fold(0, |bits, (at, byte)| bits | u64::from(is(*byte)) << at)
            };
            let mut white = White::default();
            let found = marks(bytes.first_chunk().unwrap(), &mut white);
            prop_assert_eq!(found, Marks { spaces: bits(|byte| byte == b' '), quotes: bits(|byte| byte == b'"') });
            prop_assert_eq!(white.any(), bits(|byte| matches!(byte, 9..=13)) != 0);
        }

        #[test]
        fn parity_counts_bits(bits: u64) {
            for at in 0..64 {
                let below = bits & (u64::MAX >> (63 - at));
                prop_assert_eq!(parity(bits) >> at & 1, u64::from(below.count_ones()) & 1);
            }
        }
    }
}
