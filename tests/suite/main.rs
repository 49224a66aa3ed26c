//! The integration tests, as one binary: a test belongs in the module whose line describes it.
#![allow(unreachable_pub, clippy::unwrap_used, clippy::panic)]

/// What the tests share: oracles, writers of input formats, and the binary run as a user runs it.
mod support;

/// Layers of modules, lengths of files, names, and where `unsafe` is allowed.
mod source_layout;

/// What the fuzzers run; one file for each target.
mod fuzz;

/// The inputs of every fuzzer's corpus, run without a fuzzer.
mod fuzz_corpus;

/// State dumps: reading, detecting, merging and refusing them.
mod dumps {
    /// Every dump format gives the same snapshot; damaged and mixed dumps are refused.
    mod import;

    /// Snapshots of zksync-era nodes: both versions, any order, zeros, missing and wrong records.
    mod era;

    /// Tables of databases: every notation, rows of several blocks, and accounts that are given.
    mod tables;

    /// Large tables give the same snapshot, or the same first error, on any number of threads.
    mod threads;

    /// Dumps that are merged must be of the same state.
    mod merged;

    /// Cut, altered and oversized dumps: a clear error, no panic, bounded memory.
    mod hostile;
}

/// Merkle trees, rebuilding them from state, and the history of their roots.
mod trees {
    /// The tree algorithms against a naive implementation and against the contract's algorithm.
    mod merkle;

    /// Every dump of every release gives the roots that the contracts returned.
    mod rebuild;

    /// The events of MessageRoot alone give the same trees; missing and altered events are detected.
    mod events;

    /// L1 upgraded from v31 to v33: random histories against a model of the contract.
    mod l1_upgraded;

    /// Events as nodes, block explorers and data exporters write logs are the same events.
    mod event_forms;

    /// Unusual states of the deployed contracts, one test each.
    mod edge_cases;

    /// A stored node that differs is named, with the batches below it.
    mod stored_nodes;

    /// The chains and batches in every past root, against the contracts' events.
    mod history;

    /// The blocks of writes show what past roots contain, without a search.
    mod written_blocks;

    /// Events from pipes, events that go on after a state, and events that lack roots.
    mod event_inputs;

    /// Events, states and files of L1 that contradict themselves or each other about roots and timestamps of blocks.
    mod contradictions;

    /// Evidence of two times: what is whole up to a block refutes what it lacks up to there, and only that.
    mod two_times;

    /// Events that begin late, end early or lack some, beside trees: they explain past roots and destroy nothing.
    mod partial_events;

    /// The history is the same for any number of threads.
    mod history_threads;

    /// The memory that a history of many roots takes.
    #[cfg(target_os = "linux")]
    mod history_memory;

    /// Small inputs that contain large numbers: the work is bounded.
    mod slow;

    /// The synthesized settlement layer against the storage that the real contracts wrote.
    mod synthesize;
}

/// L2→L1 logs and messages: the sources that `index` reads.
mod logs {
    /// Receipts, pubdata and database tables give the same proofs.
    mod sources;

    /// Events of L1Messenger in place of `l2ToL1Logs`; batches that are found by their roots.
    mod event_leaves;

    /// Logs in the transactions that execute batches on a settlement layer of v31.
    mod executions;

    /// The same events in the tables, Parquet files and pages of exporters.
    mod exported_events;

    /// The names and spellings of every client; receipts that came too early; raw archives over several lines.
    mod spellings;

    /// The files, directories, lists and flags that `index` accepts.
    mod index_inputs;

    /// Large raw archives: the same bytes and the same faults from any number of threads.
    mod index_threads;

    /// Damaged receipts, pubdata and rows: only the damaged batch is excluded.
    mod damaged_sources;

    /// Damaged rows and receipts that do not name their batch.
    mod damaged_rows;

    /// Damaged files beside others: wherever the damage lies, they are left out and named.
    mod damaged_files;
}

/// A settlement layer from L1 alone.
mod l1 {
    /// Blobs in every form, against pubdata and blobs that the node's code made.
    mod blobs;

