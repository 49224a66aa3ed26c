use std::{
    fs::{self, File},
    path::Path,
    process::Stdio,
};

use serde_json::Value;
use slproof::{
    archive::{ArchiveWriter, Origin, Place},
    files::Access,
    ingest::logs::read_archive,
    message::BatchLogs,
    primitives::{BatchNumber, ChainId, Hash},
};

use crate::support::{
    self,
    binary::{self, Run, run, run_with_input},
    era, fixture,
    l1::{BRIDGEHUB, L1State},
    withdrawals::Withdrawals,
};

const STATE: &str = "gateway-v31/state.anvil.json";
const LOGS: &str = "gateway-v31/logs.jsonl.gz";

fn path(file: &str) -> String {
    fixture(file).to_str().unwrap().to_owned()
}

fn prove(rest: &[&str]) -> Run {
    let args =
        ["prove", "--tree", &path(STATE), "--messages", &path(LOGS), "-q"].map(str::to_owned);
    run(args.into_iter().chain(rest.iter().map(|arg| (*arg).to_owned())))
}

/// An archive of one batch in which each log has its own transaction; the hash of a message in it, and the
/// hash of the message's transaction.
fn with_transactions(folder: &Path) -> (String, String, String) {
    let archive = read_archive(&fixture(LOGS), Access::Map).unwrap();
    let batch = archive.batch(ChainId(324), BatchNumber(501_234)).unwrap().unwrap();
    let hashes = |count: usize| (1..=count).map(|n| Hash::new([n as u8; 32])).collect::<Vec<_>>();
    let logs = batch.logs().to_vec();
    let at = logs.iter().position(|log| log.is_message()).unwrap();
    let (message, transactions) = (logs[at].value(), hashes(logs.len()));
    let transaction = transactions[at];
    let messages = batch.messages().iter().collect();
    let batch =
        BatchLogs::new(batch.chain(), batch.batch(), logs, messages, batch.aggregated_root())
            .and_then(|logs| logs.with_transactions(transactions))
            .unwrap();
    let file = folder.join("logs.slmsg");
    let mut writer = ArchiveWriter::create(&file).unwrap();
    let source = writer.source("test");
    writer.add(batch.view(), Origin { source, place: Place::Whole }).unwrap();
    writer.commit().unwrap();
    (file.to_str().unwrap().to_owned(), message.to_string(), transaction.to_string())
}

fn records(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn formats_of_inputs_have_one_name_and_hidden_old_ones() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (state, logs, out) = (path(STATE), path(LOGS), file("out"));
    let proofs = path("gateway-v31/proofs.jsonl.gz");
    let commands: [(&[&str], &[&str], &str, &str); 7] = [
        (
            &["import", &state, "-o", &out],
            &["--input-format", "--format", "--dump-format"],
            "anvil",
            "geth",
        ),
        (&["rebuild", &state], &["--input-format", "--dump-format"], "anvil", "geth"),
        (&["history", &state], &["--input-format", "--dump-format"], "anvil", "geth"),
        (&["inspect", &state], &["--input-format", "--dump-format"], "anvil", "geth"),
        (&["index", &logs, "-o", &out], &["--input-format", "--format"], "jsonl", "pubdata"),
        (
            &["index", &logs, "-o", &out, "--tree", &state],
            &["--anchor-format", "--dump-format"],
            "anvil",
            "geth",
        ),
        (
            &["verify", &proofs, "--anchor", &state],
            &["--anchor-format", "--dump-format"],
            "anvil",
            "geth",
        ),
    ];
    for (command, flags, right, wrong) in commands {
        let visible = run([command[0], "--help"]).stdout;
        assert!(visible.contains(flags[0]), "{command:?}");
        assert!(!visible.contains("--dump-format"), "{command:?}");
        for flag in flags {
            let good = run(command.iter().chain(&[*flag, right]));
            assert!(matches!(good.code, Some(0 | 1)), "{command:?} {flag}: {}", good.stderr);
            assert_eq!(
                run(command.iter().chain(&[*flag, wrong])).code,
                Some(3),
                "{command:?} {flag}"
            );
        }
    }
    for flag in ["--input-format", "--dump-format"] {
        assert_eq!(prove(&["--all", "--chain", "388", flag, "anvil"]).code, Some(0));
        assert_eq!(prove(&["--all", "--chain", "388", flag, "geth"]).code, Some(3));
    }
}

