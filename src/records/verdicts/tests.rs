use std::io::Cursor;

use super::*;
use crate::{
    files::Input,
    proof::{
        CheckedBy, ProofRecord, TargetKind, TargetRecord,
        reader::{Item, parse},
    },
};

/// The number of a line, and whether its proof is valid. `None` for the record of a failed request.
type Line = Option<(u64, Option<bool>)>;

const FAILURE: &str =
    r#"{"request":{"message":"0x"},"error":{"code":"message-not-found","message":""}}"#;

/// A record of a message against the root of a block.
fn record() -> ProofRecord {
    let text = std::fs::read("fixtures/gateway-v31/record.json").unwrap();
    ProofRecord { checked_by: Some(CheckedBy::STATE), ..serde_json::from_slice(&text).unwrap() }
}

fn text(record: &ProofRecord) -> String {
    serde_json::to_string(record).unwrap()
}

/// The verdicts on lines in a pool of this number of threads.
fn judged(lines: &[&str], roots: &TrustedRoots, threads: usize) -> Result<Vec<Line>, String> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| {
        // A thread that waits for verdicts finds the pool's other work first.
        rayon::spawn_fifo(|| ());
        let text = lines.join("\n");
        let input = Input::from_reader("test", Cursor::new(text.into_bytes())).unwrap();
        let entries = Entries::open(input, &Defaults::default()).unwrap();
        let mut verdicts = Verdicts::new(entries, Defaults::default(), roots.clone());
        let mut all = Vec::new();
        loop {
            let chunk = verdicts.next_chunk().map_err(|error| error.to_string())?;
            if chunk.is_empty() {
                return Ok(all);
            }
            all.extend(chunk.into_iter().map(|line| line.map(|line| (line.line, line.valid))));
        }
    })
}

/// What the verifier of single proofs says.
fn alone(line: &str, roots: &TrustedRoots) -> Option<Option<bool>> {
    match parse(line.as_bytes(), &Defaults::default()) {
        Ok(Item::Proof(record, log)) => Some(roots.judge(&record, &log).unwrap().0.validity()),
        Ok(Item::Failure) => None,
        Ok(Item::Leaf(_)) => panic!("{line}"),
        Err(error) => Some(crate::proof::Verdict::from(error).validity()),
    }
}

/// A row group may have no rows.
#[test]
fn a_part_without_verdicts_is_not_the_end() {
    let record = record();
    let roots = TrustedRoots::Root(record.target.unwrap().root);
    let input = Input::from_reader("test", Cursor::new(text(&record).into_bytes())).unwrap();
    let entries = Entries::open(input, &Defaults::default()).unwrap();
    let mut verdicts = Verdicts::new(entries, Defaults::default(), roots);
    verdicts.parts.push_back(Part::Done(Ok(Vec::new())));
    let chunk = verdicts.next_chunk().unwrap();
    let valid: Vec<_> = chunk.into_iter().map(|line| line.unwrap().valid).collect();
    assert_eq!(valid, [Some(true)]);
    assert!(verdicts.next_chunk().unwrap().is_empty());
}

/// Lines of several parts, and of several that are read at once.
#[test]
fn lines_have_their_verdicts_in_order_for_any_number_of_threads() {
    let record = record();
    let roots = TrustedRoots::Root(record.target.unwrap().root);
    let exact = text(&record);
    let named_otherwise = exact.replace("\"chainId\"", "\"chain_id\"");
    let other_log = text(&ProofRecord { id: 3, ..record.clone() });
    let other_root = text(&ProofRecord { target: None, root: record.proof[1], ..record });
    let (exact, other_log, other_root) = (exact.as_str(), other_log.as_str(), other_root.as_str());
    let damaged = r#"{"proof":"none"}"#;
    let kinds = [exact, &named_otherwise, FAILURE, exact, other_log, other_root, damaged];
    let expected = kinds.map(|line| alone(line, &roots));
    let (yes, no) = (Some(Some(true)), Some(Some(false)));
    assert_eq!(expected, [yes, yes, None, yes, no, no, no]);

    let failures = 18 * SEGMENT / kinds.len();
    let mut lines: Vec<&str> = kinds.into_iter().cycle().take(SEGMENT + 30).collect();
    lines.extend(std::iter::repeat_n(FAILURE, failures * kinds.len()));
    lines.extend(kinds);
    let expected: Vec<Line> = (1..)
        .zip(&lines)
        .map(|(number, line)| {
            let at = kinds.iter().position(|kind| kind == line).unwrap();
            expected[at].map(|valid| (number, valid))
        })
        .collect();
    for threads in [1, 3] {
        assert!(judged(&lines, &roots, threads).as_ref() == Ok(&expected), "{threads} threads");
    }
}

/// What stands before the first record is judged with it, if it is not too much.
#[test]
fn only_beside_records_are_other_lines_damaged_proofs() {
    let record = record();
    let roots = TrustedRoots::Root(record.target.unwrap().root);
    let exact = text(&record);
    let mut lines = vec!["{}"; 2 * SEGMENT];
    let error = judged(&lines, &roots, 2).unwrap_err();
    assert!(error.contains("test"), "{error}");
    lines.push(&exact);
    let found = judged(&lines, &roots, 2).unwrap();
    assert_eq!(found.len(), lines.len());
    assert_eq!(found.last(), Some(&Some((lines.len() as u64, Some(true)))));
    assert_eq!(found[0], alone("{}", &roots).map(|valid| (1, valid)));
}

/// The state has the root of block 214 of the layer. It takes no proof against a batch: only L1 does (`only-l1`).
#[test]
fn a_root_that_is_known_for_one_target_is_not_that_of_another() {
    let state = "fixtures/gateway-v31/state.anvil.json";
    let roots = TrustedRoots::open(state, &Default::default()).unwrap();
    let record = record();
    let target = record.target.unwrap();
    let to_batch = TargetRecord { kind: TargetKind::SlBatch, ..target };
    let (to_block, to_batch) =
        (text(&record), text(&ProofRecord { target: Some(to_batch), ..record }));
    let lines = [&to_block, &to_block, &to_batch, &to_batch, &to_block].map(String::as_str);
    let valid: Vec<_> = judged(&lines, &roots, 1)
        .unwrap()
        .into_iter()
        .map(|line| line.and_then(|(_, valid)| valid))
        .collect();
    assert_eq!(valid, [Some(true), Some(true), Some(false), Some(false), Some(true)]);
    assert_eq!(lines.map(|line| alone(line, &roots).unwrap()), valid[..]);
}
