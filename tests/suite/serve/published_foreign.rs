//! Directories with files that `publish` did not write, and with contents that a client refuses.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use slproof::keccak::keccak256;

use super::published::{manifest, publish, small, verified};
use crate::support::{
    binary::{Run, run},
    fixture, json_lines,
    log_sources::lines,
    server::Gateway,
    tools::tool,
};

fn hash(bytes: &[u8]) -> String {
    keccak256(bytes).to_string()
}

/// Reads the directory of a Gateway back after the file of a batch got another content, under the right hashes.
fn verified_with(gateway: &Gateway, (chain, batch): (u64, u64), file: &Value) -> Run {
    let site = gateway.path("site");
    let mut manifest = manifest(gateway);
    let chains = manifest["chains"].as_array_mut().unwrap();
    let entry = chains.iter_mut().find(|entry| entry["chainId"] == chain).unwrap();
    let list = site.join(entry["list"].as_str().unwrap());
    let lines = fs::read_to_string(&list).unwrap();
    let (number, changed) = (batch.to_string(), hash(file.to_string().as_bytes()));
    let line = |line: &str| match line.split(' ').collect::<Vec<_>>()[..] {
        [of, _, state] if of == number => format!("{of} {changed} {state}\n"),
        _ => format!("{line}\n"),
    };
    let lines: String = lines.lines().map(line).collect();
    entry["listHash"] = json!(hash(lines.as_bytes()));
    fs::write(list, lines).unwrap();
    fs::write(site.join(format!("batches/{chain}/{batch}.json")), file.to_string()).unwrap();
    fs::write(site.join("manifest.json"), manifest.to_string()).unwrap();
    verified(gateway)
}

/// The file of a batch where a message comes right before or after a log that is none.
fn mixed_batch(site: &Path) -> (PathBuf, Value, [usize; 2]) {
    for chain in fs::read_dir(site.join("batches")).unwrap() {
        for file in fs::read_dir(chain.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            let value: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            let Some(entries) = value["entries"].as_array() else { continue };
            let has = |at: usize| entries[at]["message"].is_string();
            for at in 1..entries.len() {
                match (has(at - 1), has(at)) {
                    (true, false) => return (path, value, [at - 1, at]),
                    (false, true) => return (path, value, [at, at - 1]),
                    _ => {}
                }
            }
        }
    }
    panic!("no batch has a message beside another log");
}

/// Every message is at its own log: a client compares these two, and not the messages in their order with the logs.
#[test]
fn a_message_at_another_log_is_noticed() {
    let gateway = Gateway::new("gateway-v29");
    publish(&gateway, &[]);
    let (_, mut file, [from, to]) = mixed_batch(&gateway.path("site"));
    let key = ["chainId", "batchNumber"].map(|name| file[name].as_u64().unwrap());
    let message = file["entries"][from].as_object_mut().unwrap().remove("message").unwrap();
    file["entries"][to]["message"] = message;
    let checked = verified_with(&gateway, key.into(), &file);
    assert_eq!(checked.code, Some(3), "{}", checked.stderr);
    let says = format!("log {to}: there is a message, but the log is not of a message");
    assert!(checked.stderr.contains(&says), "{}", checked.stderr);
}

/// The list of roots does not contradict the roots to which proofs lead.
#[test]
fn another_root_in_the_list_is_noticed() {
    let (gateway, _) = small();
    publish(&gateway, &[]);
    let site = gateway.path("site");
    let file: Value =
        serde_json::from_slice(&fs::read(site.join("batches/324/501234.json")).unwrap()).unwrap();
    let target = &file["targets"]["messageRoot"]["target"];
    let (root, other) = (target["root"].as_str().unwrap(), format!("0x{}", "ab".repeat(32)));
    let mut manifest = manifest(&gateway);
    for (name, hash_name) in [("roots", "rootsHash"), ("allRoots", "allRootsHash")] {
        let path = site.join(manifest[name].as_str().unwrap());
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(root), "{name}");
        let changed = text.replace(root, &other);
        manifest[hash_name] = json!(hash(changed.as_bytes()));
        fs::write(path, changed).unwrap();
    }
    fs::write(site.join("manifest.json"), manifest.to_string()).unwrap();
    let checked = verified(&gateway);
    assert_eq!(checked.code, Some(3), "{}", checked.stderr);
    let says = format!("another root of block {}: {other}", target["number"]);
    assert!(checked.stderr.contains(&says), "{}", checked.stderr);
}

/// What a run would replace or remove, and no run wrote, stays.
#[test]
fn foreign_files_are_not_replaced() {
    let (gateway, _) = small();
    let site = gateway.path("site");
    for (name, content) in [
        ("index.html", "MINE"),
        ("index/new/mine.txt", "KEEP"),
        ("batches/mine", ""),
        ("publish.lock", "MINE"),
    ] {
        let file = site.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, content).unwrap();
        let refused = publish(&gateway, &[]);
        assert_eq!(refused.code, Some(3), "{name}: {}", refused.stderr);
        assert!(refused.stderr.contains("not from a run of publish"), "{}", refused.stderr);
        assert_eq!(fs::read_to_string(&file).unwrap(), content, "{name}");
        assert!(!site.join("manifest.json").exists());
        fs::remove_dir_all(&site).unwrap();
    }
    // Other names are no obstacle.
    fs::create_dir(&site).unwrap();
    fs::write(site.join("README.md"), "MINE").unwrap();
    let published = publish(&gateway, &[]);
    assert_eq!(published.code, Some(0), "{}", published.stderr);
    assert_eq!(fs::read_to_string(site.join("README.md")).unwrap(), "MINE");
    assert!(!site.join("publish.lock").exists());
    // A link at the name under which a file is written first.
    let precious = gateway.path("precious");
    fs::write(&precious, "precious").unwrap();
    symlink(&precious, site.join("index.new")).unwrap();
    assert_eq!(publish(&gateway, &[]).code, Some(0));
    assert_eq!(fs::read_to_string(&precious).unwrap(), "precious");
}

