use super::SourceError;

/// A reader of bytes. It compares every length with the remaining bytes before it uses it.
pub(super) struct Bytes<'b> {
    all: &'b [u8],
    at: usize,
}

impl<'b> Bytes<'b> {
    pub(super) fn new(all: &'b [u8]) -> Self {
        Self { all, at: 0 }
    }

    /// The number of bytes read.
    pub(super) fn offset(&self) -> u64 {
        self.at as u64
    }

    /// The remaining bytes.
    pub(super) fn rest(&self) -> &'b [u8] {
        &self.all[self.at..]
    }

    /// Reads `len` bytes. `what` names them in errors.
    pub(super) fn take(&mut self, len: u64, what: &'static str) -> Result<&'b [u8], SourceError> {
        let rest = self.rest();
        if len > rest.len() as u64 {
            let (end, needed) = (self.all.len() as u64, len - rest.len() as u64);
            return Err(SourceError::Short { what, end, needed });
        }
        let (taken, _) = rest.split_at(len as usize);
        self.at += taken.len();
        Ok(taken)
    }

    /// A reader of the next `len` bytes alone, whose offsets are those of the whole. This one continues behind them.
    pub(super) fn part(&mut self, len: u64, what: &'static str) -> Result<Self, SourceError> {
        let at = self.at;
        self.take(len, what)?;
        Ok(Self { all: &self.all[..self.at], at })
    }

    pub(super) fn array<const N: usize>(
        &mut self,
        what: &'static str,
    ) -> Result<[u8; N], SourceError> {
        let mut bytes = [0; N];
        bytes.copy_from_slice(self.take(N as u64, what)?);
        Ok(bytes)
    }

    pub(super) fn u8(&mut self, what: &'static str) -> Result<u8, SourceError> {
        self.array(what).map(u8::from_be_bytes)
    }

    /// Reads a big-endian number.
    pub(super) fn u32(&mut self, what: &'static str) -> Result<u32, SourceError> {
        self.array(what).map(u32::from_be_bytes)
    }
}
