//! Published directories, read by a client that was written from their documentation alone.

use std::{
    fs,
    io::{Read, Write},
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
    thread,
};

use serde_json::{Value, json};

use crate::support::{
    binary::{Run, run},
    server::{Gateway, RECORDED},
    withdrawals::BRIDGEHUB,
};

fn client() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/published.py")
}

/// A plain server of files. It ends with the process.
fn serve_files(directory: &Path) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let directory = directory.to_owned();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut request = [0; 4096];
            let len = stream.read(&mut request).unwrap_or(0);
            let request = String::from_utf8_lossy(&request[..len]).into_owned();
            let path = request.split(' ').nth(1).unwrap_or("/").trim_start_matches('/').to_owned();
            let (status, body) = match fs::read(directory.join(path)) {
                Ok(body) => ("200 OK", body),
                Err(_) => ("404 Not Found", Vec::new()),
            };
            let head = format!(
                "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
        }
    });
    format!("http://{address}")
}

/// What the client makes: the lines, and the most files that one proof needed.
fn made(url: &str, value: &str, target: &str) -> (Vec<String>, u64) {
    let output = Command::new("python3").arg(client()).args([url, value, target]).output().unwrap();
    let run = Run::from(output);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let lines = run.stdout.lines().map(str::to_owned).collect();
    (lines, run.stderr.trim().parse().unwrap())
}

fn publish(gateway: &Gateway, rest: &[&str]) -> Run {
    let site = gateway.path("site").to_str().unwrap().to_owned();
    let args = ["publish", "-o", &site].map(str::to_owned);
    let rest = rest.iter().map(|flag| (*flag).to_owned());
    run(args.into_iter().chain(gateway.flags()).chain(rest))
}

fn verified(gateway: &Gateway) -> Run {
    run(["verify", "--published", gateway.path("site").to_str().unwrap()])
}

fn prove(gateway: &Gateway, rest: &[&str]) -> Vec<String> {
    let mut flags = gateway.flags();
    if rest.contains(&"first") {
        flags.truncate(4);
    }
    let rest = rest.iter().map(|flag| (*flag).to_owned());
    let proven = run(["prove".to_owned(), "-q".to_owned()].into_iter().chain(flags).chain(rest));
    assert!(proven.code.is_some_and(|code| code < 2), "{}", proven.stderr);
    proven.stdout.lines().map(str::to_owned).collect()
}

fn manifest(gateway: &Gateway) -> Value {
    serde_json::from_slice(&fs::read(gateway.path("site/manifest.json")).unwrap()).unwrap()
}

/// A client finds logs by any hash, makes word for word the records of `prove`, and needs at most four files.
#[test]
fn a_plain_client_makes_the_proofs_of_prove() {
    let gateway = Gateway::new("gateway-v29");
    let published = publish(&gateway, &[]);
    assert!(published.code.is_some_and(|code| code < 2), "{}", published.stderr);
    let checked = verified(&gateway);
    assert_eq!(checked.code, Some(0), "{}", checked.stderr);
    let url = serve_files(&gateway.path("site"));

    // The largest batch has thousands of logs.
    let all = prove(&gateway, &["--all", "--target", "first"]);
    let records: Vec<Value> = all.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let large = records.iter().rfind(|record| record["id"] == 1000).unwrap();
    for record in
        [&records[0], large, records.iter().find(|record| record["txHash"] == RECORDED).unwrap()]
    {
        let [transaction, value] = ["txHash", "messageHash"].map(|name| record[name].as_str());
        for (flag, hash) in [("--tx", transaction), ("--message", value)] {
            let Some(hash) = hash else { continue };
            for (target, of_prove) in [("messageRoot", "first"), ("l1BatchRoot", "sl-batch:first")]
            {
                let mut expected =
                    prove(&gateway, &[flag, hash, "--target", of_prove, "--format", "ndjson"]);
                let (mut lines, files) = made(&url, hash, target);
                expected.sort();
                lines.sort();
                assert_eq!(lines, expected, "{hash} {target}");
                assert!(files <= 4, "{files}");
            }
        }
    }
    let page = fs::read_to_string(gateway.path("site/index.html")).unwrap();
    assert!(page.contains("PublishedSource"));
}

