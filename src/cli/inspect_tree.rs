//! The description of a tree file.

use std::fmt::Write;

use serde_json::{Value, json};

use super::{
    history::{all_runs, executed_here, pairs},
    rebuild::interop_root,
    report::count,
};
use crate::forest::TreeFile;

pub(super) fn tree_file(file: &TreeFile) -> (Value, String) {
    let forest = file.forest();
    let (roots, explained) = file.roots();
    let block = file.block().map_or("unknown".into(), |block| block.to_string());
    let lost = match file.lost() {
        0 => String::new(),
        lost => format!(" and {} are missing in the state", count(lost)),
    };
    let mut text = format!(
        "{}: tree file\nblock {block}\nsettlement layer {}, release {}: {} chains, {} batches\n\
         shared tree of height {}, root {}\n{} roots by block, of which {} are explained{lost}\n",
        file.container().name(),
        forest.sl_chain(),
        forest.layout(),
        forest.chains().len(),
        count(forest.batch_count()),
        forest.shared().height(),
        forest.root(),
        count(roots),
        count(explained),
    );
    for (name, range) in file.container().sections() {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "section {:<9} bytes {} to {}",
            name.to_string(),
            range.start,
            range.end
        );
    }
    text.push_str(&executed_here(forest));
    let chains: Vec<Value> = forest
        .chains()
        .iter()
        .map(|tree| {
            json!({
                "chainId": tree.chain(),
                "count": tree.batches().len(),
                "batches": pairs(&all_runs(tree)),
            })
        })
        .collect();
    let value = json!({
        "kind": "tree",
        "block": file.block(),
        "slChainId": forest.sl_chain(),
        "release": forest.layout().to_string(),
        "batches": forest.batch_count(),
        "root": forest.root(),
        "roots": roots,
        "explainedRoots": explained,
        "lostRoots": file.lost(),
        "interopRoot": forest.latest().map(interop_root),
        "chains": chains,
    });
    (value, text)
}