    /// What receipts and events tell: in files of their own, beside the calldata, or alone.
    mod receipts;

    /// Calldata of commits, executions and reverts, against what the node's encoder wrote.
    mod calldata;

    /// Encodings of other releases and chains, and every check of the decoder.
    mod encodings;

    /// The right commits from the answers of nodes, with every loss and damage.
    mod commits;

    /// Calls that anybody can send, to another contract than the diamond.
    mod forged_calls;

    /// Tables and pages of exporters give the same batches; rows that cannot be used are named.
    mod exports;

    /// The pubdata of the batches, against what the node's code wrote.
    mod pubdata;

    /// Trees from the batches of a settlement layer.
    mod trees;

    /// Proofs from L1 alone.
    mod proofs;

    /// What each loss on L1 costs: commits, blobs and executions that are missing, changed or swapped.
    mod losses;

    /// Proofs after a batch of the settlement layer that is missing on L1: which roots contain a batch, and what L1 accepts.
    mod after_losses;

    /// L1 with missing batches beside a state or events, and tree files of it.
    mod lost_beside;

    /// What `history` and `first` say of roots by block that are lost with a batch of the settlement layer.
    mod lost_roots;

    /// No file is read more often than it has to be, and an archive not once for each of its files.
    mod reads;
}

/// Files in slproof's own formats: content, damage, killed writers, full disks.
mod native_files {
    /// The snapshot (`.slsnap`).
    mod snapshot;

    /// The message archive (`.slmsg`).
    mod archive;

    /// The bytes of message archives, by the documented format alone.
    mod archive_bytes;

    /// Message archives with rows out of order.
    mod archive_order;

    /// The tree file (`.sltree`).
    mod tree_file;

    /// The versions of tree files and message archives that v33 needs.
    mod since_v33;

    /// Damaged and forged tree files, and tree files whose writer was killed or failed.
    mod damaged_tree_file;
}

/// Proofs, their verification, and the formats they are written in.
mod proofs {
    /// v33 with L1 as the settlement layer: proofs, refusals and leaves as the real contracts judged them.
    mod atomic_interop;

    /// Records of leaves of batch roots of eight leaves (v33).
    mod leaf_records;

    /// Proofs and verdicts against those of the real contracts.
    mod contract_proofs;

    /// Proofs against every target: the latest root, past roots, L1.
    mod targets;

    /// Claims under the names of SDKs and contracts, and calldata alone.
    mod claims;

    /// Each check of the decoder and of the verifier, with its own error.
    mod verifier;

    /// Verdicts in bulk against those on each record alone.
    mod bulk_verdicts;

    /// Which proofs the contracts in a state accept: every check on settlement layers, by release.
    mod anchors;

    /// Anchors that are proofs: answers of `eth_getProof` for one trusted block.
    mod state_proofs;

    /// Proofs through the settlement layer's batch in which a batch was executed.
    mod first_sl_batch;

    /// Batch roots of a settlement layer that was upgraded in place from v29 to v31.
    mod upgraded_layer;

    /// Proofs that end in the paths that a node stored.
    mod stored_paths;

    /// The conformance tests, run on the binary and on a second verifier.
    mod conformance;

    /// The types at the root of the crate: shared between threads, with sinks and cancellation.
    mod library;

    /// Calldata, decoded by a test decoder and by `cast`.
    mod calldata;

    /// Parquet that is read back, and compressed files, read by other implementations.
    mod output_formats;

    /// Parquet read by pandas, Polars, DuckDB and pyarrow.
    mod parquet_readers;

    /// The page index: where a row is, by the reader of the parquet crate.
    mod parquet_index;

    /// Parquet files of other writers: encodings, pages and compressions.
    mod parquet_writers;

    /// Parquet files with false lengths and counts: a clear error, no panic, bounded memory and time.
    mod hostile_parquet;
}

/// The command `claims`: what a state of L1 says about withdrawals, and the calls that pay them out.
mod withdrawals {
    /// Withdrawals of a real Gateway, with states of L1 before and after payouts, by the rules of v29 and v31.
    mod gateway;