/// Every log of every batch is in the directory, with proofs that the verifier accepts.
#[test]
fn senders_are_found_and_counts_are_those_of_the_archive() {
    let gateway = Gateway::new("gateway-v31");
    let published = publish(&gateway, &["--json"]);
    let summary: Value = published
        .stderr
        .lines()
        .find_map(|line| {
            let value: Value = serde_json::from_str(line).ok()?;
            value.get("batches").is_some().then_some(value)
        })
        .unwrap();
    let chains = manifest(&gateway)["chains"].as_array().unwrap().clone();
    let sum = |name: &str| chains.iter().map(|chain| chain[name].as_u64().unwrap()).sum::<u64>();
    assert_eq!(
        (json!(sum("batches")), json!(sum("logs"))),
        (summary["batches"].clone(), summary["logs"].clone())
    );
    let url = serve_files(&gateway.path("site"));
    let all = prove(&gateway, &["--all", "--target", "first"]);
    let records: Vec<Value> = all.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    for chain in &chains {
        let of = records.iter().filter(|record| record["chainId"] == chain["chainId"]);
        let messages = of.clone().filter(|record| record["messageHash"].is_string()).count();
        let batches = of.map(|record| record["batchNumber"].as_u64().unwrap());
        assert_eq!(chain["messages"], messages, "{chain}");
        assert_eq!(chain["firstBatch"], json!(batches.clone().min()), "{chain}");
        assert_eq!(chain["lastBatch"], json!(batches.max()), "{chain}");
    }
    // The first digits of all system contracts are the same.
    let system = ["0x0000000000000000000000000000000000008004", SYSTEM];
    for sender in system.into_iter().chain(records[0]["sender"].as_str()) {
        let expected = records.iter().filter(|record| record["sender"] == sender).count();
        let (lines, _) = made(&url, sender, "messageRoot");
        assert_eq!(lines.len(), expected, "{sender}");
        assert!(expected > 0);
    }
    let senders = fs::read_dir(
        gateway.path("site").join(manifest(&gateway)["index"].as_str().unwrap()).join("senders"),
    );
    let lines: String =
        senders.unwrap().map(|file| fs::read_to_string(file.unwrap().path()).unwrap()).collect();
    assert!(lines.lines().any(|line| line.starts_with(&SYSTEM[26..])));
    assert!(!lines.lines().any(|line| line.starts_with("0000000000000000 ")));
}

/// A contract with logs in many batches.
const SYSTEM: &str = "0x000000000000000000000000000000000000800b";

/// A second run changes only what is new; files of batches stay as they are.
#[test]
fn a_later_run_adds_what_is_new() {
    let gateway = Gateway::new("gateway-v29");
    let all = fs::read_to_string(gateway.path("logs.jsonl")).unwrap();
    let some: String = all.lines().take(20).map(|line| format!("{line}\n")).collect();
    let index = |text: &str| {
        let (logs, archive) = (gateway.path("some.jsonl"), gateway.path("gateway.slmsg"));
        fs::write(&logs, text).unwrap();
        let indexed = run(["index", logs.to_str().unwrap(), "-o", archive.to_str().unwrap()]);
        assert_eq!(indexed.code, Some(0), "{}", indexed.stderr);
    };
    index(&some);
    publish(&gateway, &[]);
    let before = manifest(&gateway);
    let files = |name: &str| fs::metadata(gateway.path(name)).unwrap().modified().unwrap();
    let first = &before["chains"][0];
    let list =
        fs::read_to_string(gateway.path("site").join(first["list"].as_str().unwrap())).unwrap();
    let batch = list.split(' ').next().unwrap();
    let name = format!("site/batches/{}/{batch}.json", first["chainId"]);
    let written = files(&name);
    // Nothing is new.
    publish(&gateway, &[]);
    assert_eq!(manifest(&gateway), before);
    // The archive grows.
    index(&all);
    publish(&gateway, &[]);
    assert_ne!(manifest(&gateway), before);
    assert_eq!(files(&name), written);
    assert_eq!(verified(&gateway).code, Some(0));
    // An archive without what was published is refused.
    index(&some);
    let refused = publish(&gateway, &[]);
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert_eq!(verified(&gateway).code, Some(0));
}

