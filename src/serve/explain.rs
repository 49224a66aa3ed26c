//! `slproof_explain`: why a log can be proven or not.

use serde_json::{Value, json};

use super::{
    batches::executing_block,
    data::Data,
    proofs::{Form, Root, Wanted},
};
use crate::{
    archive::LogAt,
    proof::{Failure, Target},
};

impl Data {
    /// What is known of a log, and for each root that clients ask for whether there is a proof.
    pub(super) fn explain(&self, at: LogAt<'_>) -> Value {
        let (chain, batch) = at.batch.key();
        let roots = [("l1BatchRoot", Root::L1), ("messageRoot", Root::Of(Target::First))];
        let wanted = roots.map(|(_, root)| Wanted { at, root, form: Form::Record });
        let targets =
            roots.iter().zip(self.prove(&wanted)).map(|((name, _), proven)| match proven {
                Ok(_) => json!({"target": name, "provable": true}),
                Err(Failure { code, message }) => {
                    json!({"target": name, "provable": false, "code": code, "message": message})
                }
            });
        let targets: Vec<Value> = targets.collect();
        let layer = self.layers_with(chain, batch).next();
        json!({
            "found": true,
            "chainId": chain,
            "batchNumber": batch,
            "id": at.index,
            "executedOn": layer.and_then(|layer| layer.trees.forest()).map(|forest| forest.sl_chain()),
            "executedInBlock": layer.and_then(|layer| executing_block(&layer.trees, chain, batch)),
            "targets": targets,
        })
    }

    /// The explanation for a log that is not in the archive.
    pub(super) fn explain_absence(failure: &Failure) -> Value {
        json!({"found": false, "code": failure.code, "message": failure.message})
    }
}
