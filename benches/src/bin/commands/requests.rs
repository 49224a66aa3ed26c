//! Proofs by request from batches of as many logs as a batch can have.

use std::fs;

use slproof_benches::mixed;

use crate::{
    Failed,
    bench::{Bench, ROUNDS},
    layer::{self, PROVE},
    single,
    tables::{Tables, number, seconds},
};

/// The logs of a batch.
const LOGS: u64 = 16_384;

/// Random requests.
const MANY: u64 = 100_000;

pub(crate) fn measure(bench: &Bench<'_>, tables: &mut Tables) -> Result<(), Failed> {
    let batches = bench.scaled(640);
    layer::synthesize(bench, &format!("--batches {batches} --logs {LOGS} --archive logs.jsonl"))?;
    layer::rebuild(bench)?;
    let archived = layer::index(bench)?;

    let (chain, batch) = archived[0];
    let mut requests: Vec<String> =
        (0..LOGS).map(|id| layer::request(archived[0], id, "")).collect();
    fs::write(bench.folder.join("ordered.jsonl"), requests.concat())?;
    // Shuffled by random keys.
    let mut order: Vec<usize> = (0..requests.len()).collect();
    order.sort_by_key(|at| mixed(*at as u64, 0));
    requests = order.iter().map(|at| requests[*at].clone()).collect();
    fs::write(bench.folder.join("shuffled.jsonl"), requests.concat())?;
    layer::random_requests(bench, &archived, ("many.jsonl", MANY), LOGS, "")?;

    let all = format!("{PROVE} --all --chain {chain} --batch {batch}");
    let [ordered, shuffled, many] =
        ["ordered", "shuffled", "many"].map(|name| format!("{PROVE} --requests {name}.jsonl"));
    let proven = |prove: &str, count| -> Result<Vec<u8>, Failed> {
        bench.seconds(&format!("{prove} -o proofs.ndjson"))?;
        layer::check_proofs(bench, "proofs.ndjson", count)?;
        Ok(fs::read(bench.folder.join("proofs.ndjson"))?)
    };
    let expected = proven(&all, LOGS)?;
    if proven(&ordered, LOGS)? != expected {
        return Err("the requests in order give other proofs than --all".into());
    }
    let lines: Vec<&[u8]> = expected.split_inclusive(|byte| *byte == b'\n').collect();
    if proven(&shuffled, LOGS)? != order.iter().map(|at| lines[*at]).collect::<Vec<_>>().concat() {
        return Err("the shuffled requests give other proofs than --all".into());
    }
    proven(&many, MANY)?;
    bench.remove("proofs.ndjson")?;

    let commands = [&all, &ordered, &shuffled, &many].map(|prove| format!("{prove} -o /dev/null"));
    let times = bench.medians(ROUNDS, &commands)?;
    for (time, order) in times[1..].iter().zip(["in order", "in random order"]) {
        tables.compare([
            format!("`prove --requests`, {} logs of one batch, {order}", number(LOGS)),
            seconds(*time),
            "`prove --all` of the same".into(),
            seconds(times[0]),
            format!("{:.2} × the time", time / times[0]),
        ]);
    }
    let logs = number(batches * LOGS);
    let name = format!("`prove --requests`, {} random logs of {logs}", number(MANY));
    tables.alone(name, seconds(times[3]));
    let one = format!("{PROVE} --chain {chain} --batch {batch} --index 0");
    let name = format!("one proof of a batch of {} logs", number(LOGS));
    single::measure(bench, tables, &[(name, one)])
}
