//! The file of --report: one line of JSON for each proof.

use std::path::Path;

use serde::Serialize;

use super::error::{CliError, refuse_overwriting};
use crate::files::Output;

/// A report that is being written, if one was asked for and its reader has not closed it.
pub(super) struct LineReport(Option<Output>);

impl LineReport {
    /// Creates the report, which must not replace one of the inputs.
    pub(super) fn create(path: Option<&Path>, inputs: &[&Path]) -> Result<Self, CliError> {
        let Some(path) = path else { return Ok(Self(None)) };
        refuse_overwriting(path, inputs)?;
        Ok(Self(Some(Output::create(path)?)))
    }

    /// Writes a line. If the reader closed the report, the lines that follow are dropped: the exit code still says
    /// what they say.
    pub(super) fn put(&mut self, line: &impl Serialize) -> Result<(), CliError> {
        let Some(open) = &mut self.0 else { return Ok(()) };
        // Cannot fail: records have no maps with keys other than strings.
        let mut line = serde_json::to_vec(line).unwrap_or_default();
        line.push(b'\n');
        match open.put(&line) {
            Err(error) if error.is_closed_pipe() => self.0 = None,
            result => result?,
        }
        Ok(())
    }

    /// Gives the report its name.
    pub(super) fn finish(self) -> Result<(), CliError> {
        self.0.map_or(Ok(()), |open| CliError::unless_unread(open.finish()))
    }
}
