use slproof::{
    keccak::keccak256,
    message::L2ToL1Log,
    primitives::{BatchNumber, ChainId, Hash, Word},
    proof::{
        DecodeError, Proof, ProofEnd, SettlementHop,
        verify::{Claim, VerifyError, fold},
    },
};

/// Words that decode encode to the same words; the decoder and the verifier, which share no code, accept the
/// same words; and every proof is read back from its words.
pub(super) fn run(data: &[u8]) {
    let (words, rest) = data.as_chunks::<32>();
    let words: Vec<Hash> = words.iter().map(|word| Hash::new(*word)).collect();
    let log = L2ToL1Log::new([1; 88]);
    let claim = Claim { chain: ChainId(324), batch: BatchNumber(7), index: 0, log: &log };
    let folded = fold(&claim, &words);
    match (Proof::decode(&words), &folded) {
        (Ok(proof), folded) => {
            assert_eq!(proof.encode(), words);
            if let Err(error) = folded {
                // The verifier also checks numbers against the lengths of paths.
                let about_paths = matches!(
                    error,
                    VerifyError::IndexOutOfBounds { .. } | VerifyError::PathTooLong { .. }
                );
                assert!(about_paths, "{error}");
            }
        }
        // The contracts take every flag other than 0 for the last node's, and allow a last node without metadata
        // in the second hop.
        (Err(DecodeError::Flag { .. } | DecodeError::NoMetadata { .. }), _) => {}
        // Nor does the decoder then tell that the words have a timestamp.
        (Err(_), Ok(folded)) if folded.l1_timestamp.is_some() && !has_timed_end(&words) => {}
        (Err(error), folded) => assert!(folded.is_err(), "decoding says {error}"),
    }
    let lens = rest.first_chunk().copied().unwrap_or([0; 4]);
    let proof = proof_of(lens, data);
    assert_eq!(Proof::decode(&proof.encode()), Ok(proof));
}

/// Whether the words, which have a timestamp, have metadata in the second hop.
fn has_timed_end(words: &[Hash]) -> bool {
    let [_, path, batch_path, ..] = *words[0].as_bytes();
    let at = usize::from(path) + usize::from(batch_path) + 5;
    words.get(at).is_some_and(|word| word.as_bytes()[4..] == [0; 28])
}

/// A proof with paths of these lengths and hashes that depend on the seed.
fn proof_of([form, log_path, batch_path, chain_path]: [u8; 4], seed: &[u8]) -> Proof {
    let start = keccak256(seed);
    let path = |len: u8| -> Vec<Hash> {
        (0..len).map(|at| keccak256(&[start.as_bytes(), &[at][..]].concat())).collect()
    };
    let (high, low) = Word::from(start).split();
    let end = match form % 3 {
        // The first word of a plain proof is a sibling, of which there is at least one.
        0 => return Proof { log_path: path(log_path.max(1)), end: ProofEnd::Plain },
        1 => ProofEnd::BatchRoot,
        _ => ProofEnd::SettlementLayer(SettlementHop {
            l1_timestamp: (form % 2 == 0).then(|| Word::from(u64::from(batch_path) + 1)),
            batch_mask: Word::from(start),
            batch_path: path(batch_path),
            sl_number: high,
            chain_mask: low,
            sl_chain: Word::from(start),
            chain_path: path(chain_path),
        }),
    };
    Proof { log_path: path(log_path), end }
}