#[test]
fn numbers_are_decimal_or_hexadecimal_everywhere() {
    let decimal = prove(&["--chain", "324", "--batch", "501234", "--index", "1"]);
    assert_eq!(decimal.code, Some(0), "{}", decimal.stderr);
    for numbers in [["0x144", "0x7a5f2", "0x1"], ["324", "0x7a5f2..=0x7a5f2", "1"]] {
        let [chain, batch, index] = numbers;
        let args = ["--chain", chain, "--batch", batch, "--index", index, "--threads", "0x2"];
        let other =
            prove(&[&args[..], &["--max-gap", "0x400000", "--sl-chain-id", "0x1fa"]].concat());
        assert_eq!(other.stdout, decimal.stdout, "{}", other.stderr);
    }
    let block = |target: &str| prove(&["--all", "--chain", "388", "--target", target]).stdout;
    assert_eq!(block("block:0x71"), block("block:113"));
    for bad in [["--threads", "0"], ["--threads", "0x401"], ["--max-gap", "many"]] {
        assert_eq!(prove(&[&["--all"], &bad[..]].concat()).code, Some(2), "{bad:?}");
    }
}

#[test]
fn hash_selects_messages_and_transactions() {
    let folder = tempfile::tempdir().unwrap();
    let (archive, message, transaction) = with_transactions(folder.path());
    let prove = |rest: &[&str]| {
        let args = ["prove", "--tree", &path(STATE), "--messages", &archive].map(str::to_owned);
        run(args.into_iter().chain(rest.iter().map(|arg| (*arg).to_owned())))
    };
    for (flag, hash) in [("--message", &message), ("--tx", &transaction)] {
        let (own, either) = (prove(&[flag, hash]), prove(&["--hash", hash]));
        assert_eq!(own.code, Some(0), "{}", own.stderr);
        assert_eq!(own.stdout, either.stdout, "{flag}");
    }
    let none = format!("0x{}", "ee".repeat(32));
    assert_eq!(prove(&["--hash", &none]).code, Some(5));
    for (flag, code) in [("--message", "message-not-found"), ("--tx", "transaction-not-found")] {
        let failed = prove(&[flag, &none, "--json"]);
        let error: Value = serde_json::from_str(&failed.stderr).unwrap();
        assert_eq!(error["error"]["code"], code);
        assert!(!failed.stderr.contains("it is that of"), "{}", failed.stderr);
    }
    // If the hash is of the other kind, the error says so.
    for (flag, hash, hint) in [("--message", &transaction, "--tx"), ("--tx", &message, "--message")]
    {
        let other = prove(&[flag, hash]);
        assert_eq!(other.code, Some(5));
        assert!(other.stderr.contains(&format!("with {hint}")), "{}", other.stderr);
    }
    let requests = folder.path().join("requests");
    let lines = format!("{{\"message\":\"{transaction}\"}}\n{{\"txHash\":\"{message}\"}}\n");
    fs::write(&requests, lines).unwrap();
    let answers = records(&prove(&["--requests", requests.to_str().unwrap()]).stdout);
    let told = |at: usize| answers[at]["error"]["message"].as_str().unwrap().to_owned();
    assert!(told(0).contains("that of a transaction") && told(1).contains("that of a message"));
}

