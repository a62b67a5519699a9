//! The demonstration: two processes place a SIP call on loopback and exchange speech.
//!
//! `cargo run --release -p fs-examples --bin demo -- [--seconds N] [--codecs LIST] [--device]`
//!
//! Prints what both sides do while they do it, then a table: codec, time from INVITE to the first heard sample,
//! packets, jitter, how closely what was heard matches what was sent, and where the WAV files lie. With `--device`
//! the caller speaks and hears through the real sound device, so there is nothing to compare. Exits with 1 when the
//! call or the match fails.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use fs_examples::arguments::Arguments;
use fs_examples::correlation::compare;
use fs_examples::speech::{self, Voice};
use fs_examples::wav::Sound;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// The least correlation that counts as "the same speech". A lossy codec at its default rate stays well above it,
/// a wrong or a broken signal far below.
const LEAST_MATCH: f64 = 0.8;
/// Rate at which sounds are compared, in Hz: the band that every codec carries.
const COMPARE_RATE: u32 = 8000;
/// How long the answering side may take to start.
const START_LIMIT: Duration = Duration::from_secs(60);

const VOICES: [Voice; 2] = [
    Voice {
        name: "en",
        text: "Good morning, this is Alice. The quick brown fox jumps over the lazy dog, while nine merry sailors count \
               the waves behind the harbour wall.",
        pitch: 190.0,
    },
    Voice {
        name: "en+m3",
        text: "Hello Alice, Bob speaking. I hear you very well. Seven bright lanterns were hanging above the old bridge \
               when the evening train went by.",
        pitch: 110.0,
    },
];

/// One side of the call.
struct Side {
    name: &'static str,
    child: Child,
    lines: mpsc::Receiver<String>,
    figures: HashMap<String, String>,
}

impl Side {
    fn start(name: &'static str, program: &str, words: &[String]) -> Result<Self> {
        let path = std::env::current_exe()?.with_file_name(program);
        let mut child =
            Command::new(&path).args(words).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().map_err(
                |error| {
                    format!(
                        "can't start {}: {error}; build it with: cargo build --release -p fs-examples",
                        path.display()
                    )
                },
            )?;
        let stdout = child.stdout.take().ok_or("the child has an output")?;
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(std::result::Result::ok) {
                println!("{name:>6} | {line}");
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Self { name, child, lines, figures: HashMap::new() })
    }

    fn wait_for(&self, beginning: &str) -> Result<String> {
        loop {
            let line = self.lines.recv_timeout(START_LIMIT);
            let line = line.map_err(|_| format!("{} did not say {beginning:?}", self.name))?;
            if let Some(rest) = line.strip_prefix(beginning) {
                return Ok(rest.trim().to_owned());
            }
        }
    }

    /// Waits for the end of the process and keeps its figures; whether it went well.
    fn finish(&mut self, limit: Duration) -> Result<bool> {
        let end = std::time::Instant::now() + limit;
        loop {
            let left = end.saturating_duration_since(std::time::Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    if let Some((name, value)) = line.split_once(": ") {
                        self.figures.insert(name.to_owned(), value.to_owned());
                    }
                }
                // Its output is closed: it has ended, or is about to.
                Err(mpsc::RecvTimeoutError::Disconnected) => return Ok(self.child.wait()?.success()),
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    return Err(format!("{} did not end in {} s", self.name, limit.as_secs()).into());
                }
            }
        }
    }

    fn figure(&self, name: &str) -> &str {
        self.figures.get(name).map_or("?", String::as_str)
    }
}

