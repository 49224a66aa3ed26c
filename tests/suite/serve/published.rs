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
};

fn client() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/published.py")
}

/// A plain server of files. It ends with the process.
pub(super) fn serve_files(directory: &Path) -> String {
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
pub(super) fn made(url: &str, value: &str, target: &str) -> (Vec<String>, u64) {
    let output = Command::new("python3").arg(client()).args([url, value, target]).output().unwrap();
    let run = Run::from(output);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let lines = run.stdout.lines().map(str::to_owned).collect();
    (lines, run.stderr.trim().parse().unwrap())
}

pub(super) fn publish(gateway: &Gateway, rest: &[&str]) -> Run {
    let site = gateway.path("site").to_str().unwrap().to_owned();
    let args = ["publish", "-o", &site].map(str::to_owned);
    let rest = rest.iter().map(|flag| (*flag).to_owned());
    run(args.into_iter().chain(gateway.flags()).chain(rest))
}

/// Makes the message archive of a Gateway from other lines of logs.
pub(super) fn index(gateway: &Gateway, lines: &str) {
    let (logs, archive) = (gateway.path("some.jsonl"), gateway.path("gateway.slmsg"));
    fs::write(&logs, lines).unwrap();
    let indexed = run(["index", logs.to_str().unwrap(), "-o", archive.to_str().unwrap()]);
    assert_eq!(indexed.code, Some(0), "{}", indexed.stderr);
}

/// A Gateway whose archive has only a few batches, and their lines.
pub(super) fn small() -> (Gateway, String) {
    let gateway = Gateway::new("gateway-v29");
    let all = fs::read_to_string(gateway.path("logs.jsonl")).unwrap();
    let some: String = all.lines().take(8).map(|line| format!("{line}\n")).collect();
    index(&gateway, &some);
    (gateway, some)
}

pub(super) fn verified(gateway: &Gateway) -> Run {
    run(["verify", "--published", gateway.path("site").to_str().unwrap()])
}

pub(super) fn prove(gateway: &Gateway, rest: &[&str]) -> Vec<String> {
    let mut flags = gateway.flags();
    if rest.contains(&"first") {
        flags.truncate(4);
    }
    let rest = rest.iter().map(|flag| (*flag).to_owned());
    let proven = run(["prove".to_owned(), "-q".to_owned()].into_iter().chain(flags).chain(rest));
    assert!(proven.code.is_some_and(|code| code < 2), "{}", proven.stderr);
    proven.stdout.lines().map(str::to_owned).collect()
}

pub(super) fn manifest(gateway: &Gateway) -> Value {
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

/// All roots are published as lines, and for the page no more than it draws. The two have to agree.
#[test]
fn roots_are_those_of_the_contract() {
    let (gateway, _) = small();
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
        gateway.path("site/index.html"),
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

/// A batch has the proofs that its targets and the list say, under the right hashes too.
#[test]
fn targets_in_other_places_are_noticed() {
    let (gateway, _) = small();
    publish(&gateway, &[]);
    let site = gateway.path("site");
    let good = manifest(&gateway);
    let chains = good["chains"].as_array().unwrap();
    let at = chains.iter().position(|chain| chain["chainId"] == 324).unwrap();
    let list = site.join(chains[at]["list"].as_str().unwrap());
    let batch = site.join("batches/324/501234.json");
    let (lines, text) = (fs::read_to_string(&list).unwrap(), fs::read(&batch).unwrap());
    let file: Value = serde_json::from_slice(&text).unwrap();
    let hash = |bytes: &[u8]| slproof::keccak::keccak256(bytes).to_string();
    let verified_with = |file: &Value, state: &str| {
        let changed = file.to_string();
        fs::write(&batch, &changed).unwrap();
        let line = format!("501234 {} {state}", hash(changed.as_bytes()));
        let old = lines.lines().find(|line| line.starts_with("501234 ")).unwrap();
        let lines = lines.replace(old, &line);
        fs::write(&list, &lines).unwrap();
        let mut manifest = good.clone();
        manifest["chains"][at]["listHash"] = json!(hash(lines.as_bytes()));
        fs::write(site.join("manifest.json"), manifest.to_string()).unwrap();
        verified(&gateway)
    };
    assert_eq!(verified_with(&file, "whole").code, Some(0));
    let mut judged = file.clone();
    judged["targets"]["messageRoot"]["l1"] = json!({"valid": true});
    let mut misplaced = file.clone();
    misplaced["targets"]["messageRoot"]["gatewayBlockNumber"] = json!(u64::MAX);
    let mut swapped = file.clone();
    swapped["targets"]["l1BatchRoot"] = file["targets"]["messageRoot"].clone();
    let mut other = file.clone();
    other["targets"]["messageRoot"] = file["targets"]["l1BatchRoot"].clone();
    for (bad, state, reason) in [
        (&file, "partial", "the list says otherwise"),
        (&judged, "whole", "L1 judges no root of a block"),
        (&misplaced, "whole", "is not that of the interop root"),
        (&swapped, "whole", "of another kind than its place"),
        (&other, "whole", "of another kind than its place"),
    ] {
        let checked = verified_with(bad, state);
        assert_eq!(checked.code, Some(3), "{reason}: {}", checked.stderr);
        assert!(checked.stderr.contains(reason), "{}", checked.stderr);
    }
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
pub(super) fn large_part(batches: &Path) -> PathBuf {
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
