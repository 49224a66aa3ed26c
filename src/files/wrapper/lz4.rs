use std::io::{self, BufRead, Read};

use lz4_flex::frame::FrameDecoder;

use super::bomb::{Counted, Guarded};

/// Decodes lz4 with one or several frames. A block takes at most 8 MiB.
pub(super) fn decoder(raw: impl BufRead) -> impl Read {
    let decoder = FrameDecoder::new(EndSeen { raw: Counted::new(raw), is_past_end: false });
    let frames = Frames { decoder, is_between: true };
    Guarded::new("lz4", frames, |frames| frames.decoder.get_ref().raw.taken)
}

/// The contents of all frames. The decoder itself ends after each frame, and also where a frame is cut off
/// between two blocks.
struct Frames<R: Read> {
    decoder: FrameDecoder<EndSeen<R>>,
    /// Whether no frame is begun.
    is_between: bool,
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.is_between && self.decoder.get_mut().raw.fill_buf()?.is_empty() {
                return Ok(0);
            }
            self.is_between = false;
            let len = self.decoder.read(buffer)?;
            if len > 0 || buffer.is_empty() {
                return Ok(len);
            }
            if self.decoder.get_ref().is_past_end {
                return Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "the lz4 data end within a frame",
                ));
            }
            self.is_between = true;
        }
    }
}

/// Remembers whether a decoder asked for bytes after the last one.
struct EndSeen<R> {
    raw: R,
    is_past_end: bool,
}

impl<R: Read> Read for EndSeen<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.raw.read(buffer)?;
        self.is_past_end |= len == 0 && !buffer.is_empty();
        Ok(len)
    }
}