/// The default format depends on the flags, not on the number of proofs.
#[test]
fn default_format_depends_on_what_was_asked() {
    let folder = tempfile::tempdir().unwrap();
    let (archive, message, transaction) = with_transactions(folder.path());
    let prove = |rest: &[&str]| {
        let args = ["prove", "--tree", &path(STATE), "--messages", &archive].map(str::to_owned);
        let proven = run(args.into_iter().chain(rest.iter().map(|arg| (*arg).to_owned())));
        assert_eq!(proven.code, Some(0), "{}", proven.stderr);
        proven.stdout
    };
    let one = records(&prove(&["--tx", &transaction]));
    assert_eq!(one.len(), 1, "one log, and yet a line");
    assert!(!records(&prove(&["--message", &message])).is_empty());
    assert!(!records(&prove(&["--hash", &message])).is_empty());
    let object = prove(&["--tx", &transaction, "--log", "0"]);
    assert!(object.starts_with("{\n"), "{object}");
    assert_eq!(serde_json::from_str::<Value>(&object).unwrap(), one[0]);
    let array = prove(&["--tx", &transaction, "--format", "json"]);
    assert_eq!(serde_json::from_str::<Vec<Value>>(&array).unwrap(), one);
}

/// clap does not check that a required flag is present if it conflicts with another given flag.
#[test]
fn flags_without_what_they_need_are_refused() {
    let hash = format!("0x{}", "11".repeat(32));
    let selections: [&[&str]; 5] = [
        &["--all"],
        &["--message", &hash],
        &["--hash", &hash],
        &["--requests", "no-file"],
        &["--chain", "1", "--batch", "1", "--index", "1"],
    ];
    for selection in selections {
        let refused = prove(&[selection, &["--log", "0"]].concat());
        assert_eq!(refused.code, Some(2), "{selection:?}");
        for flag in ["--anchor", "--anchor-format"] {
            let value = if flag == "--anchor" { "x" } else { "anvil" };
            assert_eq!(prove(&[selection, &[flag, value]].concat()).code, Some(2), "{selection:?}");
        }
    }
    let verify = ["verify", "x", "--root", &hash];
    for alone in [&["--sender", &hash[..42]][..], &["--tx-number", "1"], &["--message", "0x00"]] {
        assert_eq!(run([&verify[..], alone].concat()).code, Some(2), "{alone:?}");
    }
    assert_eq!(run(["index", "x", "-o", "y", "--batch-blocks", "z"]).code, Some(2));
}

#[test]
fn flags_that_would_be_ignored_are_refused() {
    let (state, logs) = (path(STATE), path(LOGS));
    let (batches, l1) =
        (path("gateway-v31/gw_batches.jsonl"), path("gateway-v31/l1.state.anvil.json"));
    let prove = ["prove", "--tree", &state, "--messages", &logs];
    let anchor = ["--anchor", &l1, "--anchor-bridgehub", BRIDGEHUB];
    let claims =
        [&["claims", "--messages", &logs, "--l1-nullifier", BRIDGEHUB], &anchor[..]].concat();
    let hash = format!("0x{}", "11".repeat(32));
    let deposit =
        ["--deposit-sender", &hash[..42], "--deposit-asset", &hash, "--deposit-data", "0x"];
    let leaf = ["--leaf", "logs", "--chain", "388", "--batch", "100"];
    for (args, words) in [
        ([&prove[..], &["--all"], &anchor].concat(), "--anchor has no effect for this target"),
        (
            [&prove[..], &["--all", "--search", "5"]].concat(),
            "--search has no effect for this target",
        ),
        (vec!["rebuild", &state, "--search", "5"], "--search needs --history"),
        ([&claims[..], &["--search", "5"]].concat(), "--search needs --tree"),
        ([&prove[..], &leaf, &["--failures", "no-file"]].concat(), "--failures"),
        ([&prove[..], &leaf, &["--shards", "2", "--shard-index", "0"]].concat(), "--shards"),
        ([&claims[..], &["--sl-batches", &batches]].concat(), "--sl-batches needs --tree"),
        ([&claims[..], &["--events", &batches]].concat(), "--events needs --tree"),
        ([&claims[..], &deposit].concat(), "need --kind failed-deposit"),
    ] {
        let refused = run(&args);
        assert_eq!(refused.code, Some(2), "{args:?}: {}", refused.stderr);
        assert!(refused.stderr.contains(words), "{args:?}: {}", refused.stderr);
    }
}

