//! The roots by block.

use std::{collections::BTreeMap, fmt::Write};

use serde::{Deserialize, Serialize};

use super::{
    PublishError,
    batch::{BatchFile, Shared},
    files::Directory,
};
use crate::{
    primitives::{ChainId, Hash, SlBlock},
    proof::{CheckedBy, TargetRecord},
    prove::Trees,
};

/// The most roots of the file that the page reads.
pub const MOST_PLOTTED: usize = 1000;

/// The file that the page reads.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Plot {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sl_chain_id: Option<ChainId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    checked_by: Option<CheckedBy>,
    /// How many roots there are.
    count: usize,
    /// Of these every k-th, counted back from the newest; k is the smallest number that gives no more than allowed.
    roots: Vec<Root>,
}

/// A block, its root, and the number of chains in the shared tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Root(SlBlock, Hash, u64);

/// The two files: that of the page, and all roots as lines.
pub(super) struct RootFiles {
    pub(super) plot: Vec<u8>,
    pub(super) all: String,
    sl_chain: Option<ChainId>,
}

impl RootFiles {
    /// The roots of trees; there are none without a history.
    pub(super) fn of(trees: &Trees) -> Self {
        let (mut plot, mut all) = (Plot::default(), String::new());
        if let Some((timeline, forest)) = trees.history().ok().zip(trees.forest()) {
            (plot.sl_chain_id, plot.checked_by) = (Some(forest.sl_chain()), trees.checked_by());
            for block in &timeline.history().blocks {
                let Some(root) = timeline.at(*block).map(|at| timeline.root(at)) else { continue };
                // Writing to a string cannot fail.
                let _ = writeln!(all, "{} {} {}", root.block, root.root, root.chains);
            }
        }
        (plot.count, plot.roots) = thinned(&all);
        // Cannot fail: all members are numbers, texts and lists.
        Self {
            plot: serde_json::to_vec(&plot).unwrap_or_default(),
            all,
            sl_chain: plot.sl_chain_id,
        }
    }

    /// The roots in the files.
    pub(super) fn listed(&self) -> ListedRoots {
        ListedRoots::of(self.sl_chain, &self.all)
    }
}

/// The number of roots in lines, and those that are plotted.
fn thinned(all: &str) -> (usize, Vec<Root>) {
    let count = all.lines().count();
    let every = count.div_ceil(MOST_PLOTTED).max(1);
    let first = count.saturating_sub(1) % every;
    (count, all.lines().skip(first).step_by(every).filter_map(parse_line).collect())
}

fn parse_line(line: &str) -> Option<Root> {
    let mut words = line.split(' ');
    let root = Root(
        SlBlock(words.next()?.parse().ok()?),
        words.next()?.parse().ok()?,
        words.next()?.parse().ok()?,
    );
    words.next().is_none().then_some(root)
}

/// The roots in the lists.
pub(super) struct ListedRoots {
    sl_chain: Option<ChainId>,
    by_block: BTreeMap<SlBlock, Hash>,
}

impl ListedRoots {
    fn of(sl_chain: Option<ChainId>, all: &str) -> Self {
        let lines = all.lines().filter_map(parse_line);
        Self { sl_chain, by_block: lines.map(|Root(block, root, _)| (block, root)).collect() }
    }

    /// Refuses a batch whose proofs lead to another root of a block than the lists have.
    pub(super) fn accept(&self, file: &BatchFile) -> Result<(), PublishError> {
        let Shared::Proof { target, .. } = &file.targets.message_root else { return Ok(()) };
        let Some((block, given)) = self.other_than(target) else { return Ok(()) };
        let (chain, batch, published) = (file.chain_id, file.batch_number, target.root);
        Err(PublishError::OtherHistory { chain, batch, block, published, given })
    }

    /// The block of a target and its root, if this is another one. A proof that an earlier run published may lead to a block
    /// that is not in the lists.
    pub(super) fn other_than(&self, target: &TargetRecord) -> Option<(SlBlock, Hash)> {
        let block = SlBlock(target.number?);
        let listed = self.by_block.get(&block).map(|root| (block, *root));
        listed.filter(|(_, root)| target.sl_chain_id == self.sl_chain && *root != target.root)
    }
}

/// Checks that the two files have the same roots, and returns them.
pub(super) fn check(
    directory: &Directory,
    (plot_name, plot): (&str, &[u8]),
    (all_name, all): (&str, &[u8]),
) -> Result<ListedRoots, PublishError> {
    let plot: Plot = serde_json::from_slice(plot)
        .map_err(|error| directory.damaged(plot_name, error.to_string()))?;
    let all = String::from_utf8_lossy(all);
    if let Some(line) = all.lines().find(|line| parse_line(line).is_none()) {
        let line: String = line.chars().take(80).collect();
        return Err(directory.damaged(all_name, format!("{line:?} is not a line of a root")));
    }
    if (plot.count, plot.roots) != thinned(&all) {
        return Err(directory.damaged(plot_name, format!("it has other roots than {all_name}")));
    }
    Ok(ListedRoots::of(plot.sl_chain_id, &all))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The newest root is plotted, and no more than allowed.
    #[test]
    fn roots_are_thinned_from_the_newest_on() {
        for (count, plotted, oldest) in [
            (0, 0, None),
            (1, 1, Some(0)),
            (1000, 1000, Some(0)),
            (1001, 501, Some(0)),
            (2500, 834, Some(0)),
            (2501, 834, Some(1)),
        ] {
            let all: String =
                (0..count).map(|block| format!("{block} {} 3\n", Hash::ZERO)).collect();
            let (found, roots) = thinned(&all);
            assert_eq!((found, roots.len()), (count, plotted));
            assert_eq!(roots.first().map(|root| root.0.0), oldest, "{count}");
            assert_eq!(roots.last().map(|root| root.0.0 + 1), (count > 0).then_some(count as u64));
        }
    }
}
