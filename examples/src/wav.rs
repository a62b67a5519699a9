//! Reading of 16-bit PCM WAV files, and the one change of rate a comparison needs. Pure.

use std::fmt;

/// Sound with one channel.
#[derive(Debug, Clone, PartialEq)]
pub struct Sound {
    /// Samples per second.
    pub rate: u32,
    /// Samples from -1 to 1.
    pub samples: Vec<f32>,
}

/// A file that is no 16-bit PCM WAV file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WavError(pub String);

impl fmt::Display for WavError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no 16-bit PCM WAV file: {}", self.0)
    }
}

impl std::error::Error for WavError {}

impl Sound {
    /// Reads a WAV file; several channels are averaged. A size field of 0 or beyond the end, as an interrupted
    /// writer leaves it, means "to the end".
    ///
    /// # Errors
    /// When the file is none, or its samples are no 16-bit integers.
    pub fn from_wav(bytes: &[u8]) -> Result<Self, WavError> {
        let fault = |what: &str| WavError(what.to_owned());
        if bytes.get(0..4) != Some(b"RIFF") || bytes.get(8..12) != Some(b"WAVE") {
            return Err(fault("no RIFF/WAVE at its beginning"));
        }
        let mut at = 12;
        let mut format = None;
        while let (Some(name), Some(size)) = (bytes.get(at..at + 4), u32_at(bytes, at + 4)) {
            let start = at + 8;
            let end = start.saturating_add(size as usize).min(bytes.len());
            match name {
                b"fmt " => format = Some(read_format(bytes.get(start..end).unwrap_or_default())?),
                b"data" => {
                    let (channels, rate) = format.ok_or_else(|| fault("data before its format"))?;
                    let end = if size == 0 { bytes.len() } else { end };
                    return Ok(Self { rate, samples: mix(&bytes[start..end], channels) });
                }
                _ => {}
            }
            at = end + (size as usize & 1);
        }
        Err(fault("no data in it"))
    }

    /// The same sound at another rate: averaged down, interpolated up.
    #[must_use]
    pub fn at_rate(&self, rate: u32) -> Vec<f32> {
        if rate == self.rate || rate == 0 || self.rate == 0 {
            return self.samples.clone();
        }
        let ratio = f64::from(self.rate) / f64::from(rate);
        let count = (self.samples.len() as f64 / ratio) as usize;
        let sample = |i: usize| f64::from(self.samples.get(i).copied().unwrap_or_default());
        (0..count)
            .map(|i| {
                let from = i as f64 * ratio;
                let first = from as usize;
                if ratio > 1.0 {
                    let last = ((from + ratio) as usize).max(first + 1);
                    ((first..last).map(sample).sum::<f64>() / (last - first) as f64) as f32
                } else {
                    let part = from - first as f64;
                    (sample(first) * (1.0 - part) + sample(first + 1) * part) as f32
                }
            })
            .collect()
    }

    /// Length in seconds.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.samples.len() as f64 / f64::from(self.rate.max(1))
    }
}

/// A 16-bit WAV file with one channel.
#[must_use]
pub fn to_wav(sound: &Sound) -> Vec<u8> {
    let size = (sound.samples.len() * 2) as u32;
    let mut bytes = Vec::with_capacity(44 + size as usize);
    bytes.extend(b"RIFF");
    bytes.extend((36 + size).to_le_bytes());
    bytes.extend(b"WAVEfmt ");
    bytes.extend(16u32.to_le_bytes());
    bytes.extend([1, 0, 1, 0]);
    bytes.extend(sound.rate.to_le_bytes());
    bytes.extend((sound.rate * 2).to_le_bytes());
    bytes.extend([2, 0, 16, 0]);
    bytes.extend(b"data");
    bytes.extend(size.to_le_bytes());
    bytes.extend(sound.samples.iter().flat_map(|s| ((s.clamp(-1.0, 1.0) * 32767.0) as i16).to_le_bytes()));
    bytes
}

/// Channels and rate of a `fmt ` chunk.
fn read_format(chunk: &[u8]) -> Result<(usize, u32), WavError> {
    let (Some(tag), Some(channels), Some(rate), Some(bits)) =
        (u16_at(chunk, 0), u16_at(chunk, 2), u32_at(chunk, 4), u16_at(chunk, 14))
    else {
        return Err(WavError("its format is cut off".to_owned()));
    };
    // 0xFFFE is the extensible form, which says the same further on.
    if !matches!(tag, 1 | 0xFFFE) || bits != 16 || channels == 0 || rate == 0 {
        return Err(WavError(format!("format {tag}, {channels} channels, {rate} Hz, {bits} bits")));
    }
    Ok((usize::from(channels), rate))
}

fn mix(data: &[u8], channels: usize) -> Vec<f32> {
    data.chunks_exact(2 * channels)
        .map(|frame| {
            let sum: f32 =
                frame.chunks_exact(2).map(|s| f32::from(i16::from_le_bytes([s[0], s[1]])) / 32768.0).sum();
            sum / channels as f32
        })
        .collect()
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_and_read() {
        let sound = Sound { rate: 8000, samples: vec![0.0, 0.5, -0.5, 1.0] };
        let read = Sound::from_wav(&to_wav(&sound)).unwrap();
        assert_eq!(read.rate, 8000);
        assert!(read.samples.iter().zip(&sound.samples).all(|(a, b)| (a - b).abs() < 0.001));
    }

    #[test]
    fn an_unfinished_size_means_to_the_end() {
        let mut bytes = to_wav(&Sound { rate: 8000, samples: vec![0.25; 10] });
        bytes[40..44].fill(0);
        assert_eq!(Sound::from_wav(&bytes).unwrap().samples.len(), 10);
        bytes[40..44].fill(0xFF);
        assert_eq!(Sound::from_wav(&bytes).unwrap().samples.len(), 10);
    }

    #[test]
    fn junk_is_refused() {
        for junk in [
            &b""[..],
            b"RIFF",
            b"RIFF0000WAVE",
            b"RIFF0000WAVEdata\x02\0\0\0\0\0",
            b"RIFF0000WAVEfmt \x01\0\0\0a",
        ] {
            assert!(Sound::from_wav(junk).is_err());
        }
    }

    #[test]
    fn rates() {
        let sound = Sound { rate: 16000, samples: (0..1600).map(|i| (i as f32 / 20.0).sin()).collect() };
        let down = sound.at_rate(8000);
        assert_eq!(down.len(), 800);
        let up = Sound { rate: 8000, samples: down }.at_rate(16000);
        let alike = crate::correlation::coefficient(&up, &sound.samples);
        assert!(up.len() == 1600 && alike > 0.99, "{alike}");
    }
}