#[test]
fn inputs_in_the_wrong_place_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (state, logs, out) = (path(STATE), path(LOGS), file("out"));
    let (proofs, tree) = (path("gateway-v31/proofs.jsonl.gz"), path("golden/tree-1.sltree"));
    let requests = file("requests");
    fs::write(&requests, "{\"chainId\":388,\"batchNumber\":100,\"id\":0}\n").unwrap();
    let all = ["--all"];
    let prove = |tree: &str, messages: &str, rest: &[&str]| {
        let args = ["prove", "--tree", tree, "--messages", messages].map(str::to_owned);
        run(args.into_iter().chain(rest.iter().map(|arg| (*arg).to_owned())))
    };
    let batches = path("gateway-v31/gw_batches.jsonl");
    let root = format!("0x{}", "11".repeat(32));
    let mut sl_batch = vec!["--all", "--target", "sl-batch:2000", "--sl-batches", &batches];
    sl_batch.extend(["--anchor", &proofs, "--anchor-bridgehub", BRIDGEHUB]);
    let cases = [
        (prove(&logs, &logs, &all), "an archive of logs", "--messages"),
        (prove(&state, &state, &all), "a state dump", "--tree"),
        (prove(&state, &tree, &all), "a tree file", "--tree"),
        (prove(&proofs, &logs, &all), "a file of proofs", "slproof verify"),
        (prove(&requests, &logs, &all), "a file of requests", "--requests"),
        (prove(&path("golden/archive-v1.slmsg"), &logs, &all), "a message archive", "--messages"),
        (prove(&state, &logs, &["--requests", &proofs]), "a file of proofs", "slproof verify"),
        (prove(&state, &logs, &["--requests", &state]), "a state dump", "--tree"),
        (prove(&state, &logs, &sl_batch), "a file of proofs", "slproof verify"),
        (
            run(["index", &path("gateway-v31/events.jsonl.gz"), "-o", &out]),
            "events of MessageRoot",
            "--events",
        ),
        (run(["history", &batches]), "the settlement layer's own batches", "--sl-batches"),
        (run(["import", &logs, "-o", &out]), "an archive of logs", "--messages"),
        (run(["index", &state, "-o", &out]), "a state dump", "--tree"),
        (run(["index", &proofs, "-o", &out]), "a file of proofs", "slproof verify"),
        (run(["verify", &state, "--root", &root]), "a state dump", "--tree"),
        (run(["verify", &logs, "--root", &root]), "an archive of logs", "--messages"),
        (run(["verify", &proofs, "--anchor", &logs]), "an archive of logs", "--messages"),
        (run(["check", &state]), "a state dump", "slproof import"),
    ];
    for (run, found, hint) in cases {
        assert_eq!(run.code, Some(3), "{found}: {}", run.stderr);
        assert!(
            run.stderr.contains(&format!("is {found}")) || run.stderr.contains(found),
            "{}",
            run.stderr
        );
        let hints = run.stderr.lines().find(|line| line.starts_with("hint: ")).unwrap_or_default();
        assert!(hints.contains(hint), "{found}: {}", run.stderr);
    }
    let merged = run(["merge", &proofs, "-o", &out]);
    assert_eq!(merged.code, Some(3));
    assert!(merged.stderr.contains("is a file of proofs: it is not a shard"), "{}", merged.stderr);
    // A file of no known kind, and one that does not exist.
    let unknown = run(["merge", env!("CARGO_BIN_EXE_slproof"), "-o", &out]);
    assert_eq!(unknown.code, Some(3));
    assert!(unknown.stderr.contains("it is not a shard: it has no manifest"), "{}", unknown.stderr);
    assert_eq!(run(["merge", "no-such-file", "-o", &out]).code, Some(6));
}

