//! Shards of every format, by the flags and by the variables of schedulers, and failed requests in a file of their own.

use std::{
    collections::BTreeMap,
    fs,
    io::Read,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use serde_json::{Value, json};
use slproof::{
    Event, FailureCode, Job, Messages, Observer, ProofFormat, ProofOutput, Prover, Selection,
    Trees,
    files::{Input, InputError},
    records::parquet::MAGIC,
};

use crate::support::{
    binary::{Run, command, prove_args, run},
    fixture,
    proof_records::read_rows,
};

const FOLDER: &str = "gateway-v31";

fn prove(rest: &[&str]) -> Run {
    run(prove_args(FOLDER, rest))
}

fn folder() -> (tempfile::TempDir, impl Fn(&str) -> String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    (folder, move |name: &str| path.join(name).to_str().unwrap().to_owned())
}

/// The content of a file without its compression.
fn text(path: &str) -> String {
    let mut text = String::new();
    match Input::open(Path::new(path)) {
        Ok(mut input) => input.read_to_string(&mut text).map(drop).unwrap(),
        Err(error) => assert!(matches!(error, InputError::Empty { .. }), "{error}"),
    }
    text
}

/// Runs with exactly these variables of schedulers.
fn prove_in(variables: &[(&str, &str)], rest: &[&str]) -> Run {
    let mut command = command();
    for name in ["JOB_COMPLETION_INDEX", "SLURM_ARRAY_TASK_ID", "AWS_BATCH_JOB_ARRAY_INDEX"] {
        command.env_remove(name);
    }
    let output: Output = command
        .args(prove_args(FOLDER, rest))
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    output.into()
}

#[test]
fn shards_in_parquet_are_parts_of_one_table() {
    let (_folder, file) = folder();
    assert_eq!(prove(&["--all", "--format", "parquet", "-o", &file("all")]).code, Some(0));
    let (whole, _) = read_rows(&fs::read(file("all")).unwrap()).unwrap();
    let mut rows = Vec::new();
    for index in ["0", "1", "2"] {
        let part = file(index);
        let shard = ["--all", "--shards", "3", "--shard-index", index];
        let made = prove(&[&shard[..], &["--format", "parquet", "-o", &part]].concat());
        assert_eq!(made.code, Some(0), "{}", made.stderr);
        let part = fs::read(part).unwrap();
        assert!(part.starts_with(&MAGIC));
        rows.extend(read_rows(&part).unwrap().0);
    }
    let rows = || rows.iter().map(|row| row.as_ref().unwrap());
    assert!(rows().eq(whole.iter().map(|row| row.as_ref().unwrap())));
    // Engines read the directory, so nothing else is in it.
    assert_eq!(fs::read_dir(file("")).unwrap().count(), 4);

    let merged = run(["merge", &file("0"), &file("1"), &file("2"), "-o", &file("merged")]);
    assert_eq!(merged.code, Some(2), "{}", merged.stderr);
    assert!(merged.stderr.contains("needs no merging"), "{}", merged.stderr);
}

#[test]
fn compressed_shards_are_merged() {
    let (_folder, file) = folder();
    assert_eq!(prove(&["--all", "-o", &file("all")]).code, Some(0));
    for ending in ["gz", "zst"] {
        let shares = ["1", "2", "3"].map(|number| file(&format!("{number}.{ending}")));
        for (number, share) in (1..).zip(&shares) {
            let made = prove(&["--all", "--shard", &format!("{number}/3"), "-o", share]);
            assert_eq!(made.code, Some(0), "{}", made.stderr);
        }
        let merge = |output: &str| {
            let args = ["merge", "-q", "-o", output].map(str::to_owned);
            run(args.into_iter().chain(shares.clone()))
        };
        let merged = file(&format!("merged.{ending}"));
        assert_eq!(merge(&merged).code, Some(0));
        assert!(text(&merged) == text(&file("all")), "{ending}");
        let other = merge(&file("merged"));
        assert_eq!(other.code, Some(2), "{}", other.stderr);
        assert!(other.stderr.contains("does not change the compression"), "{}", other.stderr);
    }
}

/// Shards of JSON are arrays themselves, also those without records, and are merged into one.
#[test]
fn arrays_are_merged_into_one() {
    let (_folder, file) = folder();
    let array = |rest: &[&str]| {
        let made = prove(&[&["--format", "json"], rest].concat());
        assert!(matches!(made.code, Some(0 | 1)), "{}", made.stderr);
    };
    let records = |path: &str| serde_json::from_str::<Vec<Value>>(&text(path)).unwrap().len();
    fs::write(file("requests"), requests()).unwrap();
    fs::write(file("nothing"), "\n\n").unwrap();
    let (requested, nothing) = (file("requests"), file("nothing"));
    let all: (&[&str], u64) = (&["--all"], 3);
    let some: (&[&str], u64) = (&["--requests", &requested], 9);
    let none: (&[&str], u64) = (&["--requests", &nothing], 2);
    for (((which, of), has_empty), ending) in
        [(all, false), (some, true), (none, true)].iter().zip(["json", "json.gz", "json.zst"])
    {
        let whole = file(&format!("whole.{ending}"));
        array(&[*which, &["-o", &whole]].concat());
        let mut shares = Vec::new();
        for number in 1..=*of {
            let share = file(&format!("{number}.{ending}"));
            let shard = format!("{number}/{of}");
            array(&[*which, &["--shard", &shard, "-o", &share]].concat());
            shares.push(share);
        }
        let counts: Vec<usize> = shares.iter().map(|share| records(share)).collect();
        assert_eq!(counts.iter().sum::<usize>(), records(&whole));
        assert_eq!(counts.contains(&0), *has_empty, "{counts:?}");
        let merged = file(&format!("merged.{ending}"));
        let merge = |shares: &[String]| {
            let args = ["merge", "--json", "-o", &merged].map(str::to_owned);
            run(args.into_iter().chain(shares.iter().cloned()))
        };
        let report = merge(&shares);
        assert!(matches!(report.code, Some(0 | 1)), "{}", report.stderr);
        assert!(text(&merged) == text(&whole), "{ending}");
        let report: Value = serde_json::from_str(&report.stderr).unwrap();
        assert_eq!(report["bytes"], fs::metadata(&merged).unwrap().len());

        // Manifests that were edited.
        let manifest = fs::read_to_string(format!("{}.shard.json", shares[0])).unwrap();
        let mut edited: Value = serde_json::from_str(&manifest).unwrap();
        let end = edited["bytes"].as_u64().unwrap() + 1;
        for (records, says) in [
            (json!({"start": 0, "end": end}), "outside of it"),
            (json!({"start": 1, "end": 0}), "outside of it"),
            (Value::Null, "another format"),
        ] {
            edited["records"] = records;
            fs::write(format!("{}.shard.json", shares[0]), edited.to_string()).unwrap();
            let refused = merge(&shares);
            assert_eq!(refused.code, Some(3), "{}", refused.stderr);
            assert!(refused.stderr.contains(says), "{}", refused.stderr);
        }
    }
}

/// Requests for one log, for all logs of a batch, and lines that fail, with empty lines between them.
fn requests() -> String {
    let one = |id: u64| format!("{{\"chainId\":324,\"batchNumber\":501234,\"id\":{id}}}\n");
    let batch = "{\"chainId\":324,\"batchNumber\":501235}\n";
    let fails = "{\"chainId\":1,\"batchNumber\":2,\"id\":9007199254740993}\n";
    [&one(0), "\n", batch, "no request\n", "  \n", &one(1), fails, &one(2)].concat()
}

#[test]
fn lines_of_requests_have_shards() {
    let (_folder, file) = folder();
    fs::write(file("requests"), requests()).unwrap();
    let asked = ["--requests", &file("requests")];
    assert_eq!(prove(&[&asked[..], &["-o", &file("all")]].concat()).code, Some(1));
    for of in [1, 2, 4, 9] {
        let mut shares = Vec::new();
        for number in 1..=of {
            let (shard, share) = (format!("{number}/{of}"), file(&format!("{number}-{of}")));
            let made = prove(&[&asked[..], &["--shard", &shard, "-o", &share]].concat());
            assert!(matches!(made.code, Some(0 | 1)), "{}", made.stderr);
            shares.push(share);
        }
        let joined: String =
            shares.iter().map(|share| fs::read_to_string(share).unwrap()).collect();
        assert!(joined == fs::read_to_string(file("all")).unwrap(), "{of}");
        let args = ["merge", "-q", "-o", &file("merged")].map(str::to_owned);
        assert_eq!(run(args.into_iter().chain(shares)).code, Some(1));
        assert_eq!(fs::read(file("merged")).unwrap(), fs::read(file("all")).unwrap());
    }
    // The lines of a pipe cannot be counted.
    let piped = prove(&["--requests", "-", "--shard", "1/2", "-o", &file("piped")]);
    assert_eq!(piped.code, Some(2), "{}", piped.stderr);
}

#[test]
fn schedulers_name_the_shard() {
    let (_folder, file) = folder();
    let all = |shard: &[&str], output: &str| {
        let made = prove(&[&["--all"], shard, &["-o", output]].concat());
        assert_eq!(made.code, Some(0), "{}", made.stderr);
        fs::read(output).unwrap()
    };
    let expected = all(&["--shard", "3/4"], &file("expected"));
    let output = file("out");
    let in_kubernetes = [("JOB_COMPLETION_INDEX", "2")];
    let in_slurm = [
        ("SLURM_ARRAY_TASK_ID", "2"),
        ("SLURM_ARRAY_TASK_MIN", "0"),
        ("SLURM_ARRAY_TASK_MAX", "3"),
        ("SLURM_ARRAY_TASK_COUNT", "4"),
    ];
    for (variables, shards) in [(&in_kubernetes[..], "4"), (&in_slurm, "auto"), (&in_slurm, "4")] {
        let made = prove_in(variables, &["--all", "--shards", shards, "-o", &output]);
        assert_eq!(made.code, Some(0), "{}", made.stderr);
        assert!(fs::read(&output).unwrap() == expected, "{shards}");
    }
    // Without the flag the variables have no effect.
    let whole = all(&[], &file("all"));
    assert_eq!(prove_in(&in_slurm, &["--all", "-o", &output]).code, Some(0));
    assert!(fs::read(&output).unwrap() == whole);

    let refused = |variables: &[(&str, &str)], shard: &[&str], says: &str| {
        let made = prove_in(variables, &[&["--all", "-o", &output], shard].concat());
        assert_eq!(made.code, Some(2), "{shard:?}: {}", made.stderr);
        assert!(made.stderr.contains(says), "{shard:?}: {}", made.stderr);
    };
    refused(&[], &["--shards", "4"], "no scheduler");
    refused(&in_kubernetes, &["--shards", "auto"], "how many shards");
    refused(&in_kubernetes, &["--shards", "2"], "is not one of 2");
    refused(&[in_kubernetes[0], in_slurm[0]], &["--shards", "4"], "both set");
    refused(&in_slurm, &["--shards", "3"], "does not fit 3 shards");
    refused(&[], &["--shards", "4", "--shard-index", "4"], "is not one of 4");
    refused(&[], &["--shards", "0", "--shard-index", "0"], "at least 1");
    refused(&[], &["--shards", "auto", "--shard-index", "0"], "needs --shards with a number");
    refused(&[], &["--shard-index", "0"], "--shards");
}

/// Tasks of an array, and one that is repeated alone, as the example for Slurm runs them. A log that cannot be proven does not
/// stop them.
#[test]
fn the_script_for_slurm_makes_every_part() {
    let (_folder, file) = folder();
    fs::create_dir(file("proofs")).unwrap();
    let state = fixture("gateway-v29/state.anvil.json").display().to_string();
    assert_eq!(run(["rebuild", &state, "-o", &file("gateway.sltree")]).code, Some(0));
    let logs = file("logs.jsonl");
    // A batch of a chain that is not registered.
    let foreign = text(&fixture("gateway-v29/logs.jsonl.gz").display().to_string());
    let mut foreign: Value = serde_json::from_str(foreign.lines().next().unwrap()).unwrap();
    foreign["chainId"] = json!(325);
    fs::write(&logs, foreign.to_string()).unwrap();
    let archive = fixture("gateway-v29/logs.jsonl.gz").display().to_string();
    let indexed = run(["index", &archive, &logs, "-o", &file("gateway.slmsg")]);
    assert_eq!(indexed.code, Some(0), "{}", indexed.stderr);
    let task = |id: &str, [first, last, count]: [&str; 3]| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/engines/slurm.sh");
        let made = Command::new("sh")
            .arg(script)
            .envs([("DATA", file("")), ("SLPROOF", env!("CARGO_BIN_EXE_slproof").into())])
            .envs([("SHARDS", "3"), ("SLURM_ARRAY_TASK_ID", id), ("SLURM_ARRAY_TASK_COUNT", count)])
            .envs([("SLURM_ARRAY_TASK_MIN", first), ("SLURM_ARRAY_TASK_MAX", last)])
            .output();
        let made = Run::from(made.unwrap());
        assert_eq!(made.code, Some(0), "{}", made.stderr);
        let part = fs::read(file(&format!("proofs/part-{id}.parquet"))).unwrap();
        let rows = read_rows(&part).unwrap().0;
        rows.into_iter().map(Result::unwrap).collect::<Vec<_>>()
    };
    let parts: Vec<_> = ["0", "1", "2"].map(|id| task(id, ["0", "2", "3"])).into();
    assert_eq!(task("1", ["1", "1", "1"]), parts[1]);
    let whole = file("whole.parquet");
    let all = ["--tree", &file("gateway.sltree"), "--messages", &file("gateway.slmsg"), "--all"];
    let apart = ["--format", "parquet", "--failures", &file("failed"), "-o", &whole];
    assert_eq!(run(["prove"].iter().chain(&all).chain(&apart)).code, Some(1));
    let whole = read_rows(&fs::read(&whole).unwrap()).unwrap().0;
    assert!(parts.iter().flatten().eq(whole.iter().map(|row| row.as_ref().unwrap())));
    let failed = ["0", "1", "2"].map(|id| text(&file(&format!("proofs/failed-{id}.ndjson"))));
    assert_eq!(failed.concat(), text(&file("failed")));
    assert!(!failed.concat().is_empty());
}

