//! The page in Chromium, which the scripts in `tests/clients/browser/` drive: served, and published on a plain server of
//! files.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::{
    binary::run,
    fixture, json as fixture_json,
    server::{Server, withdrawals},
    tools::{is_installed, tool},
    withdrawals::BRIDGEHUB,
};

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/browser").join(name)
}

/// The flags for the state of L1.
fn l1() -> [String; 4] {
    let state = fixture("gateway-v29-to-v31/l1.state.anvil.json");
    ["--anchor", state.to_str().unwrap(), "--anchor-bridgehub", BRIDGEHUB].map(str::to_owned)
}

/// Files of a Gateway, of which one batch has more than 256 logs and others have large numbers; served and published.
struct Site {
    folder: tempfile::TempDir,
    server: Server,
}

impl Site {
    /// `None` if the browser or its driver is not installed.
    fn new() -> Option<Self> {
        let needed = [script("node_modules/playwright-core"), "/usr/bin/chromium".into()];
        if !needed.iter().all(|needed| is_installed(needed)) {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join("gateway");
        withdrawals(&archive);
        let archive = archive.to_str().unwrap();
        let site = folder.path().join("site");
        let flags = [&["--archive", archive].map(str::to_owned)[..], &l1()].concat();
        let output = ["publish", "-o", site.to_str().unwrap()].map(str::to_owned);
        let published = run(output.iter().chain(&flags));
        assert_eq!(published.code, Some(0), "{}", published.stderr);
        let server = Server::start(flags);
        Some(Self { folder, server })
    }

    /// Runs a script with the URL of the server and a path.
    fn run(&self, name: &str, path: &Path, input: &Value) {
        let url = format!("http://{}/", self.server.address);
        let script = script(name);
        let args = [&script, path].map(|path| path.to_str().unwrap());
        tool("node", &[args[0], &url, args[1]], input.to_string().as_bytes()).unwrap();
    }

    /// What `prove` writes, line by line.
    fn proven(&self, flags: &[&str]) -> Vec<String> {
        let archive = self.folder.path().join("gateway");
        let files = ["prove", "-q", "--archive", archive.to_str().unwrap()].map(str::to_owned);
        // L1 has no part in proofs to interop roots, only in the calls.
        let is_for_l1 = flags.contains(&"sl-batch:first") || flags.contains(&"calldata");
        let l1 = is_for_l1.then(l1).into_iter().flatten();
        let flags = flags.iter().map(|flag| (*flag).to_owned());
        let made = run(files.into_iter().chain(l1).chain(flags));
        assert_eq!(made.code, Some(0), "{}", made.stderr);
        made.stdout.lines().map(str::to_owned).collect()
    }
}

/// The page finds, shows, checks, refuses and copies what `prove` writes, from its own origin alone.
#[test]
fn the_page_in_a_browser() {
    let Some(site) = Site::new() else { return };
    let verifier = "0x0000000000000000000000000000000000010009";
    let of = |target| {
        let all = ["--all", "--target", target];
        let calldata = [&all[..], &["--format", "calldata", "--to", verifier]].concat();
        json!({"records": site.proven(&all), "calls": site.proven(&calldata)})
    };
    let huge = ["--chain", "9223372036854775813", "--batch", "9007199254740999", "--index", "0"];
    let bundle = site.folder.path().join("evidence.html");
    let format =
        ["--target", "sl-batch:first", "--format", "bundle", "-o", bundle.to_str().unwrap()];
    site.proven(&[&huge[..], &format].concat());
    let mut roots: Vec<(u64, Value)> =
        fixture_json("gateway-v29-to-v31/roots.json")["historicalRoot"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(block, root)| (block.parse().unwrap(), root.clone()))
            .collect();
    roots.sort_by_key(|(block, _)| *block);
    let expected = json!({"l1": of("sl-batch:first"), "interop": of("first"), "roots": roots});
    site.run("check.mjs", site.folder.path(), &expected);
}

/// Makes the pictures of the manual again.
#[test]
#[ignore = "writes docs/src/situations/page-*.png"]
fn screenshots() {
    let Some(site) = Site::new() else { return };
    let images = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/src/situations");
    site.run("screenshots.mjs", &images, &Value::Null);
}
