//! The static program: `simple_call` holds the crates in itself, talks, and exports no C symbol of the library.

use std::process::Command;

const PROGRAM: &str = env!("CARGO_BIN_EXE_simple_call");

#[test]
fn both_sides_hear_each_other() {
    let registry = std::env::temp_dir().join(format!("fs-simple-call-{}.bin", std::process::id()));
    let out = Command::new(PROGRAM)
        .env("GST_REGISTRY", &registry)
        .env("G_DEBUG", "fatal-criticals")
        .env_remove("FS_PLUGIN_PATH")
        .output()
        .expect("the example is built");
    let _ = std::fs::remove_file(registry);
    let text = String::from_utf8_lossy(&out.stdout);
    assert!(out.status.success(), "{text}\n{}", String::from_utf8_lossy(&out.stderr));
    assert!(text.contains("fsrtpconference: built into this program"), "another Farstream answered: {text}");
    assert_eq!(text.matches("heard the other's tone").count(), 2, "{text}");
}

#[test]
fn the_program_exports_no_symbol_of_the_library() {
    let out =
        Command::new("nm").args(["--dynamic", "--defined-only", PROGRAM]).output().expect("nm is installed");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let text = String::from_utf8_lossy(&out.stdout);
    let ours: Vec<_> = text.lines().filter(|l| l.contains(" fs_") || l.contains("gst_plugin_")).collect();
    assert!(ours.is_empty(), "exported: {ours:?}");
    let needed = Command::new("ldd").arg(PROGRAM).output().expect("ldd is installed");
    assert!(!String::from_utf8_lossy(&needed.stdout).contains("farstream"), "linked to a shared Farstream");
}
