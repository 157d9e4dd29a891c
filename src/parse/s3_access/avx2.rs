//! Everyday lines on processors with AVX2, which is told at run time: 32 bytes at a time instead of 16.
//!
//! This is the only module with unsafe code: a function for processors with AVX2 can be called, and 32 bytes can be
//! loaded, in no other way. It saves a fifth of the instructions of a line. `.ci/long miri` runs its tests under Miri.

#![allow(unsafe_code)]

use super::plain_line::{PlainLine, PlainLines};

/// [`PlainLines::line`], if this processor has AVX2.
#[inline]
pub fn line(lines: &mut PlainLines, text: &[u8], start: usize) -> Option<PlainLine> {
    #[cfg(target_arch = "x86_64")]
    if x86_64::is_there() {
        // SAFETY: all that the function is compiled for is there.
        return Some(unsafe { x86_64::line(lines, text, start) });
    }
    let _ = (lines, text, start);
    None
}

#[cfg(target_arch = "x86_64")]
mod x86_64 {
    use super::super::marks::{LAST_WHITE, Marks, STEP};
    use super::{PlainLine, PlainLines};
    use std::arch::x86_64::{
        __m256i, _mm256_cmpeq_epi8, _mm256_loadu_si256, _mm256_min_epu8, _mm256_movemask_epi8, _mm256_or_si256,
        _mm256_set1_epi8,
    };

    /// Is all there that [`line`] is compiled for?
    #[inline]
    pub fn is_there() -> bool {
        is_x86_feature_detected!("avx2") && is_x86_feature_detected!("bmi1") && is_x86_feature_detected!("popcnt")
    }

    #[target_feature(enable = "avx2,bmi1,popcnt")]
    pub fn line(lines: &mut PlainLines, text: &[u8], start: usize) -> PlainLine {
        lines.line_by(text, start, |bytes| marks(bytes))
    }

    /// The same as [`super::super::marks::marks`].
    #[target_feature(enable = "avx2")]
    pub fn marks(bytes: &[u8; STEP]) -> Marks {
        let [low, high] = bytes.as_chunks::<32>().0 else { return Marks::default() };
        let [low, high] = [load(low), load(high)];
        let bits = |low: __m256i, high: __m256i| {
            let [low, high] = [low, high].map(|equal| u64::from(_mm256_movemask_epi8(equal) as u32));
            high << 32 | low
        };
        let equal = |byte: u8| {
            let byte = _mm256_set1_epi8(byte as i8);
            bits(_mm256_cmpeq_epi8(low, byte), _mm256_cmpeq_epi8(high, byte))
        };
        let last_white = _mm256_set1_epi8(LAST_WHITE as i8);
        let control = |part: __m256i| _mm256_cmpeq_epi8(_mm256_min_epu8(part, last_white), part);
        let may_have_white = _mm256_movemask_epi8(_mm256_or_si256(control(low), control(high))) != 0;
        Marks { spaces: equal(b' '), quotes: equal(b'"'), may_have_white }
    }

    #[target_feature(enable = "avx2")]
    fn load(bytes: &[u8; 32]) -> __m256i {
        // SAFETY: 32 bytes are read, and any place will do.
        unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
    }
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::super::marks::{STEP, marks};
    use super::{PlainLines, line, x86_64};

    #[test]
    fn the_marks_are_the_same_wherever_a_byte_stands() {
        if !x86_64::is_there() {
            return;
        }
        for byte in [b' ', b'"', 8, 9, 10, 13, 14, 0, b'a', 0x80, 0xff, 0xa0] {
            for place in 0..STEP {
                let mut bytes = [b'x'; STEP];
                bytes[place] = byte;
                bytes[place / 2] = b' ';
                // SAFETY: the processor has what is needed.
                assert_eq!(unsafe { x86_64::marks(&bytes) }, marks(&bytes), "{byte} at {place}");
            }
        }
    }

    #[test]
    fn a_line_is_read_alike() {
        let text = format!(
            "{} 3E57427F3EXAMPLE REST.GET.OBJECT {} \"GET /a HTTP/1.1\" 200 - 10 10 5 4 \"-\" \"curl/8.0 (x; y)\" - \
             s9lzHYrF= SigV4 - AuthHeader b.s3.amazonaws.com TLSv1.3\nnext",
            "79a5 b [06/Feb/2026:00:00:38 +0000] 192.0.2.3 -",
            "k".repeat(70),
        );
        for start in [0, 1, 40] {
            let (mut lines, mut others) = (PlainLines::default(), PlainLines::default());
            let Some(found) = line(&mut lines, text.as_bytes(), start) else { return };
            let expected = others.line_by(text.as_bytes(), start, marks);
            assert_eq!((found.end, found.event_time_ms), (expected.end, expected.event_time_ms));
            assert_eq!((found.end, found.event_time_ms.is_some()), (text.len() - 5, start == 0 || start == 1));
            assert_eq!(lines.spans(), others.spans());
        }
    }
}
