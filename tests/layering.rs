//! The layering rule of ARCHITECTURE.md, read off the crate graph and the `use` lines.

use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the workspace exists")
}

fn dependencies(package: &str) -> Vec<String> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let out = Command::new(cargo)
        .args([
            "tree",
            "--offline",
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--format",
            "{p}",
            "-p",
            package,
        ])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8_lossy(&out.stdout)
        .lines()
        .filter_map(|line| line.split_whitespace().next().map(str::to_owned))
        .collect()
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("the folder is readable") {
        let path = entry.expect("the entry is readable").path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// The paths a file names, without its comments and without its inline tests.
fn code(path: &Path) -> String {
    let text = std::fs::read_to_string(path).expect("the file is UTF-8");
    let body = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    body.lines().filter(|l| !l.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_pure_crate_depends_on_nothing_of_the_outside() {
    let all = dependencies("fs-proto");
    assert_eq!(all, ["fs-proto"], "fs-proto has no run-time dependency at all");
}

#[test]
fn arrows_point_down() {
    for (package, forbidden) in
        [("fs-core", &["fs-sip", "gst-plugin-fs", "tokio", "rsip"][..]), ("fs-sip", &["gst-plugin-fs"][..])]
    {
        let all = dependencies(package);
        for name in forbidden {
            assert!(!all.iter().any(|d| d == name), "{package} must not depend on {name}");
        }
    }
}

#[test]
fn pure_files_of_the_sip_layer_touch_no_shell() {
    // Folders whose every file is pure, and the shell files and folders of the others, which are exempt.
    let pure = [
        "wire",
        "transaction",
        "dialog",
        "endpoint",
        "sdp",
        "session",
        "resolver",
        "registration",
        "publication",
        "subscription",
    ];
    let shell = [
        "endpoint/driver.rs",
        "endpoint/resolve.rs",
        "session/mod.rs",
        "session/actor/",
        "session/streams.rs",
        "resolver/dns.rs",
        "registration/mod.rs",
    ];
    let forbidden = [
        "tokio::",
        "gst::",
        "glib::",
        "fs_core::",
        "std::net::UdpSocket",
        "std::thread",
        "Instant::now",
        "SystemTime::now",
        "once_cell",
    ];
    let source = root().join("fs-sip/src");
    let mut seen = 0;
    for folder in pure {
        let mut files = Vec::new();
        if source.join(folder).is_dir() {
            rust_files(&source.join(folder), &mut files);
        }
        for file in files {
            let name = file.strip_prefix(&source).expect("below src").to_string_lossy().into_owned();
            let exempt = |shell: &&str| name == *shell || (shell.ends_with('/') && name.starts_with(*shell));
            if shell.iter().any(exempt) || name.ends_with("tests.rs") {
                continue;
            }
            seen += 1;
            let code = code(&file);
            for word in forbidden {
                assert!(!code.contains(word), "{name} is pure and must not name {word}");
            }
        }
    }
    assert!(seen > 20, "the pure folders were read ({seen} files)");
}

#[test]
fn only_one_folder_of_the_sip_layer_knows_gstreamer() {
    let source = root().join("fs-sip/src");
    let mut files = Vec::new();
    rust_files(&source, &mut files);
    for file in files {
        let name = file.strip_prefix(&source).expect("below src").to_string_lossy().into_owned();
        if name.starts_with("media/farstream/") || name.starts_with("gobject/") {
            continue;
        }
        let code = code(&file);
        assert!(
            !code.contains("gst::") && !code.contains("fs_core::"),
            "{name} must not name gst or fs-core"
        );
    }
}
