//! Tar archives, read in place as a stream.

use super::archive::{archive_broken, entry_name};
use super::compress::Meter;
use super::stream::{Decoder, Flow, Stream};
use super::window::Broken;
use crate::ledger::FileStatus;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::rc::Rc;
use tar::EntryType;

/// Longest name and longest list of extended attributes that a tar may demand memory for.
const TAR_EXTENSION: u64 = 1 << 20;

/// A tar, as a stream.
pub fn tar(decoder: &mut Decoder<'_>, stream: Stream<'_>) -> Flow {
    let Stream { name, window, layers, meter, .. } = stream;
    if let Some(meter) = &meter {
        meter.watch_by_entry();
    }
    let mut archive = tar::Archive::new(window);
    let mut broken = None;
    // Raw: names are put together here, under a limit. The crate would read a "name" of any length into memory.
    match archive.entries() {
        Ok(entries) => {
            let mut long_name = None;
            for entry in entries.raw(true) {
                match entry.map_err(|error| tar_error(&error)) {
                    Ok(mut entry) => {
                        let result =
                            tar_entry(decoder, &name, &mut entry, &mut long_name, layers, meter.as_ref())?;
                        if let Err(problem) = result.and_then(|()| pass_over(entry, meter.as_deref())) {
                            broken = Some(problem);
                            break;
                        }
                    }
                    Err(problem) => {
                        broken = Some(problem);
                        break;
                    }
                }
            }
        }
        Err(error) => broken = Some(tar_error(&error)),
    }
    broken.map_or(Flow::Continue(()), |broken| archive_broken(decoder, &name, broken))
}

/// One entry; the inner error ends the archive.
fn tar_entry<R: Read>(
    decoder: &mut Decoder<'_>,
    archive: &str,
    entry: &mut tar::Entry<'_, R>,
    long_name: &mut Option<Vec<u8>>,
    layers: u32,
    meter: Option<&Rc<Meter>>,
) -> ControlFlow<(), Result<(), Broken>> {
    let size = entry.size();
    let kind = entry.header().entry_type();
    let extension = matches!(kind, EntryType::GNULongName | EntryType::XHeader);
    if extension {
        let mut bytes = Vec::new();
        if let Err(error) = entry.by_ref().take(TAR_EXTENSION).read_to_end(&mut bytes) {
            return ControlFlow::Continue(Err(Broken::from(&error)));
        }
        if kind == EntryType::GNULongName {
            bytes.truncate(memchr::memchr(0, &bytes).unwrap_or(bytes.len()));
            *long_name = Some(bytes);
        } else {
            if pax_value(&bytes, b"size").is_some() {
                let reason = "an entry over 8 GiB in the pax format; the rest of the archive was not read";
                return ControlFlow::Continue(Err(Broken::new(reason)));
            }
            *long_name = pax_value(&bytes, b"path").map(<[u8]>::to_vec).or(long_name.take());
        }
        return ControlFlow::Continue(Ok(()));
    }
    let inner = long_name.take().unwrap_or_else(|| entry.path_bytes().into_owned());
    let name = entry_name(decoder, archive, &String::from_utf8_lossy(&inner))?;
    if matches!(kind, EntryType::Regular | EntryType::Continuous) {
        decoder.entry(
            name,
            Box::new(Exactly { source: entry, left: size, meter: meter.cloned() }),
            size,
            layers + 1,
        )?;
    } else if kind == EntryType::GNUSparse {
        decoder.done(&name, FileStatus::Skipped("a sparse file in a tar".to_string()))?;
    }
    ControlFlow::Continue(Ok(()))
}

/// The rest of an entry that nobody wants, or of a bomb: it costs time but no memory, and good entries may follow.
fn pass_over<R: Read>(mut entry: tar::Entry<'_, R>, meter: Option<&Meter>) -> Result<(), Broken> {
    let Some(meter) = meter else { return Ok(()) };
    let mut bytes = vec![0; 8 << 10];
    let mut bomb = false;
    loop {
        if meter.alarm().is_some() {
            bomb = true;
            meter.forgive();
        }
        if meter.is_spent() {
            let reason =
                "too much of it looks like a decompression bomb; what follows in the archive was not read";
            return Err(Broken::limit(reason));
        }
        if entry.read(&mut bytes).map_err(|error| tar_error(&error))? == 0 {
            break;
        }
    }
    if bomb {
        meter.forgive()
    } else {
        meter.forgive_if_dense()
    }
    Ok(())
}

/// A value of `length key=value` lines.
fn pax_value<'a>(mut lines: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    loop {
        let space = memchr::memchr(b' ', lines)?;
        let length: usize = std::str::from_utf8(&lines[..space]).ok()?.parse().ok()?;
        let line = lines.get(space + 1..length.checked_sub(1)?)?;
        lines = &lines[length..];
        if let Some(value) = line.strip_prefix(key).and_then(|rest| rest.strip_prefix(b"=")) {
            return Some(value);
        }
    }
}

/// The crate ends an entry silently where the archive ends.
struct Exactly<R> {
    source: R,
    left: u64,
    meter: Option<Rc<Meter>>,
}

impl<R: Read> Read for Exactly<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(into).map_err(|error| tar_error(&error))?;
        self.left -= (count as u64).min(self.left);
        if let Some(broken) = self.meter.as_deref().and_then(Meter::alarm) {
            return Err(broken.into());
        }
        if count == 0 && self.left > 0 && !into.is_empty() {
            return Err(Broken::new("the archive ends inside it").into());
        }
        Ok(count)
    }
}

fn tar_error(error: &io::Error) -> Broken {
    Broken::inside(error).unwrap_or_else(|| Broken::new(format!("the tar archive is damaged: {error}")))
}