/// The test uses the controlling end of a pseudoterminal, which is also a terminal.
#[test]
fn binary_output_to_a_terminal_is_refused() {
    let terminal = || File::options().read(true).write(true).open("/dev/ptmx").unwrap();
    let args =
        ["prove", "--tree", &path(STATE), "--messages", &path(LOGS), "--chain", "388", "--all"];
    let mut parquet = binary::command();
    parquet.args(args).args(["--format", "parquet"]).stdout(terminal()).stderr(Stdio::piped());
    let refused: Run = parquet.output().unwrap().into();
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("terminal"), "{}", refused.stderr);
    assert_eq!(
        prove(&["--all", "--chain", "388", "--format", "parquet", "-o", "/dev/null"]).code,
        Some(0)
    );
}

#[test]
fn native_files_from_a_pipe_are_refused_with_a_reason() {
    for name in ["snapshot-1-era.slsnap", "tree-1.sltree", "archive-v1.slmsg"] {
        let bytes = support::read(&format!("golden/{name}"));
        for command in ["rebuild", "history", "inspect", "check"] {
            let refused = run_with_input([command, "-"], &bytes);
            assert!(matches!(refused.code, Some(2 | 3)), "{command} {name}: {}", refused.stderr);
            assert!(refused.stderr.contains("pipe"), "{command} {name}: {}", refused.stderr);
            assert!(refused.stderr.contains("name of"), "{command} {name}: {}", refused.stderr);
        }
    }
}

#[test]
fn messages_name_no_inner_kinds_and_no_temporary_files() {
    let state = path(STATE);
    let missing = run(["import", &state, "-o", "no/such/directory/x"]);
    assert_eq!(missing.code, Some(6));
    assert!(missing.stderr.contains("no/such/directory/x"), "{}", missing.stderr);
    assert!(!missing.stderr.contains(".slproof-"), "{}", missing.stderr);
    let cut = run_with_input(["rebuild", "-"], &support::read(STATE)[..1000]);
    assert!(
        cut.stderr.contains("ends too early (line 1, column 1001, byte 1000)"),
        "{}",
        cut.stderr
    );
    assert_eq!(cut.stderr.matches("too early").count(), 1, "{}", cut.stderr);
    let logs =
        run(["prove", "--tree", &state, "--messages", &path("golden/tree-1.sltree"), "--all"]);
    assert!(!logs.stderr.contains("\"tree\""), "{}", logs.stderr);
}

#[test]
fn all_missing_chunks_are_named() {
    let folder = era::folder(&era::chunks(1));
    let answer = era::fixture(1).join("snapshots_getSnapshot.json");
    for id in [0, 2] {
        fs::remove_file(folder.path().join(era::name(era::BATCH, id))).unwrap();
    }
    let named = |with_header: bool| {
        if with_header {
            fs::copy(&answer, folder.path().join("header.json")).unwrap();
        }
        let refused = run(["rebuild", folder.path().to_str().unwrap()]);
        assert_eq!(refused.code, Some(3), "{}", refused.stderr);
        refused.stderr
    };
    assert!(named(false).contains("chunk 0, chunk 2"), "{}", named(false));
    let text = named(true);
    assert!([0, 2].iter().all(|id| text.contains(&era::name(era::BATCH, *id))), "{text}");
}

#[test]
fn progress_of_requests_has_a_total() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("requests");
    fs::write(&file, "{\"chainId\":388,\"batchNumber\":100,\"id\":0}\n\n".repeat(3)).unwrap();
    let args = ["prove", "--tree", &path(STATE), "--messages", &path(LOGS), "--progress", "always"];
    let shown = run(args.iter().chain(&["--requests", file.to_str().unwrap()]));
    assert!(shown.stderr.contains(" of 3 logs"), "{}", shown.stderr);
}

/// The inputs of the examples of claims.
fn gateway_with_withdrawals(folder: &Path) {
    let gateway = folder.join("gateway");
    fs::create_dir(&gateway).unwrap();
    for file in ["events.jsonl.gz", "withdrawals.jsonl.gz", "gw_batches.jsonl"] {
        fs::copy(fixture(&format!("gateway-v29-to-v31/{file}")), gateway.join(file)).unwrap();
    }
    let l1 = L1State::of_fixture("gateway-v29-to-v31/l1.state.anvil.json").with_nullifier();
    l1.write(&folder.join("l1.json"));
}

