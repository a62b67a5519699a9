//! Measures how long a tone was heard (Goertzel filter over windows of 0.1 s).

use std::sync::{Arc, Mutex, PoisonError};

use gst::prelude::*;

/// Sample rate the meter converts to, in Hz.
const RATE: u32 = 8000;
/// Window length: 0.1 s.
const WINDOW: usize = 800;

/// Counts the windows of 0.1 s that hold mostly one tone. Clones share the count.
#[derive(Clone, Debug)]
pub struct ToneMeter {
    frequency_hz: f64,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    window: Vec<f64>,
    windows_with_tone: u32,
}

impl ToneMeter {
    /// A meter for one frequency in Hz.
    pub fn new(frequency_hz: f64) -> Self {
        Self { frequency_hz, state: Arc::default() }
    }

    /// Seconds during which the tone was heard so far.
    pub fn seconds(&self) -> f64 {
        f64::from(self.state.lock().unwrap_or_else(PoisonError::into_inner).windows_with_tone) / 10.0
    }

    /// Links a pad with raw audio of any format to a sink in the bin that feeds this meter.
    ///
    /// # Errors
    /// When an element is missing or the pad cannot be linked.
    pub fn attach(&self, bin: &impl IsA<gst::Bin>, pad: &gst::Pad) -> Result<(), Box<dyn std::error::Error>> {
        let description = format!(
            "audioconvert ! audioresample ! audio/x-raw,format=S16LE,channels=1,rate={RATE} ! fakesink name=sink sync=false async=false"
        );
        let meter_bin = gst::parse::bin_from_description(&description, true)?;
        let sink_pad = meter_bin
            .by_name("sink")
            .and_then(|sink| sink.static_pad("sink"))
            .ok_or("the description has a sink")?;
        let meter = self.clone();
        sink_pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            if let Some(map) = info.buffer().and_then(|buffer| buffer.map_readable().ok()) {
                meter.add(map.as_slice());
            }
            gst::PadProbeReturn::Ok
        });
        bin.upcast_ref::<gst::Bin>().add(&meter_bin)?;
        meter_bin.sync_state_with_parent()?;
        let entry = meter_bin.static_pad("sink").ok_or("the bin has a sink pad")?;
        pad.link(&entry)?;
        Ok(())
    }

    /// Takes samples: signed 16 bit, little endian, mono, 8000 Hz.
    pub fn add(&self, bytes: &[u8]) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        for sample in bytes.chunks_exact(2) {
            state.window.push(f64::from(i16::from_le_bytes([sample[0], sample[1]])) / 32768.0);
            if state.window.len() == WINDOW {
                if share(&state.window, self.frequency_hz / f64::from(RATE)) > 0.8 {
                    state.windows_with_tone += 1;
                }
                state.window.clear();
            }
        }
    }
}

/// Share (0 to 1) of the window's energy at the frequency, which is given in cycles per sample. Silence has none.
fn share(window: &[f64], frequency: f64) -> f64 {
    let energy: f64 = window.iter().map(|s| s * s).sum();
    if energy < 1e-4 * window.len() as f64 {
        return 0.0;
    }
    let step = std::f64::consts::TAU * frequency;
    let (re, im) = window.iter().enumerate().fold((0.0, 0.0), |(re, im), (i, s)| {
        let angle = step * i as f64;
        (re + s * angle.cos(), im + s * angle.sin())
    });
    2.0 * (re * re + im * im) / (window.len() as f64 * energy)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(frequency: f64, seconds: f64) -> Vec<u8> {
        let samples = (f64::from(RATE) * seconds) as u32;
        (0..samples)
            .flat_map(|i| {
                let angle = std::f64::consts::TAU * frequency * f64::from(i) / f64::from(RATE);
                ((angle.sin() * 8000.0) as i16).to_le_bytes()
            })
            .collect()
    }

    #[test]
    fn hears_its_own_frequency_only() {
        let meter = ToneMeter::new(440.0);
        meter.add(&tone(660.0, 1.0));
        meter.add(&vec![0; 16000]);
        assert_eq!(meter.seconds(), 0.0);
        meter.add(&tone(440.0, 1.0));
        assert_eq!(meter.seconds(), 1.0);
    }
}
