use super::{
    EncodeError, EncodedRows, Footer, MAGIC, ROWS_PER_GROUP, RowGroup, RowGroupSummary,
    writer::Stripe,
};
use crate::records::EncoderError;

/// The rows that are not written yet, and the footer of the row groups that are.
#[derive(Default)]
pub(crate) struct RowGroups {
    /// The rows of a step that is not complete.
    appended: Vec<Stripe>,
    group: RowGroup,
    footer: Footer,
}

/// The function that writes bytes.
type Put<'p, E> = dyn FnMut(&[u8]) -> Result<(), E> + 'p;

impl RowGroups {
    /// Continues after row groups that are already written.
    pub(crate) fn after(written: Vec<RowGroupSummary>) -> Result<Self, EncoderError> {
        let mut groups = Self::default();
        written.into_iter().try_for_each(|group| groups.footer.add(group))?;
        Ok(groups)
    }

    /// The row groups that are written.
    pub(crate) fn written(&self) -> &[RowGroupSummary] {
        self.footer.groups()
    }

    /// The size of the file with these row groups, without its footer, in bytes.
    pub(crate) fn byte_len(&self) -> u64 {
        if self.written().is_empty() { 0 } else { self.footer.end() }
    }

    /// Whether every row is written.
    pub(crate) fn are_written(&self) -> bool {
        self.appended.is_empty() && self.group.rows() == 0
    }

    /// Appends rows, which are not written yet.
    pub(crate) fn append(&mut self, rows: EncodedRows) {
        self.appended.extend(rows.stripes);
    }

    /// Writes full row groups of the appended rows with `put`.
    ///
    /// A row group ends within these rows only if they have half of the next one too, which then ends with
    /// them. So all rows are written from time to time, and the job can be resumed from there.
    pub(crate) fn put_full<E: From<EncoderError>>(
        &mut self,
        put: &mut Put<'_, E>,
    ) -> Result<(), E> {
        let appended = std::mem::take(&mut self.appended);
        let mut left: u64 = appended.iter().map(|stripe| stripe.rows).sum();
        let mut is_split = false;
        for stripe in appended {
            left -= stripe.rows;
            self.group.append_stripe(stripe);
            if self.group.rows() >= ROWS_PER_GROUP && left >= ROWS_PER_GROUP / 2 {
                self.flush(put)?;
                is_split = true;
            }
        }
        if is_split || self.group.rows() >= ROWS_PER_GROUP { self.flush(put) } else { Ok(()) }
    }

    fn flush<E: From<EncoderError>>(&mut self, put: &mut Put<'_, E>) -> Result<(), E> {
        if self.written().is_empty() {
            put(&MAGIC)?;
        }
        let group = std::mem::take(&mut self.group);
        group.bytes().try_for_each(put)?;
        self.footer.add(group.summary()).map_err(to_error)
    }

    /// Writes the remaining rows and the footer.
    pub(crate) fn finish<E: From<EncoderError>>(mut self, put: &mut Put<'_, E>) -> Result<(), E> {
        self.put_full(put)?;
        if !self.are_written() {
            self.flush(put)?;
        } else if self.written().is_empty() {
            put(&MAGIC)?;
        }
        put(&self.footer.finish().map_err(to_error)?)
    }
}

fn to_error<E: From<EncoderError>>(error: EncodeError) -> E {
    EncoderError::from(error).into()
}
