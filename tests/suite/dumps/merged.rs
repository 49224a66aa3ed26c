//! Dumps that are merged must be of the same state.

use std::{collections::BTreeMap, fs, path::PathBuf};

use crate::support::{binary::run, fixture};
use alloy_primitives::{B256, U256};
use alloy_trie::root::storage_root_unhashed;
use serde_json::{Value, json};
use slproof::{
    files::Access,
    forest::{RebuildOptions, rebuild},
    ingest::state::{self, Import, ImportError, Note},
    primitives::{Address, SlBlock, Word},
    snapshot::Snapshot,
    state::StorageReader,
};

const ACCOUNT: &str = "0x00000000000000000000000000000000000abcde";

/// The account as `geth dump` writes it, with these slots. Its root is computed by alloy-trie.
fn account(slots: &[(u64, u64)]) -> Value {
    let trie =
        slots.iter().map(|(slot, value)| (B256::from(U256::from(*slot)), U256::from(*value)));
    let storage: BTreeMap<_, _> = slots
        .iter()
        .map(|(slot, value)| (format!("0x{slot:064x}"), format!("{value:02x}")))
        .collect();
    json!({
        "balance": "0",
        "nonce": 1,
        "root": storage_root_unhashed(trie).to_string(),
        "codeHash": format!("0x{}", "11".repeat(32)),
        "storage": storage,
    })
}

fn dump(account: &Value) -> String {
    json!({"root": format!("0x{}", "22".repeat(32)), "accounts": {ACCOUNT: account}}).to_string()
}

#[test]
fn two_roots_of_one_account_are_refused_though_the_slots_agree() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let write = |name: &str, text: String| -> PathBuf {
        fs::write(path(name), text).unwrap();
        path(name)
    };
    let later = account(&[(1, 7), (2, 8)]);
    let mut rootless = later.clone();
    rootless.as_object_mut().unwrap().remove("root");
    let earlier = write("earlier.json", dump(&account(&[(1, 7)])));
    let nothing = write("nothing.json", dump(&account(&[])));
    let again = write("again.json", dump(&later));
    let rootless = write("rootless.json", dump(&rootless));
    let later = write("later.json", dump(&later));

    let target = path("out.slsnap");
    let join = |one: &PathBuf, other: &PathBuf| {
        Import::default().to_file(&[one.clone(), other.clone()], &target)
    };
    for one in [&earlier, &nothing] {
        for [first, second] in [[one, &later], [&later, one]] {
            let error = join(first, second).unwrap_err();
            let words = error.to_string();
            let ImportError::StorageRoots { account, first_root, second_root, .. } = error else {
                panic!("{words}")
            };
            assert_ne!(first_root, second_root);
            assert!(words.contains(ACCOUNT), "{words}");
            assert_eq!(account.to_string(), ACCOUNT);
            let place = |path: &PathBuf| words.find(path.to_str().unwrap()).unwrap();
            assert!(place(first) < place(second), "{words}");
            assert!(!target.exists());
        }
    }
    // Dumps with equal roots or without roots are merged.
    for other in [&again, &rootless] {
        join(&later, other).unwrap();
        let state = Snapshot::open(&target, Access::Map).unwrap();
        let account: Address = ACCOUNT.parse().unwrap();
        assert_eq!(state.read(account, Word::from(2)), Ok(Word::from(8)));
        fs::remove_file(&target).unwrap();
    }
    join(&earlier, &rootless).unwrap();

    let args = [&earlier, &later].map(|path| path.to_str().unwrap());
    let refused = run(["import", args[0], args[1], "-o", target.to_str().unwrap()]);
    assert_eq!(refused.code, Some(3), "{}", refused.stderr);
    assert!(refused.stderr.contains("not of the same state"), "{}", refused.stderr);
}

/// If the dumps were of different blocks, slots that were cleared in between would reappear.
#[test]
fn dumps_of_two_blocks_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let later = fixture("gateway-v29/state.anvil.json");
    let text = fs::read_to_string(&later).unwrap();
    let block = state::read_state(&later, None).unwrap().state.block().unwrap().0;
    let (number, other) = (format!("\"number\":\"{block:#x}\""), "\"number\":\"0x7\"");
    let earlier = folder.path().join("earlier.json");
    fs::write(
        &earlier,
        text.replace(&number, other)
            .replace(&format!("\"best_block_number\":{block}"), "\"best_block_number\":7"),
    )
    .unwrap();
    assert_eq!(state::read_state(&earlier, None).unwrap().state.block(), Some(SlBlock(7)));
    let target = folder.path().join("both.slsnap");
    let joined = Import::default().to_file(&[later.clone(), earlier], &target);
    let refused = matches!(joined, Err(ImportError::TwoBlocks { second_block: SlBlock(7), .. }));
    assert!(refused, "{joined:?}");
    assert!(!target.exists());
    Import::default().to_file(&[later.clone(), later], &target).unwrap();
}

/// The same slot can be given by number and by hash, which is not detected before the dumps are read.
#[test]
fn slots_in_two_forms_are_kept_in_both_and_not_counted() {
    let folder = tempfile::tempdir().unwrap();
    let forms = ["geth.dump.json.gz", "geth.dump.no-addr-preimage.json.gz"];
    let dumps = forms.map(|name| fixture(&format!("gateway-v29/{name}")));
    let target = folder.path().join("both.slsnap");
    let joined = Import::default().to_file(&dumps, &target).unwrap();
    assert!(joined.notes.contains(&Note::TwoForms), "{:?}", joined.notes);
    let state = Snapshot::open(&target, Access::Map).unwrap();
    assert_eq!(state.accounts(), None);
    rebuild(&state, &RebuildOptions::default()).unwrap();
}
