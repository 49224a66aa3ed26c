//! The files that trees are opened from, when directories or archives are given.

use std::{collections::HashSet, path::PathBuf};

use super::{ChosenEvidence, Error, Event, Observer, TreesOptions, read_state::ReadState};
use crate::ingest::{FileKind, FoundFiles, holds_files};

impl TreesOptions {
    /// Replaces directories and archives among the paths of the evidence, and among those in these options, by the
    /// files in them that serve. Tree files serve if `with_tree_files`. The state is returned too if it was read to
    /// choose it.
    pub(super) fn files(
        &self,
        paths: &[PathBuf],
        with_tree_files: bool,
    ) -> Result<(Vec<PathBuf>, Option<ReadState>, Self), Error> {
        let mut options = self.clone();
        options.events = files_in(&self.events, FileKind::has_events)?;
        options.from_l1 = files_in(&self.from_l1, FileKind::is_of_l1)?;
        let has_sl_batches = |kind: FileKind| kind == FileKind::SlBatches || kind.is_of_l1();
        options.sl_batches = files_in(&self.sl_batches, has_sl_batches)?;
        if !hold_files(paths)? {
            return Ok((paths.to_vec(), None, options));
        }
        let mut chosen = ChosenEvidence::among(&FoundFiles::at(paths)?, self, with_tree_files)?;
        chosen.check(self.sl_chain)?;
        chosen.seen.iter().for_each(|state| self.observer.event(&Event::StateChosen(state)));
        // Those among the batches of the settlement layer are read once.
        remove(&mut options.sl_batches, &chosen.l1);
        if !options.batch_roots_only || chosen.state.is_empty() {
            remove(&mut chosen.l1, &options.from_l1);
            options.from_l1.append(&mut chosen.l1);
        }
        if chosen.state.is_empty() {
            remove(&mut options.events, &chosen.events);
            return Ok((chosen.events, None, options));
        }
        if !options.batch_roots_only {
            remove(&mut chosen.events, &options.events);
            options.events.append(&mut chosen.events);
        }
        Ok((chosen.state, chosen.read, options))
    }
}

/// Removes those of `others` from `paths`. There may be a file for each of thousands of blobs.
fn remove(paths: &mut Vec<PathBuf>, others: &[PathBuf]) {
    let others: HashSet<&PathBuf> = others.iter().collect();
    paths.retain(|path| !others.contains(path));
}

/// The files at `paths`, and in the directories and archives among them those of some kinds.
fn files_in(
    paths: &[PathBuf],
    is_wanted: impl Fn(FileKind) -> bool,
) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    for path in paths {
        if holds_files(path)? {
            let found = FoundFiles::at(&[path])?;
            files.extend(found.of(&is_wanted).map(|file| file.path.clone()));
        } else {
            files.push(path.clone());
        }
    }
    Ok(files)
}

fn hold_files(paths: &[PathBuf]) -> Result<bool, Error> {
    for path in paths {
        if holds_files(path)? {
            return Ok(true);
        }
    }
    Ok(false)
}
