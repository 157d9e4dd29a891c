//! What pages of the `DELTA` encodings claim: their decoders reserve memory for as many values as stand in the
//! page.

use crate::decode::parquet::thrift::Compact;

/// Checks the values behind the levels of a page: no more than `values` may be claimed.
///
/// # Errors
/// What is wrong.
pub(super) fn check(is_prefixed: bool, bytes: &[u8], values: u32) -> Result<(), &'static str> {
    let lengths_end = binary_packed(bytes, values)?;
    // Of DELTA_BYTE_ARRAY the lengths of the prefixes come first, then those of what follows them.
    if is_prefixed { binary_packed(&bytes[lengths_end..], values).map(drop) } else { Ok(()) }
}

/// Passes over `DELTA_BINARY_PACKED` numbers and returns where they end
/// (<https://github.com/apache/parquet-format/blob/master/Encodings.md#delta-encoding-delta_binary_packed--5>).
fn binary_packed(bytes: &[u8], values: u32) -> Result<usize, &'static str> {
    const SHORT: &str = "a block of differences is cut short";
    let mut numbers = Compact::new(bytes);
    let mut next = || numbers.varint().map_err(|_| SHORT);
    let (block, miniblocks, total, _first) = (next()?, next()?, next()?, next()?);
    let mut at = numbers.position();
    if total > u64::from(values) {
        return Err("a block of differences claims more values than its page");
    }
    if miniblocks == 0 || block > 1 << 20 || block % miniblocks != 0 || block / miniblocks % 32 != 0 {
        return Err("a block of differences has no possible size");
    }
    let per_miniblock = block / miniblocks;
    let mut left = total.saturating_sub(1);
    while left > 0 {
        let mut smallest = Compact::new(bytes.get(at..).ok_or(SHORT)?);
        smallest.varint().map_err(|_| SHORT)?;
        at += smallest.position();
        let widths = bytes.get(at..at + miniblocks as usize).ok_or(SHORT)?;
        at += widths.len();
        for width in widths {
            if left == 0 {
                break;
            }
            if *width > 64 {
                return Err("a block of differences has a width of more than 64 bits");
            }
            at += (u64::from(*width) * per_miniblock / 8) as usize;
            left = left.saturating_sub(per_miniblock);
        }
        if at > bytes.len() {
            return Err(SHORT);
        }
    }
    Ok(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_passed_over_and_false_claims_refused() {
        // Blocks of 128 in 4; 3 values from 0, then a block: smallest 0, widths 1 0 0 0, 4 bytes.
        let good = [0x80, 0x01, 4, 3, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0];
        assert_eq!(binary_packed(&good, 3), Ok(14));
        assert_eq!(binary_packed(&[0x80, 0x01, 4, 0, 0], 3), Ok(5));
        assert!(check(true, &[good, good].concat(), 3).is_ok());
        assert!(check(true, &good, 3).is_err());
        for (bad, values) in [
            (&good[..], 2),
            (&good[..12], 3),
            (&[0x80, 0x01, 0, 3, 0], 3),
            (&[0x80, 0x01, 3, 3, 0], 3),
            (&[0x80, 0x80, 0x80, 0x80, 0x01, 4, 3, 0], 3),
            (&[0x80, 0x01, 4, 3, 0, 0, 65, 0, 0, 0, 3, 0, 0, 0], 3),
            (&[0xff; 12], 3),
            (&[], 3),
        ] {
            assert!(binary_packed(bad, values).is_err(), "{bad:?}");
        }
    }
}
