use super::{EncodeError, EncodedRows, Footer, MAGIC, ROWS_PER_GROUP, RowGroup, RowGroupSummary};
use crate::records::EncoderError;

/// The rows that are not written yet, and the footer's facts about the row groups that are.
#[derive(Default)]
pub(crate) struct RowGroups {
    group: RowGroup,
    written: Vec<RowGroupSummary>,
}

/// The function that writes bytes.
type Put<'p, E> = dyn FnMut(&[u8]) -> Result<(), E> + 'p;

impl RowGroups {
    /// Continues after row groups that are already written.
    pub(crate) fn after(written: Vec<RowGroupSummary>) -> Self {
        Self { written, ..Self::default() }
    }

    /// The row groups that are written.
    pub(crate) fn written(&self) -> &[RowGroupSummary] {
        &self.written
    }

    /// The size of the file with these row groups, without its footer, in bytes.
    pub(crate) fn byte_len(&self) -> Result<u64, EncoderError> {
        Ok(if self.written.is_empty() { 0 } else { self.footer()?.end() })
    }

    /// Whether every row is written.
    pub(crate) fn are_written(&self) -> bool {
        self.group.rows() == 0
    }

    /// Appends rows. A full row group is written with `put`.
    pub(crate) fn append<E>(&mut self, rows: EncodedRows, put: &mut Put<'_, E>) -> Result<(), E> {
        self.group.append(rows);
        if self.group.rows() < ROWS_PER_GROUP { Ok(()) } else { self.flush(put) }
    }

    fn flush<E>(&mut self, put: &mut Put<'_, E>) -> Result<(), E> {
        if self.written.is_empty() {
            put(&MAGIC)?;
        }
        let group = std::mem::take(&mut self.group);
        group.bytes().try_for_each(put)?;
        self.written.push(group.summary());
        Ok(())
    }

    /// Writes the remaining rows and the footer.
    pub(crate) fn finish<E: From<EncoderError>>(mut self, put: &mut Put<'_, E>) -> Result<(), E> {
        if !self.are_written() {
            self.flush(put)?;
        } else if self.written.is_empty() {
            put(&MAGIC)?;
        }
        put(&self.footer().and_then(Footer::finish).map_err(EncoderError::from)?)
    }

    fn footer(&self) -> Result<Footer, EncodeError> {
        let mut footer = Footer::new()?;
        self.written.iter().try_for_each(|group| footer.add(group))?;
        Ok(footer)
    }
}
