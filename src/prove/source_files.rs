//! The files that trees are opened from, when directories or archives are given.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};

use super::{ChosenEvidence, Error, Event, Observer, TreesOptions, read_state::ReadState};
use crate::{
    files::{InputError, ShowPath, metadata_of},
    ingest::{FileKind, FoundFile, FoundFiles, kind_of, l1::L1Files},
};

/// The files that trees are opened from: no directories and no archives of several files.
pub(super) struct SourceFiles {
    /// The evidence, without the files of L1 that are in `l1`.
    pub(super) paths: Vec<PathBuf>,
    /// The state in it, if it was read to choose it.
    pub(super) read: Option<ReadState>,
    /// The files of L1 beside it.
    pub(super) l1: L1Files,
    /// The options with the files among them.
    pub(super) options: TreesOptions,
}

impl TreesOptions {
    /// Replaces directories and archives among the paths of the evidence, and among those in these options, by the
    /// files in them that serve. Tree files serve if `with_tree_files`.
    pub(super) fn files(
        &self,
        paths: &[PathBuf],
        with_tree_files: bool,
    ) -> Result<SourceFiles, Error> {
        let mut options = self.clone();
        let of = |found: &FoundFiles, is_wanted: fn(FileKind) -> bool| -> Vec<PathBuf> {
            found.of(is_wanted).map(|file| file.path.clone()).collect()
        };
        options.events = self.files_in(&self.events, |found| of(found, FileKind::has_events))?;
        options.sl_batches = self.files_in(&self.sl_batches, |found| {
            let mut files = of(found, |kind| kind == FileKind::SlBatches);
            files.extend(found.of_l1().paths().map(Path::to_owned));
            files
        })?;
        let mut l1 = self.l1_files(&self.from_l1)?;
        options.from_l1 = l1.paths().map(Path::to_owned).collect();
        if !self.hold_files(paths)? {
            return Ok(SourceFiles { paths: paths.to_vec(), read: None, l1, options });
        }
        let found = FoundFiles::knowing(paths, &self.known)?;
        for FoundFile { damage, .. } in &found.files {
            if let Some(error @ InputError::Read { .. }) = damage {
                self.observer.event(&Event::DamagedFile(error));
            }
        }
        let mut chosen = ChosenEvidence::among(&found, self, with_tree_files)?;
        chosen.check(self.sl_chain)?;
        chosen.seen.iter().for_each(|state| self.observer.event(&Event::StateChosen(state)));
        // Those among the batches of the settlement layer are read once.
        remove(&mut options.sl_batches, chosen.l1.paths());
        if !options.batch_roots_only || chosen.state.is_empty() {
            l1.join(chosen.l1);
            options.from_l1 = l1.paths().map(Path::to_owned).collect();
        }
        if chosen.state.is_empty() {
            remove(&mut options.events, chosen.events.iter().map(PathBuf::as_path));
            return Ok(SourceFiles { paths: chosen.events, read: None, l1, options });
        }
        if !options.batch_roots_only {
            remove(&mut chosen.events, options.events.iter().map(PathBuf::as_path));
            options.events.append(&mut chosen.events);
        }
        Ok(SourceFiles { paths: chosen.state, read: chosen.read, l1, options })
    }

    /// The files at `paths`, and those that `pick` takes of the directories and archives among them.
    fn files_in(
        &self,
        paths: &[PathBuf],
        pick: impl Fn(&FoundFiles) -> Vec<PathBuf>,
    ) -> Result<Vec<PathBuf>, Error> {
        let mut files = Vec::new();
        for path in paths {
            match FoundFiles::within(path, &self.known)? {
                Some(found) => files.extend(pick(&found)),
                None => files.push(path.clone()),
            }
        }
        Ok(files)
    }

    /// The files of L1 at `paths`, and in the directories and archives among them.
    fn l1_files(&self, paths: &[PathBuf]) -> Result<L1Files, Error> {
        let mut files = L1Files::default();
        for path in paths {
            if metadata_of(path)?.is_some_and(|found| !found.is_file() && !found.is_dir()) {
                return Err(InputError::OneWay { name: path.shown().to_string() }.into());
            }
            match FoundFiles::within(path, &self.known)? {
                Some(found) => files.join(found.of_l1()),
                None => files.add(path.clone(), kind_of(path, &self.known)?),
            }
        }
        Ok(files)
    }

    /// Whether one of the paths is that of a directory of files, or of an archive of several.
    fn hold_files(&self, paths: &[PathBuf]) -> Result<bool, Error> {
        for path in paths {
            if FoundFiles::within(path, &self.known)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Removes those of `others` from `paths`. There may be a file for each of thousands of blobs.
fn remove<'o>(paths: &mut Vec<PathBuf>, others: impl Iterator<Item = &'o Path>) {
    let others: HashSet<&Path> = others.collect();
    paths.retain(|path| !others.contains(path.as_path()));
}
