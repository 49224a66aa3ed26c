//! The types at the root of the crate: shared between threads, with the same records as the command line.

use std::{
    error::Error as StdError,
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use slproof::{
    Answer, Event, FailureCode, JobPart, Messages, Observer, ProofOutput, Prover, Request,
    Selection, Sink, Target, Trees, TreesOptions, TrustedRoots, Verdict,
    ingest::state::Format,
    primitives::{BatchNumber, ChainId, Hash, SlBlock},
    verify,
};

use crate::support::{fixture, json};

const FOLDER: &str = "gateway-v29";

fn prover(options: &TreesOptions) -> Prover {
    let trees = Trees::open(&[fixture(&format!("{FOLDER}/state.anvil.json"))], options).unwrap();
    let logs = fixture(&format!("{FOLDER}/logs.jsonl.gz"));
    Prover::new(trees, Messages::open(&[logs], &Default::default()).unwrap())
}

fn one_batch() -> Selection {
    Selection::all().of_batches(ChainId(324), BatchNumber(501_234).into())
}

/// Compiles only if the types are owned and can be used from any thread.
#[test]
fn the_main_types_are_owned_and_shared_between_threads() {
    fn is_shared<T: Clone + Send + Sync + 'static>() {}
    is_shared::<Trees>();
    is_shared::<Messages>();
    is_shared::<Prover>();
    is_shared::<TrustedRoots>();
    is_shared::<slproof::Job>();
    fn is_error<T: StdError + Send + Sync + 'static>() {}
    is_error::<slproof::Error>();
}

/// A sink that keeps all lines and can fail after some parts.
#[derive(Default)]
struct Kept {
    lines: Vec<String>,
    steps: u64,
    fail_after: Option<usize>,
    parts: usize,
}

impl Sink for Kept {
    fn write(&mut self, part: JobPart) -> Result<(), Box<dyn StdError + Send + Sync>> {
        if self.fail_after == Some(self.parts) {
            return Err("full".into());
        }
        self.parts += 1;
        self.steps = part.steps;
        self.lines.extend(part.answers.iter().map(|answer| match answer {
            Answer::Proof(record) => serde_json::to_string(record).unwrap(),
            Answer::Failed(record) => serde_json::to_string(record).unwrap(),
        }));
        Ok(())
    }
}

#[test]
fn a_sink_gets_the_records_of_a_file_and_resumes_where_it_failed() {
    let prover = prover(&TreesOptions::default());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("all.ndjson");
    prover.job(Selection::all()).write(ProofOutput::create(&path).unwrap()).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let expected: Vec<&str> = text.lines().collect();

    let mut sink = Kept { fail_after: Some(2), ..Kept::default() };
    let error = prover.job(Selection::all()).run(&mut sink).unwrap_err();
    assert_eq!(error.code(), FailureCode::WriteFailed);
    assert!(sink.steps > 0 && sink.lines.len() < expected.len());
    sink.fail_after = None;
    prover.job(Selection::all()).skip(sink.steps).run(&mut sink).unwrap();
    assert_eq!(sink.lines, expected);
}

#[test]
fn single_proofs_are_those_of_the_job_and_valid() {
    let prover = prover(&TreesOptions::default());
    let mut sink = Kept::default();
    prover.job(one_batch()).target(Target::First).run(&mut sink).unwrap();
    let request = Request::Batch { chain_id: ChainId(324), batch_number: BatchNumber(501_234) };
    // Threads that need the history at the same time share it.
    thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| {
                let records = prover.prove(&request, Target::First).unwrap();
                let lines = records.iter().map(|record| serde_json::to_string(record).unwrap());
                assert_eq!(lines.collect::<Vec<_>>(), sink.lines);
            });
        }
    });
    let state = fixture(&format!("{FOLDER}/state.anvil.json"));
    let known = TrustedRoots::open(state, &Default::default()).unwrap();
    let mut record = prover.prove(&request, Target::Latest).unwrap().remove(0);
    assert!(matches!(verify(&record, &known), Verdict::Valid(_)));
    record.log = None;
    let Verdict::CannotJudge(reason) = verify(&record, &known) else { panic!("it has no log") };
    assert_eq!(reason.code(), FailureCode::LogMissing);
}

/// Counts searches, and cancels a job after some steps.
#[derive(Default)]
struct Watching {
    searches: AtomicU64,
    asked: AtomicU64,
}

