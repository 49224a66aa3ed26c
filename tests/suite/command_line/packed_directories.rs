use std::{fs, path::Path, process::Command};

use super::directories::{everything, survey, usage};
use crate::support::{
    binary::run,
    index_dir::{IndexDir, text},
    json,
};

const FOLDER: &str = "gateway-v29";

/// Packs a directory.
fn packed(dir: &IndexDir, name: &str) -> std::path::PathBuf {
    let archive = dir.path(&format!("{name}.tar.gz"));
    let directory = dir.path(name);
    let pack = ["-czf", text(&archive), "-C", text(&directory), "--sort=name", "."];
    assert!(Command::new("tar").args(pack).status().unwrap().success());
    archive
}

#[test]
fn a_tar_archive_of_several_files_is_what_its_directory_is() {
    let dir = everything();
    let (all, archive) = (dir.path("all"), packed(&dir, "all"));
    let (expected, found) = (survey(&all, &[], 0), survey(&archive, &[], 0));
    assert_eq!(found["provable"], expected["provable"]);
    assert_eq!(found["missing"], expected["missing"]);
    assert_eq!(usage(&found, "all.tar.gz:./gw/state.json"), "evidence");
    assert!(found["next"].as_str().unwrap().contains("--archive"), "{found}");
    for command in [&["prove", "--all", "--archive"][..], &["rebuild", "--json"]] {
        let [expected, found] = [&all, &archive].map(|path| run([command, &[text(path)]].concat()));
        assert_eq!(
            (found.code, &found.stdout),
            (expected.code, &expected.stdout),
            "{}",
            found.stderr
        );
    }
    let state = dir.path("all/gw/state.json");
    let index = |path: &Path, output: &str| {
        let run = dir.index(&[path.to_owned()], &["--tree", text(&state)], output);
        assert_eq!(run.code, Some(1), "{}", run.stderr);
        fs::read(dir.path(output)).unwrap()
    };
    assert_eq!(index(&archive, "packed.slmsg"), index(&all, "plain.slmsg"));
    // The output must not replace the archive.
    assert_eq!(run(["index", text(&archive), "-o", text(&archive)]).code, Some(2));
}

#[test]
fn a_tar_archive_of_the_parts_of_a_state_is_imported() {
    let dir = IndexDir::new();
    let state = json(&format!("{FOLDER}/state.anvil.json"));
    let mut parts = ["address,slot,value\n".to_owned(), "address,slot,value\n".to_owned()];
    for (at, (account, fields)) in state["accounts"].as_object().unwrap().iter().enumerate() {
        for (slot, value) in fields["storage"].as_object().unwrap() {
            parts[at % 2] += &format!("{account},{slot},{}\n", value.as_str().unwrap());
        }
    }
    let files = [dir.write("parts/a.csv", &parts[0]), dir.write("parts/b.csv", &parts[1])];
    dir.write("parts/README.md", "two parts");
    let archive = packed(&dir, "parts");
    let (plain, from_archive) = (dir.path("plain.slsnap"), dir.path("packed.slsnap"));
    let imported = run(["import", text(&files[0]), text(&files[1]), "-o", text(&plain)]);
    assert_eq!(imported.code, Some(0), "{}", imported.stderr);
    let imported = run(["import", text(&archive), "-o", text(&from_archive)]);
    assert_eq!(imported.code, Some(0), "{}", imported.stderr);
    assert_eq!(fs::read(plain).unwrap(), fs::read(from_archive).unwrap());
    let rebuilt = run(["rebuild", text(&archive)]);
    assert_eq!(rebuilt.code, Some(0), "{}", rebuilt.stderr);
}
