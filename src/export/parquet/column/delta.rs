//! `DELTA_BINARY_PACKED`
//! (<https://parquet.apache.org/docs/file-format/data-pages/encodings/#DELTAENC>).

use super::hybrid::varint;

const BLOCK: usize = 128;
const MINIBLOCKS: usize = 4;
const MINIBLOCK: usize = BLOCK / MINIBLOCKS;

/// Appends the numbers as differences from the one before.
pub(super) fn encode(numbers: &[i64], out: &mut Vec<u8>) {
    varint(BLOCK as u64, out);
    varint(MINIBLOCKS as u64, out);
    varint(numbers.len() as u64, out);
    varint(zigzag(numbers.first().copied().unwrap_or(0)), out);
    let mut before = numbers.first().copied().unwrap_or(0);
    for block in numbers.get(1..).unwrap_or_default().chunks(BLOCK) {
        let mut deltas = [0i64; BLOCK];
        for (delta, number) in deltas.iter_mut().zip(block) {
            *delta = number.wrapping_sub(before);
            before = *number;
        }
        pack(&deltas[..block.len()], out);
    }
}

/// The least difference, the width of each quarter, and the differences above the least one.
fn pack(deltas: &[i64], out: &mut Vec<u8>) {
    let least = deltas.iter().copied().min().unwrap_or(0);
    varint(zigzag(least), out);
    let mut above = [0u64; BLOCK];
    for (above, delta) in above.iter_mut().zip(deltas) {
        *above = delta.wrapping_sub(least) as u64;
    }
    let widths: [u32; MINIBLOCKS] = std::array::from_fn(|quarter| {
        let quarter = &above[quarter * MINIBLOCK..(quarter + 1) * MINIBLOCK];
        u64::BITS - quarter.iter().fold(0, |all, value| all | value).leading_zeros()
    });
    out.extend(widths.map(|width| width as u8));
    for (quarter, width) in above.chunks(MINIBLOCK).zip(widths).take(deltas.len().div_ceil(MINIBLOCK)) {
        let (mut bits, mut held) = (0u128, 0);
        for value in quarter {
            bits |= u128::from(*value) << held;
            held += width;
            if held >= 64 {
                out.extend_from_slice(&(bits as u64).to_le_bytes());
                bits >>= 64;
                held -= 64;
            }
        }
        // A quarter has 32 values, so its bits fill whole bytes.
        out.extend_from_slice(&bits.to_le_bytes()[..held as usize / 8]);
    }
}

fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)) as u64
}
