use slproof::{
    archive::{Archive, LogAt},
    message::BatchView,
};

use crate::support::container::Parts;

/// The most batches whose logs are looked up.
const MOST_BATCHES: usize = 8;

/// An archive with arbitrary sections is refused, or every way to its logs leads to the same logs.
pub(super) fn run(data: &[u8]) {
    let like = Parts::of(include_bytes!("../../../fixtures/golden/archive-v1.slmsg"));
    let Some(container) = super::mended::container(&like, data) else { return };
    let archive = match Archive::of(container) {
        Ok(archive) => archive,
        Err(error) => return super::explain(&error),
    };
    let checked = archive.check();
    if let Err(error) = &checked {
        super::explain(error);
    }
    let is_sound = checked.is_ok();
    let batches: Vec<_> = archive.batches().collect();
    let chains =
        archive.chains().map(|chains| chains.iter().map(|chain| chain.batches).sum::<u64>());
    assert!(chains.map_or(!is_sound, |count| count == batches.len() as u64));
    assert!(!is_sound || batches.iter().all(Result::is_ok));
    let keys = |batches: &[Result<BatchView<'_>, _>]| -> Vec<_> {
        batches.iter().flatten().map(BatchView::key).collect()
    };
    let shares: Vec<_> = (0..3).flat_map(|part| archive.share(.., part, 3)).collect();
    assert!(!is_sound || keys(&shares) == keys(&batches));
    for batch in batches.iter().flatten().take(MOST_BATCHES) {
        let (chain, number) = batch.key();
        let found = archive.batch(chain, number);
        assert!(!is_sound || found.is_ok_and(|found| found == Some(*batch)));
        assert!(
            !is_sound
                || archive
                    .logs_in((chain, number)..=(chain, number))
                    .is_ok_and(|count| count == batch.logs().len() as u64)
        );
        let _ = batch.tree().root();
        for (index, log) in (0..).zip(batch.logs()).take(MOST_BATCHES) {
            let is_it = |at: &LogAt<'_>| at.batch.key() == batch.key() && at.index == index;
            if log.is_message() {
                let found: Vec<_> = archive.find_message(log.value()).collect();
                assert!(!is_sound || found.iter().flatten().any(is_it));
            }
            if let Some(hash) = batch.transactions().get(index as usize) {
                let found: Vec<_> = archive.find_transaction(*hash).collect();
                assert!(!is_sound || found.iter().flatten().any(is_it));
            }
        }
    }
}