impl Observer for Watching {
    fn event(&self, event: &Event<'_>) {
        if matches!(event, Event::SearchBegins) {
            self.searches.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn is_cancelled(&self) -> bool {
        self.asked.fetch_add(1, Ordering::Relaxed) == 3
    }
}

#[test]
fn history_is_searched_once_even_if_all_threads_of_a_pool_request_it() {
    let watching = Arc::new(Watching::default());
    let mut options = TreesOptions::default();
    options.observer = Arc::clone(&watching).into();
    let prover = prover(&options);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    pool.scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|_| assert!(prover.trees().extractor(Target::First).is_ok()));
        }
    });
    assert_eq!(watching.searches.load(Ordering::Relaxed), 1);
}

#[test]
fn a_cancelled_job_ends_as_interrupted_and_is_resumed() {
    let prover = prover(&TreesOptions::default());
    let folder = tempfile::tempdir().unwrap();
    let (path, whole) = (folder.path().join("out"), folder.path().join("whole"));
    let output = |path: &Path| ProofOutput::create(path).unwrap().resume(true);
    let watching = Arc::new(Watching::default());
    let job = prover.job(Selection::all());
    let error = job.clone().observer(watching).write(output(&path)).unwrap_err();
    assert_eq!(error.code(), FailureCode::Interrupted);
    assert!(!path.exists());
    job.write(output(&path)).unwrap();
    job.write(output(&whole)).unwrap();
    assert_eq!(fs::read(path).unwrap(), fs::read(whole).unwrap());
}

#[test]
fn several_archives_are_merged() {
    let logs = fixture(&format!("{FOLDER}/logs.jsonl.gz"));
    let one = Messages::open(&[&logs], &Default::default()).unwrap();
    let two = Messages::open(&[&logs, &logs], &Default::default()).unwrap();
    assert_eq!(one.archive().header(), two.archive().header());
    assert_eq!(two.skipped().count(), 0);
    let folder = tempfile::tempdir().unwrap();
    let damaged = folder.path().join("damaged.jsonl");
    fs::write(&damaged, "{\"chainId\":324,\"batchNumber\":1,\"logs\":[\"0x00\"]}\n").unwrap();
    let lacking = Messages::open(&[&logs, &damaged], &Default::default()).unwrap();
    assert_eq!(lacking.archive().header(), one.archive().header());
    assert_eq!(lacking.skipped().count(), 1);
    let nothing: [&Path; 0] = [];
    let error = Messages::open(&nothing, &Default::default()).unwrap_err();
    assert_eq!(error.code(), FailureCode::InvalidOptions);
    assert!(Trees::open(&nothing, &Default::default()).is_err());
}

/// Each part has every second slot of each account, so neither is enough alone.
#[test]
fn several_dumps_are_parts_of_one_state() {
    let state = format!("{FOLDER}/state.anvil.json");
    let folder = tempfile::tempdir().unwrap();
    let parts = [0, 1].map(|part| {
        let mut dump = json(&state);
        for account in dump["accounts"].as_object_mut().unwrap().values_mut() {
            let mut places = 0..;
            let slots = account["storage"].as_object_mut().unwrap();
            slots.retain(|_, _| places.next().unwrap() % 2 == part);
        }
        let path = folder.path().join(format!("part{part}.json"));
        fs::write(&path, dump.to_string()).unwrap();
        path
    });
    let open = |paths: &[&Path]| Trees::open(paths, &TreesOptions::default());
    let [one, two] = parts.each_ref().map(|part| part.as_path());
    for part in [one, two] {
        assert_eq!(open(&[part]).unwrap_err().code(), FailureCode::IncompleteState);
    }
    let root: Hash = json(&format!("{FOLDER}/roots.json"))["aggregatedRoot"]
        .as_str()
        .and_then(|root| root.parse().ok())
        .unwrap();
    for paths in [[one, two], [two, one]] {
        let trees = open(&paths).unwrap();
        assert_eq!(trees.forest().unwrap().root(), root);
        assert_eq!((trees.format(), trees.block()), (Some(Format::Anvil), Some(SlBlock(245))));
    }
    let other = fixture("gateway-v31/state.anvil.json");
    assert_eq!(open(&[one, &other]).unwrap_err().code(), FailureCode::InputDamaged);
}
