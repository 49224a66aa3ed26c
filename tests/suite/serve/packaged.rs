use std::{fs, path::Path, process::Command};

use serde_json::json;

use crate::support::{binary::run, server::Gateway, tools::tool};

const PROGRAM: &str = "/usr/local/bin/slproof";
const CONFIG: &str = "/etc/slproof/serve.json";

/// The unit for systemd. A published package does not have it.
fn unit() -> Option<String> {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/slproof.service")).ok()
}

/// The program takes the commands of the unit.
#[test]
fn the_commands_of_the_unit_are_those_of_the_program() {
    let Some(unit) = unit() else { return };
    let gateway = Gateway::new("gateway-v29");
    let config = gateway.path("serve.json");
    let layers = json!([{"tree": ["gateway.sltree"], "slBatches": ["sl.jsonl"]}]);
    let text = json!({"messages": ["gateway.slmsg"], "layers": layers}).to_string();
    fs::write(&config, text).unwrap();
    let command = |name: &str| {
        let line = unit.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        let args = line.strip_prefix(PROGRAM).unwrap().split_whitespace();
        args.map(|arg| arg.replace(CONFIG, config.to_str().unwrap())).collect::<Vec<_>>()
    };
    let (before, start) = (command("ExecStartPre="), command("ExecStart="));
    let checked = run(&before);
    assert_eq!((checked.code, &*checked.stderr), (Some(0), ""));
    // The check is of what is started.
    assert_eq!(before, [&start[..], &["--check".into(), "--quiet".into()]].concat());
}

/// systemd knows every line of the unit, and finds it well confined.
#[test]
fn systemd_takes_the_unit() {
    let Some(unit) = unit() else { return };
    if tool("systemd-analyze", &["--version"], b"").is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("slproof.service");
    let said = |unit: &str, args: &[&str]| {
        fs::write(&file, unit).unwrap();
        let output = Command::new("systemd-analyze").args(args).arg(&file).output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    // systemd looks whether the program is there.
    let installed = unit.replace(PROGRAM, env!("CARGO_BIN_EXE_slproof"));
    let verify = ["verify", "--man=no"];
    assert_eq!(said(&installed, &verify), (true, String::new()));
    let misspelled = installed.replace("PrivateTmp=", "PrivateTmpp=");
    assert!(said(&misspelled, &verify).1.contains("PrivateTmpp"));
    // The exposure in tenths: 16 of 100 with systemd 252.
    let confined = ["security", "--offline=yes", "--threshold=20", "--no-pager"];
    let (is_confined, errors) = said(&installed, &confined);
    assert!(is_confined, "{errors}");
    assert!(!said("[Service]\nExecStart=/bin/true\n", &confined).0);
}
