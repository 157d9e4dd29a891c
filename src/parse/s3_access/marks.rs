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
    /// Is any byte at most a carriage return? Only then can there be [`white`] ones.
    pub may_have_white: bool,
}

/// The marks of 64 bytes.
#[inline]
pub fn marks(bytes: &[u8; STEP]) -> Marks {
    let mut marks = Marks::default();
    let mut control = u8x16::default();
    for (index, part) in bytes.as_chunks::<16>().0.iter().enumerate() {
        let part = u8x16::new(*part);
        let mark = |bits: &mut u64, equal: u8x16| *bits |= u64::from(equal.to_bitmask()) << (index * 16);
        mark(&mut marks.spaces, part.simd_eq(u8x16::splat(b' ')));
        mark(&mut marks.quotes, part.simd_eq(u8x16::splat(b'"')));
        control |= part.min(u8x16::splat(LAST_WHITE)).simd_eq(part);
    }
    marks.may_have_white = control.to_bitmask() != 0;
    marks
}

/// Which of 64 bytes are white space other than spaces: tab, line feed, vertical tab, form feed, carriage return.
#[inline]
pub fn white(bytes: &[u8; STEP]) -> u64 {
    let mut white = 0;
    for (index, part) in bytes.as_chunks::<16>().0.iter().enumerate() {
        // What is left after 9 is taken off is at most 4.
        let above = u8x16::new(*part) - u8x16::splat(b'\t');
        let is_white = above.min(u8x16::splat(LAST_WHITE - b'\t')).simd_eq(above);
        white |= u64::from(is_white.to_bitmask()) << (index * 16);
    }
    white
}

/// The highest of the white control characters: carriage return.
const LAST_WHITE: u8 = b'\r';

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
            let may_have_white = bits(|byte| byte <= 13) != 0;
            let (spaces, quotes) = (bits(|byte| byte == b' '), bits(|byte| byte == b'"'));
            let bytes = bytes.first_chunk().unwrap();
            prop_assert_eq!(marks(bytes), Marks { spaces, quotes, may_have_white });
            prop_assert_eq!(white(bytes), bits(|byte| matches!(byte, 9..=13)));
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
