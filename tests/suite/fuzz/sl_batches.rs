use slproof::{ingest::sl_batches::read_sl_batches_input, primitives::ChainId};

/// The batches of a settlement layer are read, or the line at fault is named.
pub(super) fn run(data: &[u8]) {
    let Some(input) = super::input("batches", data) else { return };
    match read_sl_batches_input(input, ChainId(506)) {
        Ok(batches) => {
            let Some((first, last)) = batches.range() else { return };
            for number in [first, last] {
                let batch = batches.batch(number).unwrap();
                assert_eq!(batch.batch(), number);
                assert!(batch.blocks().start() <= batch.blocks().end());
            }
        }
        Err(error) => super::explain(&error),
    }
}