/// The codes of failed requests in lines, and the number of other lines.
fn codes(lines: &str) -> (BTreeMap<String, u64>, usize) {
    let (mut codes, mut others) = (BTreeMap::new(), 0);
    for line in serde_json::Deserializer::from_str(lines).into_iter::<Value>() {
        match line.unwrap()["error"]["code"].as_str() {
            Some(code) => *codes.entry(code.to_owned()).or_default() += 1,
            None => others += 1,
        }
    }
    (codes, others)
}

#[test]
fn failed_requests_have_a_file_of_their_own_in_every_format() {
    let (_folder, file) = folder();
    fs::write(file("requests"), requests()).unwrap();
    let asked = ["--requests", &file("requests"), "--target", "batch-root"];
    let together = prove(&[&asked[..], &["-o", &file("together")]].concat());
    assert_eq!(together.code, Some(1), "{}", together.stderr);
    let together = fs::read_to_string(file("together")).unwrap();
    let failed = together.lines().filter(|line| line.contains("\"error\":"));
    let failed: String = failed.flat_map(|line| [line, "\n"]).collect();
    assert_eq!(codes(&failed).0.values().sum::<u64>(), 2);

    for (format, name) in [
        ("ndjson", "failures"),
        ("json", "failures.gz"),
        ("rpc", "failures.zst"),
        ("calldata", "failures"),
        ("parquet", "failures"),
    ] {
        let (output, failures) = (file(&format!("out.{format}")), file(name));
        let to = format!("0x{}", "11".repeat(20));
        let to = if format == "calldata" { &["--to", &to][..] } else { &[] };
        let apart = ["--format", format, "--failures", &failures, "-o", &output];
        let made = prove(&[&asked[..], to, &apart].concat());
        assert_eq!(made.code, Some(1), "{format}: {}", made.stderr);
        assert_eq!(text(&failures), failed, "{format}");
        if format == "parquet" {
            let (rows, failures) = read_rows(&fs::read(&output).unwrap()).unwrap();
            assert!(!rows.is_empty() && failures == 0);
        } else if format != "json" {
            assert!(codes(&text(&output)).0.is_empty(), "{format}");
        }
        // The file is written even if there are none.
        let apart = ["--failures", &failures, "-o", &file("all")];
        assert_eq!(prove(&[&["--all"], &apart[..]].concat()).code, Some(0));
        let is_packed = name != "failures";
        assert_eq!(fs::metadata(&failures).unwrap().len() > 0, is_packed);
        assert!(!is_packed || text(&failures).is_empty());
    }
    for other in ["out.ndjson", "out.ndjson.partial", "requests"] {
        let apart = ["--failures", &file(other), "-o", &file("out.ndjson")];
        let refused = prove(&[&asked[..], &apart].concat());
        assert_eq!(refused.code, Some(2), "{other}: {}", refused.stderr);
    }
}