impl Drop for Side {
    fn drop(&mut self) {
        // Does nothing to a child that has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The WAV files of one demonstration.
struct Files {
    folder: PathBuf,
}

impl Files {
    fn sent(&self, index: usize) -> PathBuf {
        self.folder.join(["alice-sent.wav", "bob-sent.wav"][index])
    }

    fn heard(&self, index: usize) -> PathBuf {
        self.folder.join(["alice-heard.wav", "bob-heard.wav"][index])
    }
}

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("demo: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<bool> {
    let arguments = Arguments::parse(std::env::args().skip(1))?;
    let files = Files { folder: std::env::temp_dir().join(format!("farstream-demo-{}", std::process::id())) };
    std::fs::create_dir_all(&files.folder)?;
    for (index, voice) in VOICES.into_iter().enumerate() {
        let maker = speech::write(&files.sent(index), voice, arguments.seconds)?;
        println!("{:.1} s of speech by {maker}: {}", arguments.seconds, files.sent(index).display());
    }

    let words = |index: usize, more: &[&str]| {
        let mut words: Vec<String> = more.iter().map(|word| (*word).to_owned()).collect();
        words.extend(["--codecs".to_owned(), arguments.codecs.clone()]);
        let path = |path: PathBuf| path.to_string_lossy().into_owned();
        if arguments.sounds.device && index == 0 {
            words.push("--device".to_owned());
        } else {
            words.extend(["--play".to_owned(), path(files.sent(index))]);
            words.extend(["--record".to_owned(), path(files.heard(index))]);
        }
        words
    };
    let mut bob = Side::start("bob", "sip_answer", &words(1, &[]))?;
    let uri = bob.wait_for("waiting at")?;
    // A little longer than the speech, so that its end is heard through the jitter buffer.
    let seconds = format!("{}", arguments.seconds + 0.7);
    let mut alice = Side::start("alice", "sip_call", &words(0, &[&uri, "--seconds", &seconds]))?;
    let limit = START_LIMIT + Duration::from_secs_f64(arguments.seconds);
    let (alice_well, bob_well) = (alice.finish(limit)?, bob.finish(limit)?);
    if !(alice_well && bob_well) {
        eprintln!("demo: the call failed; see the lines above");
        return Ok(false);
    }
    Ok(report(&[alice, bob], &files, arguments.sounds.device))
}

/// Prints the table; whether both sides heard what the other said.
fn report(sides: &[Side; 2], files: &Files, device: bool) -> bool {
    println!("\n{:<34}{:>18}{:>18}", "", sides[0].name, sides[1].name);
    for (title, name) in [
        ("codec", "codec"),
        ("INVITE to first heard sample, ms", "first-sample-ms"),
        ("packets sent", "packets-sent"),
        ("packets received", "packets-received"),
        ("packets lost", "packets-lost"),
        ("jitter, ms", "jitter-ms"),
    ] {
        println!("{title:<34}{:>18}{:>18}", sides[0].figure(name), sides[1].figure(name));
    }
    if device {
        println!(
            "heard through the sound device, so nothing is compared; bob heard: {}",
            files.heard(1).display()
        );
        return true;
    }
    let mut good = true;
    let mut cells = Vec::new();
    for index in 0..2 {
        match matched(&files.sent(1 - index), &files.heard(index)) {
            Ok((coefficient, delay)) => {
                good &= coefficient >= LEAST_MATCH;
                cells.push((format!("{coefficient:.3}"), format!("{delay:.0}")));
            }
            Err(error) => {
                eprintln!("demo: {error}");
                good = false;
                cells.push(("?".to_owned(), "?".to_owned()));
            }
        }
    }
    println!("{:<34}{:>18}{:>18}", "match with what was sent (0 to 1)", cells[0].0, cells[1].0);
    println!("{:<34}{:>18}{:>18}", "offset of the two files, ms", cells[0].1, cells[1].1);
    for (index, side) in sides.iter().enumerate() {
        println!("{} heard: {}", side.name, files.heard(index).display());
    }
    if !good {
        eprintln!("demo: what was heard does not match what was sent (at least {LEAST_MATCH} is wanted)");
    }
    good
}

/// Correlation at the best delay, and that delay in ms.
fn matched(sent: &Path, heard: &Path) -> Result<(f64, f64)> {
    let read = |path: &Path| -> Result<Sound> {
        let bytes = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Sound::from_wav(&bytes).map_err(|error| format!("{}: {error}", path.display()))?)
    };
    let (sent, heard) = (read(sent)?, read(heard)?);
    let found =
        compare(&sent.at_rate(COMPARE_RATE), &heard.at_rate(COMPARE_RATE)).ok_or("a file is empty")?;
    let overlap = found.overlap as f64 / f64::from(COMPARE_RATE);
    if overlap < sent.seconds() * 0.8 {
        return Err(format!("only {overlap:.1} s of {:.1} s were heard", sent.seconds()).into());
    }
    Ok((found.coefficient, found.delay as f64 * 1000.0 / f64::from(COMPARE_RATE)))
}
