//! Look-ups: jobs that prove one log, or the few with a hash, from a tree file and a message archive. They take less time
//! than to start threads.

use std::path::Path;

use super::prove_args::{ProveArgs, WhichArgs};
use crate::{
    files::{Access, Container, Kind, NativeFile},
    forest::TreeFile,
};

/// The files of a look-up. They are opened before threads are started, and read after that.
pub(super) struct LookUp {
    pub(super) trees: Container,
    pub(super) messages: Container,
    /// Whether the contents of past roots are searched for, on all threads.
    pub(super) is_searched: bool,
}

impl LookUp {
    /// Opens the files, if the job is a look-up. `None` also if a file is damaged: the job opens it as it opens other
    /// files, and says what is wrong with it.
    pub(super) fn open(args: &ProveArgs) -> Option<Self> {
        let ProveArgs { archive, tree, messages, relayed_by, which, target, .. } = args;
        let ProveArgs { sl_batches, l1, past, tree_args, .. } = args;
        let WhichArgs { index, message, tx, hash, .. } = which;
        let is_look_up = index.is_some() || [message, tx, hash].iter().any(|hash| hash.is_some());
        let are_alone = archive.is_none()
            && past.events.is_empty()
            && sl_batches.is_empty()
            && l1.anchor.paths.is_empty()
            && relayed_by.is_none()
            && tree_args.columns.is_none();
        let ([tree], [messages], true, true) = (&tree[..], &messages[..], is_look_up, are_alone)
        else {
            return None;
        };
        let access = tree_args.state.access;
        let trees = container(tree, Kind::TREE_FILE, access)?;
        let messages = container(messages, Kind::MESSAGE_ARCHIVE, access)?;
        let (roots, explained) = TreeFile::roots_in(&trees).ok()?;
        let is_searched = target.needs_history() && explained < roots;
        Some(Self { trees, messages, is_searched })
    }
}

fn container(path: &Path, kind: Kind, access: Access) -> Option<Container> {
    let file = NativeFile::at(path).ok()?.filter(|file| file.kind() == kind)?;
    file.open(access).ok()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::{
        cli::args::{Cli, Command},
        primitives::Hash,
    };

    /// The files of a look-up with these arguments, and whether past roots are searched for.
    fn look_up(files: [&str; 2], which: &[&str]) -> Option<bool> {
        let [tree, messages] = files.map(|name| format!("fixtures/golden/{name}"));
        let args = ["slproof", "prove", "--tree", &tree, "--messages", &messages];
        let parsed = Cli::try_parse_from(args.iter().chain(which)).unwrap().command;
        let Command::Prove(args) = parsed else { return None };
        LookUp::open(&args).map(|files| files.is_searched)
    }

    #[test]
    fn few_logs_from_native_files_are_looked_up() {
        let files = ["tree-1.sltree", "archive-v3.slmsg"];
        let hash = Hash::new([7; 32]).to_string();
        for which in [
            &["--chain", "1", "--batch", "2", "--index", "3"][..],
            &["--message", &hash],
            &["--tx", &hash],
            &["--tx", &hash, "--log", "1"],
            &["--hash", &hash],
        ] {
            assert_eq!(look_up(files, which), Some(false), "{which:?}");
            assert_eq!(look_up([files[1]; 2], which), None, "{which:?}");
        }
        for which in [
            &["--all"][..],
            &["--requests", "file"],
            &["--all", "--chain", "1"],
            &["--hash", &hash, "--relayed-by", "any"],
            &["--hash", &hash, "--events", "file"],
            &["--hash", &hash, "--archive", "fixtures"],
        ] {
            assert_eq!(look_up(files, which), None, "{which:?}");
        }
    }

    /// What past roots contain is in one of these files, and is searched for with the other.
    #[test]
    fn look_ups_against_past_roots_may_need_a_search() {
        let hash = Hash::new([7; 32]).to_string();
        for (target, is_searched) in [("batch-root", false), ("first", true), ("block:300", true)] {
            let golden = ["tree-1-history", "tree-1"].map(|name| {
                let files = [&format!("{name}.sltree"), "archive-v3.slmsg"];
                look_up(files, &["--message", &hash, "--target", target])
            });
            assert_eq!(golden, [Some(false), Some(is_searched)], "{target}");
        }
    }
}