/// Keeps the files of a job before its first step, and cancels the job after some windows of steps.
struct Interrupting {
    folder: PathBuf,
    kept: PathBuf,
    windows: usize,
    begun: AtomicUsize,
}

impl Observer for Interrupting {
    fn event(&self, event: &Event<'_>) {
        if matches!(event, Event::ProvingBegins { .. }) {
            let files = fs::read_dir(&self.folder).unwrap().map(|file| file.unwrap());
            for file in files.filter(|file| file.path().is_file()) {
                fs::copy(file.path(), self.kept.join(file.file_name())).unwrap();
            }
        }
    }

    /// Asked before each window is read.
    fn is_cancelled(&self) -> bool {
        self.begun.fetch_add(1, Ordering::Relaxed) >= self.windows
    }
}

/// A job with a file of failed requests is cancelled after its first steps, or killed before them, and resumed.
#[test]
fn failed_requests_are_written_once_when_a_job_is_resumed() {
    let trees = Trees::open(&[fixture("gateway-v31/state.anvil.json")], &Default::default());
    let logs = [fixture("gateway-v31/logs.jsonl.gz")];
    let messages = Messages::open(&logs, &Default::default()).unwrap();
    let prover = Prover::new(trees.unwrap(), messages);
    // A window has about a thousand proofs here, and the first row group 8,192 rows.
    for (format, windows) in
        [(ProofFormat::Ndjson, 1), (ProofFormat::Json, 1), (ProofFormat::Parquet, 10)]
    {
        let (requests_folder, kept) = (folder(), folder());
        let (out, file) = folder();
        let asked = requests_folder.1("requests");
        let repeated = 45 * (windows + 1);
        fs::write(&asked, requests().repeat(repeated)).unwrap();
        let job = prover.job(Selection::requests(&asked));
        let files = ["out", "failures"].map(|name| out.path().join(name));
        let write = |job: &Job| {
            let output = ProofOutput::create(&files[0])?.format(format).resume(true);
            job.write(output.failures(files[1].clone())?)
        };
        let taken = || {
            let written = files.each_ref().map(|path| fs::read(path).unwrap());
            files.iter().for_each(|path| fs::remove_file(path).unwrap());
            written
        };
        assert_eq!(write(&job).unwrap().count.failed(), 2 * repeated as u64);
        assert_eq!(codes(&text(&file("failures"))).0.values().sum::<u64>(), 2 * repeated as u64);
        let whole = taken();

        let observer = Interrupting {
            folder: out.path().into(),
            kept: kept.0.path().into(),
            windows,
            begun: AtomicUsize::new(0),
        };
        let error = write(&job.clone().observer(Arc::new(observer))).unwrap_err();
        assert_eq!(error.code(), FailureCode::Interrupted, "{error}");
        let checkpoint: Value =
            serde_json::from_slice(&fs::read(file("out.partial.json")).unwrap()).unwrap();
        assert!(checkpoint["steps"].as_u64() > Some(0), "{format:?}");
        assert!(write(&job).unwrap().count.failed() == 2 * repeated as u64);
        assert!(taken() == whole, "{format:?}");

        for name in ["out.partial", "out.partial.json", "failures.partial", "failures.partial.json"]
        {
            fs::rename(kept.1(name), file(name)).unwrap();
        }
        write(&job).unwrap();
        assert!(taken() == whole, "{format:?}");
        assert_eq!(fs::read_dir(out.path()).unwrap().count(), 0);
    }
}
