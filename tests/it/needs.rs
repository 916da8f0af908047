//! `tests/needs`, which tells what the machine lacks before a test is run.

use std::path::Path;
use std::process::Command;

/// Whoever is not root is told all at once, and no package manager is started.
#[test]
fn what_is_missing_is_told_with_the_way_to_get_it() {
    let programs = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("needs-{}", std::process::id()));
    std::fs::create_dir_all(&programs).unwrap();
    let script = |name: &str, text: &str| {
        let path = programs.join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        assert!(Command::new("chmod").arg("+x").arg(&path).status().unwrap().success());
    };
    script("id", "echo 1000");
    script("apt-get", "touch \"$(dirname \"$0\")/asked\"");
    script("tmux", "");
    script("node", "echo false");
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/needs");
    let output = Command::new("/bin/bash")
        .arg(tests)
        .args(["tmux", "chromium", "node", "cargo"])
        .env("PATH", &programs)
        .env_remove("CHROMIUM")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("chromium node cargo\n"), "{said}");
    assert!(said.contains("  sudo apt-get install chromium nodejs "), "{said}");
    assert!(said.contains("https://rustup.rs") && !said.contains("tmux"), "{said}");
    assert!(!programs.join("asked").exists());
    let _ = std::fs::remove_dir_all(programs);
}