/// Two runs never write to one directory: the later manifest would drop what the other run published.
#[test]
fn only_one_run_writes_to_a_directory() {
    let (gateway, _) = small();
    let site = gateway.path("site");
    let lock = site.join("publish.lock");
    for is_first in [true, false] {
        let before = fs::read(site.join("manifest.json")).ok();
        assert_eq!(before.is_none(), is_first);
        fs::create_dir_all(&site).unwrap();
        fs::write(&lock, "slproof publishes here\n").unwrap();
        let other = fs::File::open(&lock).unwrap();
        other.lock().unwrap();
        let refused = publish(&gateway, &[]);
        assert_eq!(refused.code, Some(6), "{}", refused.stderr);
        assert!(refused.stderr.contains("another job is writing"), "{}", refused.stderr);
        assert_eq!(fs::read(site.join("manifest.json")).ok(), before);
        // The other run was interrupted.
        drop(other);
        let published = publish(&gateway, &[]);
        assert_eq!(published.code, Some(0), "{}", published.stderr);
        assert!(!lock.exists());
    }
    assert_eq!(verified(&gateway).code, Some(0));
}

/// A published directory among the data is named and passed over: what it has is in the data.
#[test]
fn a_published_directory_is_no_evidence() {
    let folder = tempfile::tempdir().unwrap();
    let all = folder.path().join("all");
    fs::create_dir(&all).unwrap();
    for file in ["state.anvil.json", "events.jsonl.gz", "gw_batches.jsonl"] {
        fs::copy(fixture(&format!("gateway-v29/{file}")), all.join(file)).unwrap();
    }
    let batches = json_lines("gateway-v29/logs.jsonl.gz").into_iter().take(8);
    fs::write(all.join("logs.jsonl"), lines(batches)).unwrap();
    // Beside the data, and in a directory of its own.
    for site in [all.join("site"), all.clone()] {
        let args = ["publish", "--archive", all.to_str().unwrap(), "-o", site.to_str().unwrap()];
        for _ in 0..2 {
            let published = run(args);
            assert_eq!(published.code, Some(0), "{}", published.stderr);
        }
        let checked = run(["verify", "--published", site.to_str().unwrap()]);
        assert_eq!(checked.code, Some(0), "{}", checked.stderr);
    }
    let surveyed = run(["survey", "--json", all.to_str().unwrap()]);
    assert_eq!(surveyed.code, Some(0), "{}", surveyed.stderr);
    let survey: Value = serde_json::from_str(&surveyed.stdout).unwrap();
    let files = survey["files"].as_array().unwrap();
    assert_eq!(files.len(), 6, "{survey}");
    let manifests =
        files.iter().filter(|file| file["what"] == "the manifest of a published directory");
    assert_eq!(manifests.filter(|file| file["use"] == "nothing").count(), 2, "{survey}");
}

/// Flags that complete records say nothing of a published directory.
#[test]
fn flags_about_records_are_refused_for_a_directory() {
    let (gateway, _) = small();
    publish(&gateway, &[]);
    let site = gateway.path("site");
    for flag in [["--chain-id", "5"], ["--batch", "7"], ["--network", "mainnet"]] {
        let refused = run([&["verify", "--published", site.to_str().unwrap()][..], &flag].concat());
        assert_eq!(refused.code, Some(2), "{}", refused.stderr);
        assert!(refused.stderr.contains(flag[0]), "{}", refused.stderr);
    }
}

/// The page refuses a line of an index with more logs than a batch can have, and makes no list of them.
#[test]
fn the_page_does_no_more_work_than_a_batch_has_logs() {
    let (gateway, _) = small();
    publish(&gateway, &[]);
    let site = gateway.path("site");
    let messages = site.join(manifest(&gateway)["index"].as_str().unwrap()).join("messages");
    let file = fs::read_dir(messages).unwrap().next().unwrap().unwrap().path();
    let good = fs::read_to_string(&file).unwrap();
    let key = good.split(' ').next().unwrap().to_owned();
    let asked = json!({"find": format!("0x{key}{}", "0".repeat(48))}).to_string();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/sources.cjs");
    let page = site.join("index.html");
    let args = [&script, &page, &site].map(|path| path.to_str().unwrap());
    let count = |line: &str| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap();
    let of_key = good.lines().filter(|line| line.starts_with(&key));
    let logs: u64 = of_key.map(count).sum();
    let Some(printed) = tool("node", &args, asked.as_bytes()) else { return };
    let said: Value = serde_json::from_slice(&printed).unwrap();
    assert_eq!(said["found"], logs, "{said}");
    for many in ["16385", "4000000000", "1e9", "-", "NaN"] {
        fs::write(&file, format!("{key} 324 501234 0 {many}\n")).unwrap();
        let said: Value =
            serde_json::from_slice(&tool("node", &args, asked.as_bytes()).unwrap()).unwrap();
        let error = said["error"].as_str().unwrap();
        assert!(error.contains("the index is damaged"), "{many}: {said}");
    }
}