/// Messages and hashes of transactions that were published do not get lost.
#[test]
fn a_later_run_drops_nothing() {
    let gateway = Gateway::new("gateway-v29");
    publish(&gateway, &[]);
    let before = manifest(&gateway);
    let text = fs::read_to_string(gateway.path("logs.jsonl")).unwrap();
    for (member, what) in [("transactions", "hashes of transactions"), ("messages", "messages")] {
        let lines = text.lines().map(|line| {
            let mut line: Value = serde_json::from_str(line).unwrap();
            line[member] = json!([]);
            if member == "transactions" {
                line.as_object_mut().unwrap().remove(member);
            }
            format!("{line}\n")
        });
        fs::write(gateway.path("logs.jsonl"), lines.collect::<String>()).unwrap();
        let [logs, archive] = ["logs.jsonl", "gateway.slmsg"].map(|name| gateway.path(name));
        let indexed = run(["index", logs.to_str().unwrap(), "-o", archive.to_str().unwrap()]);
        assert_eq!(indexed.code, Some(0), "{}", indexed.stderr);
        let refused = publish(&gateway, &[]);
        assert_eq!(refused.code, Some(2), "{}", refused.stderr);
        assert!(refused.stderr.contains(what), "{}", refused.stderr);
        assert_eq!(manifest(&gateway), before);
        assert_eq!(verified(&gateway).code, Some(0));
        fs::write(gateway.path("logs.jsonl"), &text).unwrap();
    }
}

/// What a state of L1 says of the proofs, which a later run adds and no run drops.
#[test]
fn what_l1_says_is_published() {
    let gateway = Gateway::new("gateway-v29");
    let targets = || -> Vec<Value> {
        let folder = gateway.path("site/batches/324");
        let mut files: Vec<_> =
            fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        let file =
            |path: &PathBuf| -> Value { serde_json::from_slice(&fs::read(path).unwrap()).unwrap() };
        let all = files.iter().map(file).filter(|file| file["targets"].is_object());
        all.map(|file| file["targets"].clone()).collect()
    };
    publish(&gateway, &[]);
    assert!(targets().iter().all(|of| of["l1BatchRoot"].get("l1").is_none()));
    let l1 = crate::support::fixture("gateway-v29/l1.state.anvil.json");
    let anchor = ["--anchor", l1.to_str().unwrap(), "--anchor-bridgehub", BRIDGEHUB];
    let published = publish(&gateway, &anchor);
    assert_eq!(published.code, Some(0), "{}", published.stderr);
    let with_l1 = targets();
    assert!(with_l1.len() > 3);
    for of in &with_l1 {
        let l1 = &of["l1BatchRoot"]["l1"];
        assert_eq!(l1["valid"], true, "{of}");
        assert!(
            l1["anchor"].as_str().unwrap().starts_with("l2LogsRootHashes of diamond 0x"),
            "{l1}"
        );
        assert!(of["messageRoot"].get("l1").is_none(), "{of}");
    }
    let before = manifest(&gateway);
    // A file that is written again without a state of L1 keeps what was said.
    let site = gateway.path("site");
    let lists: Vec<String> = before["chains"]
        .as_array()
        .unwrap()
        .iter()
        .map(|chain| chain["list"].as_str().unwrap().to_owned())
        .collect();
    assert!(!lists.is_empty());
    publish(&gateway, &[]);
    assert_eq!(manifest(&gateway), before);
    assert_eq!(targets(), with_l1);
    assert!(site.join(&lists[0]).exists());
    assert_eq!(verified(&gateway).code, Some(0));
}

