//! Parquet's RLE / bit-packing hybrid, for definition levels and dictionary indices
//! (<https://parquet.apache.org/docs/file-format/data-pages/encodings/#RLE>).

/// Equal values that pay to be written as a run.
const RUN: usize = 16;
/// Most values of a packed run: what readers expect of parquet-java.
const PACKED: usize = 63 * 8;

/// Appends the values, each of `width` bits.
pub(super) fn encode<T: Copy + PartialEq + Into<u32>>(values: &[T], width: u32, out: &mut Vec<u8>) {
    let mut written = 0;
    let mut at = 0;
    while at < values.len() {
        let run = values[at..].iter().take_while(|value| **value == values[at]).count();
        // Packed values come in groups of eight: the first of the run fill up the last group.
        let fill = (at - written).wrapping_neg() % 8;
        if run >= fill + RUN {
            pack(&values[written..at + fill], width, out);
            repeat(values[at], run - fill, width, out);
            written = at + run;
        }
        at += run;
    }
    pack(&values[written..], width, out);
}

/// Appends one value, `count` times, as a run.
pub(super) fn repeat<T: Into<u32>>(value: T, count: usize, width: u32, out: &mut Vec<u8>) {
    varint((count as u64) << 1, out);
    let value: u32 = value.into();
    out.extend_from_slice(&value.to_le_bytes()[..width.div_ceil(8) as usize]);
}

/// Bits that a value up to this one needs; at least one, as not every reader takes none.
pub(super) fn width(largest: u32) -> u32 {
    (32 - largest.leading_zeros()).max(1)
}

/// Groups of eight values, the lowest bits first; the last group is filled up with zeros.
fn pack<T: Copy + Into<u32>>(values: &[T], width: u32, out: &mut Vec<u8>) {
    for run in values.chunks(PACKED) {
        let groups = run.len().div_ceil(8);
        varint((groups as u64) << 1 | 1, out);
        let end = out.len() + groups * width as usize;
        out.reserve(groups * width as usize + 8);
        let (mut bits, mut held) = (0u64, 0);
        for value in run {
            let value: u32 = (*value).into();
            bits |= u64::from(value) << held;
            held += width;
            if held >= 32 {
                out.extend_from_slice(&(bits as u32).to_le_bytes());
                bits >>= 32;
                held -= 32;
            }
        }
        out.extend_from_slice(&bits.to_le_bytes());
        out.resize(end, 0);
    }
}

/// An unsigned number, seven bits a byte.
pub(super) fn varint(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}
