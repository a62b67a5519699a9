//! Sound for the demo: a sentence from espeak-ng where it is installed, else something speech-like of our own.

use std::f32::consts::TAU;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::wav::{Sound, WavError, to_wav};

/// Sample rate of the made sound, in Hz.
const RATE: u32 = 16000;

/// What a voice says, and how.
#[derive(Debug, Clone, Copy)]
pub struct Voice {
    /// espeak-ng's name of the voice.
    pub name: &'static str,
    /// The text; repeated until it fills the time.
    pub text: &'static str,
    /// Pitch of the replacement, in Hz.
    pub pitch: f32,
}

/// Writes a WAV file with so many seconds of speech, and says who made it.
///
/// # Errors
/// When the file can't be written, or espeak-ng made none that can be read.
pub fn write(path: &Path, voice: Voice, seconds: f64) -> Result<&'static str, Box<dyn std::error::Error>> {
    let (sound, maker) = match spoken(path, voice)? {
        Some(sound) => (sound, "espeak-ng"),
        None => (synthesize(seconds, voice.pitch), "the built-in synthesizer"),
    };
    std::fs::write(path, to_wav(&fit(&sound, seconds)))?;
    Ok(maker)
}

/// Lets espeak-ng speak; `None` where it is not installed.
fn spoken(path: &Path, voice: Voice) -> Result<Option<Sound>, WavError> {
    let status = Command::new("espeak-ng")
        .args(["-v", voice.name, "-w"])
        .arg(path)
        .arg(voice.text)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    match (status, std::fs::read(path)) {
        (Ok(status), Ok(bytes)) if status.success() => Sound::from_wav(&bytes).map(Some),
        _ => Ok(None),
    }
}

/// Repeats or cuts a sound to a length, with short pauses between the repetitions.
#[must_use]
pub fn fit(sound: &Sound, seconds: f64) -> Sound {
    let wanted = (seconds * f64::from(sound.rate)) as usize;
    let mut samples = Vec::with_capacity(wanted);
    let pause = vec![0.0; sound.rate as usize / 4];
    while samples.len() < wanted && !sound.samples.is_empty() {
        samples.extend_from_slice(&sound.samples);
        samples.extend_from_slice(&pause);
    }
    samples.truncate(wanted);
    Sound { rate: sound.rate, samples }
}

/// Syllables of a buzzing voice that never repeat exactly, so that a comparison finds one delay only.
#[must_use]
pub fn synthesize(seconds: f64, pitch: f32) -> Sound {
    let count = (seconds * f64::from(RATE)) as usize;
    let mut state = pitch as u32;
    let mut random = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 16_777_216.0
    };
    let (mut samples, mut phase) = (Vec::with_capacity(count), 0.0f32);
    while samples.len() < count {
        let length = (RATE as f32 * (0.12 + 0.15 * random())) as usize;
        let (tone, formant, loud) =
            (pitch * (0.8 + 0.4 * random()), 300.0 + 1500.0 * random(), 0.2 + 0.3 * random());
        for i in 0..length.min(count - samples.len()) {
            phase = (phase + tone / RATE as f32).fract();
            let envelope = (std::f32::consts::PI * i as f32 / length as f32).sin();
            let voice: f32 = (1..=12)
                .map(|k| {
                    let distance = (k as f32 * tone - formant) / 400.0;
                    (phase * k as f32 * TAU).sin() / (1.0 + distance * distance)
                })
                .sum();
            samples.push((voice * 0.4 * loud * envelope).clamp(-1.0, 1.0));
        }
    }
    Sound { rate: RATE, samples }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlation::compare;

    #[test]
    fn the_replacement_has_its_length_and_is_heard() {
        let sound = synthesize(1.5, 120.0);
        assert_eq!(sound.samples.len(), 24000);
        let power = sound.samples.iter().map(|s| s * s).sum::<f32>() / 24000.0;
        assert!(power > 0.001, "{power}");
    }

    #[test]
    fn two_voices_do_not_match_each_other() {
        let (a, b) = (synthesize(2.0, 110.0), synthesize(2.0, 190.0));
        assert!(compare(&a.samples, &b.samples).unwrap().coefficient < 0.5);
        assert!(compare(&a.samples, &a.samples).unwrap().coefficient > 0.99);
    }

    #[test]
    fn fitting_repeats_and_cuts() {
        let sound = Sound { rate: 100, samples: vec![0.5; 100] };
        assert_eq!(fit(&sound, 0.5).samples.len(), 50);
        assert_eq!(fit(&sound, 3.0).samples.len(), 300);
        assert!(fit(&Sound { rate: 100, samples: Vec::new() }, 1.0).samples.is_empty());
    }
}
