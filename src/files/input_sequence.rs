//! Opens inputs one after the other, also files in archives, which are named `ARCHIVE:FILE`.

use std::path::{Path, PathBuf};

use super::{
    InputError, ReadProgressHandle,
    input::{Input, Inputs, archive_of, not_in_archive},
};

/// Opens inputs one after the other. The files of an archive are read in one pass if they are opened in its
/// order. Each input has to be read before the next one is opened.
#[derive(Default)]
pub(crate) struct InputSequence {
    archive: Option<(PathBuf, Inputs)>,
}

impl InputSequence {
    /// Opens a file, or a file in an archive.
    ///
    /// # Errors
    /// As [`Input::open`].
    pub(crate) fn open(
        &mut self,
        path: &Path,
        watcher: &ReadProgressHandle,
    ) -> Result<Input, InputError> {
        let Some(archive) = archive_of(path) else { return Input::open_watched(path, watcher) };
        if let Some((open, inputs)) = &mut self.archive
            && *open == archive
            && let Some(found) = inputs.find(path)
        {
            return found;
        }
        let mut inputs = Inputs::open_watched(&archive, watcher)?;
        let found = inputs.find(path);
        self.archive = Some((archive, inputs));
        found.unwrap_or_else(|| Err(not_in_archive(path)))
    }
}
