use slproof::{
    TrustedRoots,
    primitives::{ChainId, Hash},
    proof::reader::Defaults,
    records::{Entries, Verdicts},
};

/// A file of records gets verdicts on its lines, in their order, or one error.
pub(super) fn run(data: &[u8]) {
    let Some(input) = super::input("proofs", data) else { return };
    let defaults = Defaults { chain: Some(ChainId(324)), ..Defaults::default() };
    let entries = match Entries::open(input, &defaults) {
        Ok(entries) => entries,
        Err(error) => {
            return super::explain_coded(error.code(), &error);
        }
    };
    let mut verdicts = Verdicts::new(entries, defaults, TrustedRoots::Root(Hash::ZERO));
    let mut last = 0;
    loop {
        match verdicts.next_chunk() {
            Ok(lines) if lines.is_empty() => return,
            Ok(lines) => {
                for line in lines.into_iter().flatten() {
                    // Several records may stand on one line.
                    assert!(line.line >= last, "line {} after line {last}", line.line);
                    last = line.line;
                    assert_eq!(line.error.is_none(), line.valid == Some(true));
                    serde_json::to_vec(&line).unwrap();
                }
            }
            Err(error) => return super::explain(&error),
        }
    }
}
