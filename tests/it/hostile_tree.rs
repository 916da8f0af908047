//! Trees with things in them that are no source: they are told of or passed over, and nothing hangs.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Far more than any of these needs, far less than a hang.
const PATIENCE: Duration = Duration::from_secs(60);

const MAIN: &str = "from fastapi import FastAPI\nimport pipe, folder, huge, latin\n\napp = FastAPI()\n\n@app.get(\"/a\")\ndef a(x=huge.y): ...\n";

fn tree(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("hostile-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&root);
    std::fs::create_dir_all(&root).unwrap();
    std::fs::write(root.join("main.py"), MAIN).unwrap();
    root
}

/// Runs `authlens check` on a tree; its report, unless it takes too long.
fn check(root: &Path) -> serde_json::Value {
    let mut child = Command::new(env!("CARGO_BIN_EXE_authlens"))
        .args(["check", "--format", "json"])
        .current_dir(root)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let began = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if began.elapsed() > PATIENCE {
            let _ = child.kill();
            panic!("the check of {} hangs", root.display());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let output = child.wait_with_output().unwrap();
    let _ = std::fs::remove_dir_all(root);
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn pipes_folders_and_broken_links_are_no_sources() {
    let root = tree("pipes");
    assert!(Command::new("mkfifo").arg(root.join("pipe.py")).status().unwrap().success());
    std::fs::create_dir(root.join("folder.py")).unwrap();
    for (link, target) in
        [("a.py", "b.py"), ("b.py", "a.py"), ("tty.py", "pipe.py"), ("zero.py", "/dev/zero"), ("up", ".")]
    {
        std::os::unix::fs::symlink(target, root.join(link)).unwrap();
    }
    let report = check(&root);
    assert_eq!(report["summary"]["routes"], 1);
    assert_eq!(report["summary"]["not_fully_analysed"], 0);
}

#[test]
fn what_can_not_be_read_is_told() {
    let root = tree("huge");
    let huge = "# fastapi\ny = 1\n".repeat((4 << 20) / 16 + 1);
    std::fs::write(root.join("huge.py"), huge).unwrap();
    std::fs::write(root.join("latin.py"), b"# \xe9\nimport fastapi\n").unwrap();
    let report = check(&root);
    let told: Vec<&str> = report["diagnostics"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|found| found["rule"] == "not-fully-analysed")
        .map(|found| found["path"].as_str().unwrap())
        .collect();
    assert_eq!(told, ["huge.py", "latin.py"], "{report}");
    assert_eq!(report["summary"]["routes"], 1);
}

#[test]
fn a_deep_tree_ends() {
    let root = tree("deep");
    let mut folder = root.clone();
    for _ in 0..400 {
        folder.push("d");
    }
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("deep.py"), MAIN).unwrap();
    assert_eq!(check(&root)["summary"]["routes"], 2);
}
