/// The changes of the trees from one interop root to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// The number of chains after the step.
    pub(super) chains: u32,
    /// The chains that appended batches, by chain index, with the number of batches.
    pub(super) advances: Vec<(u32, u64)>,
}