/// All roots are published as lines, and for the page no more than it draws. The two have to agree.
#[test]
fn roots_are_those_of_the_contract() {
    let gateway = Gateway::new("gateway-v29");
    publish(&gateway, &[]);
    let good = manifest(&gateway);
    let path = |manifest: &Value, member: &str| {
        gateway.path("site").join(manifest[member].as_str().unwrap())
    };
    let lines = fs::read_to_string(path(&good, "allRoots")).unwrap();
    let stored = crate::support::json("gateway-v29/roots.json")["historicalRoot"].clone();
    let mut expected: Vec<(u64, String)> = stored
        .as_object()
        .unwrap()
        .iter()
        .map(|(block, root)| (block.parse().unwrap(), root.as_str().unwrap().to_owned()))
        .collect();
    expected.sort();
    let found = lines.lines().map(|line| line.rsplit_once(' ').unwrap().0.to_owned());
    assert!(found.eq(expected.iter().map(|(block, root)| format!("{block} {root}"))));
    let plot: Value = serde_json::from_slice(&fs::read(path(&good, "roots")).unwrap()).unwrap();
    assert_eq!(plot["count"], expected.len());
    assert_eq!(plot["roots"].as_array().unwrap().len(), expected.len());
    // Lines without the newest root, under a name and a hash that fit them.
    let fewer: String =
        lines.lines().take(expected.len() - 1).map(|line| format!("{line}\n")).collect();
    let hash = slproof::keccak::keccak256(fewer.as_bytes()).to_string();
    let mut bad = good.clone();
    bad["allRoots"] = json!("roots/fewer.txt");
    bad["allRootsHash"] = json!(hash);
    fs::write(path(&bad, "allRoots"), fewer).unwrap();
    fs::write(gateway.path("site/manifest.json"), bad.to_string()).unwrap();
    let checked = verified(&gateway);
    assert_eq!(checked.code, Some(3), "{}", checked.stderr);
    assert!(checked.stderr.contains("other roots than roots/fewer.txt"), "{}", checked.stderr);
}

