use slproof::ingest::l1::L1Reader;

/// Transactions in any form are read without a panic, and give batches in ascending order that have their pubdata.
pub(super) fn run(data: &[u8]) {
    let Some(input) = super::input("transactions", data) else { return };
    let mut reader = L1Reader::default();
    if let Err(error) = reader.read(input) {
        super::explain(&error);
    }
    let chains = reader.finish();
    chains.faults().iter().for_each(|fault| super::explain(fault));
    for commits in chains.chains() {
        assert!(commits.batches().is_sorted_by(|one, next| one.batch < next.batch));
        for (range, reason) in commits.gaps() {
            assert!(range.start() <= range.end() && commits.batch(*range.start()).is_none());
            super::explain(&reason);
        }
    }
}
