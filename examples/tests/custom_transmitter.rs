//! A transmitter from outside of the tree, in a program that holds the crates in itself: file and program each have a copy of
//! `fs-core`, and must meet in one set of types.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds the file with the features that such a crate has by itself, and gives it the name that is looked for.
fn build(folder: &Path) {
    let test = std::env::current_exe().expect("the test has a path");
    let built = test.ancestors().nth(2).expect("a test is in target/PROFILE/deps");
    let profile = built.file_name().and_then(|name| name.to_str()).expect("the folder of the profile");
    let target = built.parent().expect("the target folder");
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("custom_transmitter/Cargo.toml");
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let out = Command::new(cargo)
        .args([
            "build",
            "--offline",
            "--quiet",
            "--profile",
            if profile == "debug" { "dev" } else { profile },
        ])
        .arg("--target-dir")
        .arg(target)
        .arg("--manifest-path")
        .arg(manifest)
        .output()
        .expect("cargo runs");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let file = target.join(profile).join("libunixgram_transmitter.so");
    std::fs::copy(file, folder.join("libunixgram-transmitter.so")).expect("cargo made the file");
}

fn folder() -> PathBuf {
    let folder = std::env::temp_dir().join(format!("fs-custom-transmitter-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("the folder for temporary files can be written to");
    folder
}

#[test]
fn both_sides_hear_each_other_over_it() {
    let folder = folder();
    build(&folder);
    let out = Command::new(env!("CARGO_BIN_EXE_simple_call"))
        .arg("unixgram")
        .env("GST_REGISTRY", folder.join("registry.bin"))
        .env("FS_PLUGIN_PATH", &folder)
        .env("G_DEBUG", "fatal-criticals")
        .output()
        .expect("the example is built");
    let (text, errors) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    let _ = std::fs::remove_dir_all(&folder);
    assert!(out.status.success(), "{text}\n{errors}");
    assert_eq!(text.matches("heard the other's tone").count(), 2, "{text}");
    assert!(!errors.contains("cannot register"), "{errors}");
}