/// Batches without a proof to L1 are published with the other one, and again when there is one.
#[test]
fn a_partial_batch_is_completed_later() {
    let gateway = Gateway::new("gateway-v29");
    let states = || {
        let manifest = manifest(&gateway);
        let list = manifest["chains"][0]["list"].as_str().unwrap();
        let text = fs::read_to_string(gateway.path("site").join(list)).unwrap();
        text.lines().map(|line| line.rsplit(' ').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    publish_without_l1(&gateway, None);
    assert!(states().iter().all(|state| state == "partial"), "{:?}", states());
    assert_eq!(verified(&gateway).code, Some(0));
    // The trees of another history prove only a batch that both have; the other proofs stay.
    let lists = |manifest: &Value| -> Vec<Value> {
        let chains = manifest["chains"].as_array().unwrap().iter();
        chains.filter(|chain| chain["chainId"] != 8_022_833).cloned().collect()
    };
    let before = manifest(&gateway);
    let other = Gateway::new("gateway-v31");
    publish_without_l1(&gateway, Some(other.path("gateway.sltree").to_str().unwrap()));
    let after = manifest(&gateway);
    assert_eq!(lists(&after), lists(&before));
    assert_eq!(lists(&after).len(), 14);
    assert_eq!(after["index"], before["index"]);
    assert_eq!(verified(&gateway).code, Some(0));
    publish(&gateway, &[]);
    assert!(states().iter().all(|state| state == "whole"), "{:?}", states());
    assert_eq!(verified(&gateway).code, Some(0));
}

/// Batches that were published without hashes of transactions get them, and keep the proofs that this run cannot make.
#[test]
fn a_later_run_adds_hashes_of_transactions() {
    let gateway = Gateway::new("gateway-v29");
    let with = fs::read(gateway.path("gateway.slmsg")).unwrap();
    let all = fs::read_to_string(gateway.path("logs.jsonl")).unwrap();
    let without = all.lines().map(|line| {
        let mut line: Value = serde_json::from_str(line).unwrap();
        line.as_object_mut().unwrap().remove("transactions");
        format!("{line}\n")
    });
    let (logs, archive) = (gateway.path("without.jsonl"), gateway.path("gateway.slmsg"));
    fs::write(&logs, without.collect::<String>()).unwrap();
    let indexed = run(["index", logs.to_str().unwrap(), "-o", archive.to_str().unwrap()]);
    assert_eq!(indexed.code, Some(0), "{}", indexed.stderr);
    publish(&gateway, &[]);
    fs::write(&archive, with).unwrap();
    publish_without_l1(&gateway, None);
    let checked = verified(&gateway);
    assert_eq!(checked.code, Some(0), "{}", checked.stderr);
    let mut expected =
        prove(&gateway, &["--tx", RECORDED, "--target", "sl-batch:first", "--format", "ndjson"]);
    let (mut lines, _) = made(&serve_files(&gateway.path("site")), RECORDED, "l1BatchRoot");
    expected.sort();
    lines.sort();
    assert!(!lines.is_empty());
    assert_eq!(lines, expected);
}

/// Publishes what the trees show without the batches of the settlement layer.
fn publish_without_l1(gateway: &Gateway, tree: Option<&str>) {
    let mut flags = gateway.flags();
    flags.truncate(4);
    if let Some(tree) = tree {
        flags[1] = tree.to_owned();
    }
    let site = gateway.path("site").to_str().unwrap().to_owned();
    let published = run(["publish".to_owned(), "-o".to_owned(), site].into_iter().chain(flags));
    assert_eq!(published.code, Some(0), "{}", published.stderr);
}

/// A failure of power may leave empty files under names that have the digest of their content.
#[test]
fn files_of_an_interrupted_run_are_written_again() {
    let gateway = Gateway::new("gateway-v29");
    publish(&gateway, &[]);
    let before = manifest(&gateway);
    let site = gateway.path("site");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let index = site.join(text(&before["index"]));
    let messages = fs::read_dir(index.join("messages")).unwrap().next().unwrap().unwrap().path();
    fs::remove_file(site.join("manifest.json")).unwrap();
    for file in [
        messages,
        index.join("hashes.txt"),
        site.join(text(&before["roots"])),
        site.join(text(&before["chains"][0]["list"])),
    ] {
        fs::write(file, "").unwrap();
    }
    publish(&gateway, &[]);
    assert_eq!(manifest(&gateway), before);
    let checked = verified(&gateway);
    assert_eq!(checked.code, Some(0), "{}", checked.stderr);
}

/// A run that was interrupted may leave files of batches that are not listed yet. Their proofs are kept if they hold.
#[test]
fn proofs_of_an_interrupted_run_are_kept() {
    let gateway = Gateway::new("gateway-v29");
    publish(&gateway, &[]);
    let file = gateway.path("site/batches/324/501234.json");
    let read = || -> Value { serde_json::from_slice(&fs::read(&file).unwrap()).unwrap() };
    let good = read();
    assert!(good["targets"]["l1BatchRoot"]["tail"].is_array());
    let mut damaged = good.clone();
    damaged["targets"]["l1BatchRoot"]["tail"][0] = good["root"].clone();
    let is_partial = |of: &Value| of["targets"]["l1BatchRoot"]["code"].is_string();
    for (left, holds) in [(&good, true), (&damaged, false)] {
        // The same content with spaces has another hash.
        fs::write(&file, serde_json::to_vec_pretty(left).unwrap()).unwrap();
        publish_without_l1(&gateway, None);
        assert_eq!(is_partial(&read()), !holds);
        assert_eq!(verified(&gateway).code, Some(0));
    }
}

/// A foreign manifest leads to nothing but regular files in the directory.
#[cfg(unix)]
#[test]
fn names_outside_of_the_directory_are_refused() {
    let gateway = Gateway::new("gateway-v31");
    publish(&gateway, &[]);
    let before = manifest(&gateway);
    let site = gateway.path("site");
    let roots = before["roots"].as_str().unwrap();
    let outside = gateway.path("outside.json");
    fs::copy(site.join(roots), &outside).unwrap();
    std::os::unix::fs::symlink(&outside, site.join("link.json")).unwrap();
    let made = Command::new("mkfifo").arg(site.join("pipe.json")).status().unwrap();
    assert!(made.success());
    for name in
        ["../outside.json", outside.to_str().unwrap(), "/dev/zero", "link.json", "pipe.json", ""]
    {
        let mut manifest = before.clone();
        manifest["roots"] = json!(name);
        fs::write(site.join("manifest.json"), manifest.to_string()).unwrap();
        let checked = verified(&gateway);
        assert_eq!(checked.code, Some(3), "{name}: {}", checked.stderr);
    }
}

/// Every kind of file is compared with what names it.
#[test]
fn a_changed_file_is_noticed() {
    let gateway = Gateway::new("gateway-v29");
    publish(&gateway, &[]);
    let manifest = manifest(&gateway);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let index = text(&manifest["index"]);
    let some =
        fs::read_dir(gateway.path("site").join(&index).join("messages")).unwrap().next().unwrap();
    let lines = fs::read_to_string(gateway.path("site").join(text(&manifest["chains"][0]["list"])))
        .unwrap();
    let batch = format!(
        "batches/{}/{}.json",
        manifest["chains"][0]["chainId"],
        lines.split(' ').next().unwrap()
    );
    let part = large_part(&gateway.path("site/batches"));
    for file in [
        gateway.path("site").join(&batch),
        part,
        some.unwrap().path(),
        gateway.path("site").join(index).join("hashes.txt"),
        gateway.path("site").join(text(&manifest["chains"][0]["list"])),
        gateway.path("site").join(text(&manifest["roots"])),
        gateway.path("site").join(text(&manifest["allRoots"])),
        gateway.path("site/manifest.json"),
    ] {
        let good = fs::read(&file).unwrap();
        let mut bad = good.clone();
        // A digit in the middle.
        let at = (bad.len() / 2..bad.len()).find(|at| bad[*at].is_ascii_digit()).unwrap();
        bad[at] = if bad[at] == b'7' { b'8' } else { b'7' };
        fs::write(&file, &bad).unwrap();
        let checked = verified(&gateway);
        assert_eq!(checked.code, Some(3), "{}: {}", file.display(), checked.stderr);
        fs::write(&file, &good).unwrap();
    }
    assert_eq!(verified(&gateway).code, Some(0));
}

/// What the manifest says of a chain is what its batches have.
#[test]
fn changed_counts_are_noticed() {
    let gateway = Gateway::new("gateway-v31");
    publish(&gateway, &[]);
    let good = manifest(&gateway);
    for member in ["batches", "firstBatch", "lastBatch", "logs", "messages"] {
        let mut bad = good.clone();
        let count = &mut bad["chains"][1][member];
        *count = json!(count.as_u64().unwrap() + 1);
        fs::write(gateway.path("site/manifest.json"), bad.to_string()).unwrap();
        let checked = verified(&gateway);
        assert_eq!(checked.code, Some(3), "{member}: {}", checked.stderr);
        assert!(checked.stderr.contains("other counts of chain"), "{}", checked.stderr);
    }
}

/// A file with a part of the logs of a large batch.
fn large_part(batches: &Path) -> PathBuf {
    for chain in fs::read_dir(batches).unwrap() {
        for file in fs::read_dir(chain.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            if path.file_name().unwrap().to_str().unwrap().ends_with(".1.json") {
                return path;
            }
        }
    }
    panic!("there is no large batch");
}
