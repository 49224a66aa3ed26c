use crate::{
    anchor::SettlementCheck,
    forest::{BridgedEnd, BridgedRoot},
};

/// A target after missing batches of the settlement layer.
#[derive(Clone, Copy, Debug)]
pub(super) enum BridgedTarget<'f> {
    /// The root of a batch of the settlement layer, and L1's state if it was given.
    SlBatch(&'f BridgedEnd, Option<&'f dyn SettlementCheck>),
    /// An interop root of a batch of the settlement layer.
    Block(&'f BridgedEnd, &'f BridgedRoot),
    /// The newest interop root that contains the batch, where there is none before the missing batches.
    Latest,
}
