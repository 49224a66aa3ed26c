use slproof::snapshot::Snapshot;

use crate::support::container::Parts;

/// A snapshot with arbitrary sections is refused, or trees are rebuilt from it or refused.
pub(super) fn run(data: &[u8]) {
    let mut like = Parts::of(include_bytes!("../../../fixtures/golden/snapshot-1-era.slsnap"));
    like.sections.push((*b"accounts", Vec::new()));
    let Some(container) = super::mended::container(&like, data) else { return };
    let state = match Snapshot::of(container) {
        Ok(state) => state,
        Err(error) => return super::explain(&error),
    };
    if let Err(error) = state.check() {
        super::explain(&error);
    }
    for at in 0..=state.entries().len() {
        assert!(state.first_write_at(at).is_none() || at < state.entries().len());
    }
    super::importing::trees(&state);
}