    /// Each check of L1Nullifier, with a case that passes and one that does not, by release.
    mod rules;

    /// Failed deposits, and the calls that return them.
    mod deposits;

    /// Which claims are selected, and their totals.
    mod selection;

    /// `needs`: the slots of L1 that decide on proofs and on their payouts.
    mod needed;
}

/// `serve`: JSON-RPC for existing clients.
mod serve {
    /// Answers beside recorded ones of real clients, nulls, errors, arrays, and proofs that contracts accepted.
    mod answers;

    /// The page: what it folds and refuses, and evidence in one file.
    mod page;

    /// The page in Chromium: what a person finds, sees, copies and changes.
    mod browser;

    /// Bundles with proofs of slots of L1, and their script.
    mod evidence;

    /// What the script of a bundle says about states of L1, beside what contracts and `verify` say.
    mod l1_rules;

    /// Published directories: a plain client, changed files.
    mod published;

    /// Later runs of `publish`, and interrupted ones.
    mod published_again;

    /// Directories with files that `publish` did not write, and with contents that a client refuses.
    mod published_foreign;

    /// A server of an archive of which parts were left out, and of several settlement layers.
    mod left_out;

    /// Real clients, with the versions that `tests/clients/` pins.
    mod clients;

    /// The unit for systemd: its commands, and what systemd says about it.
    mod packaged;

    /// The methods beside proofs of transactions: records, claims, addresses, batches and explanations.
    mod methods;

    /// Logs by their sender and by who gets them on L1.
    mod addresses;

    /// Limits, slow clients, replaced files, signals and restarts.
    mod connections;

    /// Clients that break off, send nonsense or are slow; signals and kills under load.
    mod hostile;
}

/// The binary as a user runs it.
mod command_line {
    /// What was left out of an archive, in the summaries and exit codes of the commands.
    mod left_out;

    /// Logs of transactions by their position, and transactions that are not found.
    mod transactions;

    /// Names of files that look like lines or control the terminal.
    mod names_of_files;

    /// The call and the contract of each log in `--format calldata`.
    mod calls;

    /// `recheck`: what L1 says today about proofs that were made before.
    mod recheck;

    /// `rebuild --anchor`: the trees against the roots that L1 stores.
    mod compared_with_l1;

    /// `--network`, and the command that prints what it sets.
    mod networks;
    /// `verify --trust-block` and `needs`: which block is trusted, and what to ask a node for.
    mod trusted_block;

    /// Outputs, exit codes and pipes of every command.
    mod commands;

    /// `prove` for many requests: selection, failures, shards.
    mod bulk;

    /// Shards of every format, the variables of schedulers, and `--failures`.
    mod shards;

    /// `prove` and `verify` with every proof format.
    mod prove_formats;

    /// Verdicts of `verify`: valid, invalid, cannot be judged.
    mod verdicts;

    /// What `verify` and `inspect` take for proofs: damaged lists, answers that are lists, claims of SDKs, pages.
    mod proof_inputs;

    /// Jobs that are interrupted and resumed.
    mod interrupted;

    /// Links, pipes and directories planted under the names of files beside an output.
    mod planted;

    /// Named pipes as inputs.
    mod pipes;

    /// Inputs that are compressed, packed or in UTF-16; answers of nodes that give nothing.
    mod wrapped_inputs;

    /// Flags that all commands share, names of flags, numbers, help, and what errors say.
    mod interface;

    /// JSON results, summaries and errors against their schemas.
    mod schemas;

    /// `survey`, and directories as inputs of every command.
    mod directories;
    /// Tar archives in place of directories.
    mod packed_directories;
    /// Directories with several states, tree files and kinds of evidence.
    mod several_evidence;
}

/// The programs of `examples/`, run on fixtures.
mod examples;

/// The manual: commands, flags and codes are those of the program, files and names those of the source.
mod manual;

/// A failure of every system call, one at a time.
mod faults {
    /// Every command that writes a file, with a fault in each of its system calls in turn.
    mod system_calls;
}

/// What users can rely on, one test for each guarantee.
mod guarantees;