/// The inputs of the examples of recheck: proofs of logs that are not of withdrawals.
fn old_proofs(folder: &Path) {
    let executed = Withdrawals::new("v31");
    let (_, proofs) = executed.prove(&["--all", "--format", "ndjson"]);
    let proofs: String = proofs[5..].iter().map(|line| format!("{line}\n")).collect();
    fs::write(folder.join("old.jsonl"), proofs).unwrap();
    fs::copy(executed.path("l1.json"), folder.join("today.json")).unwrap();
}

/// Every example in the help runs successfully with the files that it names.
#[test]
fn examples_of_the_help_work() {
    let folder = tempfile::tempdir().unwrap();
    for (name, file) in [
        ("state.json", STATE),
        ("logs.jsonl.gz", LOGS),
        ("events.jsonl.gz", "gateway-v31/events.jsonl.gz"),
    ] {
        fs::copy(fixture(file), folder.path().join(name)).unwrap();
    }
    let help = run(["--help"]).stdout;
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    // Continuation lines of descriptions have a larger indent.
    let commands: Vec<&str> = commands
        .take_while(|line| line.starts_with("  "))
        .filter(|line| !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|command| *command != "help")
        .collect();
    assert_eq!(commands.len(), 19, "{help}");
    for command in commands {
        let help = run([command, "--help"]).stdout;
        if command == "claims" {
            // After survey, which reads the whole folder.
            gateway_with_withdrawals(folder.path());
        }
        if command == "recheck" {
            old_proofs(folder.path());
        }
        let (_, examples) = help.split_once("Examples:\n").unwrap_or_else(|| panic!("{command}"));
        // A long example is wrapped.
        let words = examples.split_whitespace().filter(|word| *word != "\\");
        let examples = words.collect::<Vec<_>>().join(" ");
        let examples: Vec<&str> = examples.split("slproof ").skip(1).collect();
        assert!(examples.len() > 1 || command == "merge", "{command}: {examples:?}");
        for example in examples {
            let args = example.split_whitespace();
            let made = binary::command().args(args).current_dir(folder.path()).output().unwrap();
            let made: Run = made.into();
            assert_eq!(made.code, Some(0), "{example}: {}", made.stderr);
        }
    }
}

#[test]
fn completions_manual_pages_and_version_are_complete() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = run(["completions", shell]);
        assert_eq!(script.code, Some(0));
        assert!(script.stdout.contains("anchor-format"), "{shell}");
    }
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("new/man1");
    assert_eq!(run(["man", pages.to_str().unwrap()]).code, Some(0));
    assert_eq!(fs::read_dir(&pages).unwrap().count(), 20 + 1);
    let page = fs::read_to_string(pages.join("slproof-prove.1")).unwrap();
    assert!(page.contains("sl\\-batches") && page.contains("Examples"), "{page}");
    assert!(run(["man"]).stdout.starts_with(".ie"), "roff");
    let (short, long) = (run(["-V"]).stdout, run(["--version"]).stdout);
    assert_eq!(short.trim(), format!("slproof {}", env!("CARGO_PKG_VERSION")));
    for word in [short.trim(), "commit", "target", std::env::consts::ARCH, "features"] {
        assert!(long.contains(word), "{long}");
    }
}

#[test]
fn verbose_says_what_each_input_is() {
    let shown = run([
        "prove",
        "--tree",
        &path(STATE),
        "--messages",
        &path(LOGS),
        "--chain",
        "388",
        "--all",
        "-v",
    ]);
    for words in
        ["state.anvil.json: anvil state dump", "logs.jsonl.gz: archive of", "release of the"]
    {
        assert!(shown.stderr.contains(words), "{}", shown.stderr);
    }
    let verified = ["verify", &path("gateway-v31/proofs.jsonl.gz"), "--anchor", &path(STATE), "-v"];
    assert!(
        run(verified).stderr.contains("proofs.jsonl.gz: JSON records"),
        "{}",
        run(verified).stderr
    );
}
