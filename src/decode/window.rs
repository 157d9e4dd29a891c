//! A buffered stream of which any stretch ahead can be looked at before it is taken.

use std::fmt;
use std::io::{self, BufRead, Read};

/// Bytes asked of the stream below at a time.
const READ_SIZE: usize = 64 << 10;

/// Why a stream ended before its end. Travels through readers of other crates inside an [`io::Error`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// What happened.
    pub reason: String,
    /// It was ended by one of our limits.
    pub limit: bool,
}

impl Broken {
    /// Damage, or an error of the system.
    pub fn new(reason: impl Into<String>) -> Broken {
        Broken { reason: reason.into(), limit: false }
    }

    /// One of our limits.
    pub fn limit(reason: impl Into<String>) -> Broken {
        Broken { reason: reason.into(), limit: true }
    }

    /// Finds ours in an error that other crates may have wrapped.
    pub fn inside(error: &io::Error) -> Option<Broken> {
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
        while let Some(error) = cause {
            if let Some(ours) = error.downcast_ref::<Broken>() {
                return Some(ours.clone());
            }
            // The source of an I/O error is what lies below the error that it carries, not that error.
            cause = match error.downcast_ref::<io::Error>() {
                Some(carrier) => carrier.get_ref().map(|carried| carried as &(dyn std::error::Error + 'static)),
                None => error.source(),
            };
        }
        None
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for Broken {}

impl From<Broken> for io::Error {
    fn from(broken: Broken) -> io::Error {
        io::Error::other(broken)
    }
}

impl From<&io::Error> for Broken {
    fn from(error: &io::Error) -> Broken {
        Broken::inside(error).unwrap_or_else(|| Broken::new(error.to_string()))
    }
}

/// The stream. After its end or an error nothing more comes; the error stays to be asked for.
pub struct Window<'r> {
    source: Box<dyn Read + 'r>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    offset: u64,
    ended: bool,
    broken: Option<Broken>,
}

impl<'r> Window<'r> {
    /// A window on `source`; `expected` is its length where that is known and small.
    pub fn new(source: Box<dyn Read + 'r>, expected: usize) -> Window<'r> {
        let buffer = vec![0; expected.clamp(512, READ_SIZE)];
        Window { source, buffer, start: 0, end: 0, offset: 0, ended: false, broken: None }
    }

    /// A window on bytes that are all there.
    pub fn of_bytes(bytes: Vec<u8>) -> Window<'r> {
        let end = bytes.len();
        Window {
            source: Box::new(io::empty()),
            buffer: bytes,
            start: 0,
            end,
            offset: 0,
            ended: true,
            broken: None,
        }
    }

    /// A window on what stands from an offset on in a stream.
    pub fn at(offset: u64, source: Box<dyn Read + 'r>) -> Window<'r> {
        Window { offset, ..Window::new(source, READ_SIZE) }
    }

    /// What has been read and not been taken.
    pub fn unread(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Offset in the stream of the first byte of [`Window::unread`].
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Why the stream ended early, if it did and that has been reached.
    pub fn broken(&self) -> Option<&Broken> {
        self.broken.as_ref()
    }

    /// Has the end been reached (bytes may still be unread)?
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// Reads more behind what is unread; false at the end.
    pub fn more(&mut self) -> bool {
        if self.ended {
            return false;
        }
        if self.end == self.buffer.len() && self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.buffer.len() {
            let larger = (self.buffer.len() * 2).max(READ_SIZE);
            self.buffer.resize(larger, 0);
        }
        loop {
            match self.source.read(&mut self.buffer[self.end..]) {
                Ok(0) => self.ended = true,
                Ok(count) => self.end += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    self.ended = true;
                    self.broken = Some(Broken::from(&error));
                }
            }
            return !self.ended;
        }
    }

    /// Reads until `count` bytes are unread or the end is reached.
    pub fn fill_to(&mut self, count: usize) -> &[u8] {
        while self.end - self.start < count && self.more() {}
        self.unread()
    }

    /// Takes `count` of the unread bytes.
    pub fn advance(&mut self, count: usize) {
        self.start += count;
        self.offset += count as u64;
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
        }
    }
}

impl Read for Window<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let unread = self.fill_buf()?;
        let count = unread.len().min(into.len());
        into[..count].copy_from_slice(&unread[..count]);
        self.advance(count);
        Ok(count)
    }
}

impl BufRead for Window<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.start == self.end
            && !self.more()
            && let Some(broken) = &self.broken
        {
            return Err(broken.clone().into());
        }
        Ok(self.unread())
    }

    fn consume(&mut self, count: usize) {
        self.advance(count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_before_the_error_and_the_error_stays() {
        let mut window = Window::new(Box::new(b"abc".chain(Failing)), 0);
        assert_eq!(window.fill_to(10), b"abc");
        window.advance(2);
        assert_eq!((window.unread(), window.offset()), (&b"c"[..], 2));
        let mut rest = Vec::new();
        assert!(window.read_to_end(&mut rest).is_err());
        assert_eq!(rest, b"c");
        assert_eq!(window.broken(), Some(&Broken::limit("enough")));
        assert!(window.read(&mut [0]).is_err());
    }

    #[test]
    fn the_window_grows_to_what_is_looked_at() {
        let bytes: Vec<u8> = (0..200_000u32).map(|number| number as u8).collect();
        let mut window = Window::new(Box::new(&bytes[..]), 512);
        window.fill_to(10);
        window.advance(10);
        assert_eq!(window.fill_to(150_000)[..149_990], bytes[10..150_000]);
    }

    struct Failing;

    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::new(io::ErrorKind::InvalidData, io::Error::from(Broken::limit("enough"))))
        }
    }
}
