//! How closely a heard signal matches a sent one: the delay that fits best, and the correlation at that delay.
//!
//! Pure. The best delay is the peak of the circular cross-correlation, computed by Fourier transform; the
//! coefficient is then taken over the part where both signals exist, without their means.

use std::f64::consts::PI;

/// The result of a comparison.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Match {
    /// How many samples the heard signal is behind the sent one; negative when it is ahead.
    pub delay: isize,
    /// Correlation coefficient over the overlap, from -1 to 1; 0 for silence.
    pub coefficient: f64,
    /// How many samples overlap at that delay.
    pub overlap: usize,
}

/// Compares two signals of the same rate; `None` when one of them is empty.
#[must_use]
pub fn compare(sent: &[f32], heard: &[f32]) -> Option<Match> {
    if sent.is_empty() || heard.is_empty() {
        return None;
    }
    let size = (sent.len() + heard.len()).next_power_of_two();
    let mut a = spectrum(sent, size);
    let b = spectrum(heard, size);
    for (x, y) in a.iter_mut().zip(&b) {
        // conj(A) * B: the peak stands at the delay of b behind a.
        *x = (x.0 * y.0 + x.1 * y.1, x.0 * y.1 - x.1 * y.0);
    }
    transform(&mut a, true);
    let peak = (0..size).max_by(|i, j| a[*i].0.total_cmp(&a[*j].0))?;
    let delay = if peak < heard.len() { peak as isize } else { peak as isize - size as isize };
    let (sent_from, heard_from) = if delay >= 0 { (0, delay as usize) } else { (delay.unsigned_abs(), 0) };
    let overlap = sent.len().saturating_sub(sent_from).min(heard.len().saturating_sub(heard_from));
    let coefficient =
        coefficient(&sent[sent_from..sent_from + overlap], &heard[heard_from..heard_from + overlap]);
    Some(Match { delay, coefficient, overlap })
}

/// The correlation coefficient of two signals of the same length; 0 when one of them is constant.
#[must_use]
pub fn coefficient(a: &[f32], b: &[f32]) -> f64 {
    let count = a.len().min(b.len()).max(1) as f64;
    let mean = |s: &[f32]| s.iter().map(|v| f64::from(*v)).sum::<f64>() / count;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let (mut both, mut square_a, mut square_b) = (0.0, 0.0, 0.0);
    for (x, y) in a.iter().zip(b) {
        let (x, y) = (f64::from(*x) - mean_a, f64::from(*y) - mean_b);
        both += x * y;
        square_a += x * x;
        square_b += y * y;
    }
    let scale = (square_a * square_b).sqrt();
    if scale > 0.0 { both / scale } else { 0.0 }
}

fn spectrum(signal: &[f32], size: usize) -> Vec<(f64, f64)> {
    let mut values: Vec<(f64, f64)> = signal.iter().map(|v| (f64::from(*v), 0.0)).collect();
    values.resize(size, (0.0, 0.0));
    transform(&mut values, false);
    values
}

/// The iterative radix-2 transform, in place; the length is a power of two. The inverse is not scaled.
fn transform(values: &mut [(f64, f64)], inverse: bool) {
    let size = values.len();
    let bits = size.trailing_zeros();
    if bits == 0 {
        return;
    }
    for i in 0..size {
        let j = i.reverse_bits() >> (usize::BITS - bits);
        if i < j {
            values.swap(i, j);
        }
    }
    let mut length = 2;
    while length <= size {
        let angle = if inverse { 2.0 } else { -2.0 } * PI / length as f64;
        let factors: Vec<(f64, f64)> =
            (0..length / 2).map(|k| ((angle * k as f64).cos(), (angle * k as f64).sin())).collect();
        for block in values.chunks_mut(length) {
            let (low, high) = block.split_at_mut(length / 2);
            for ((x, y), f) in low.iter_mut().zip(high).zip(&factors) {
                let turned = (y.0 * f.0 - y.1 * f.1, y.0 * f.1 + y.1 * f.0);
                *y = (x.0 - turned.0, x.1 - turned.1);
                *x = (x.0 + turned.0, x.1 + turned.1);
            }
        }
        length *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Noise that is the same in every run.
    fn noise(count: usize, seed: u32) -> Vec<f32> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / 8_388_608.0 - 1.0
        };
        (0..count).map(|_| next()).collect()
    }

    #[test]
    fn a_copy_matches_at_no_delay() {
        let signal = noise(1000, 1);
        let found = compare(&signal, &signal).unwrap();
        assert_eq!((found.delay, found.overlap), (0, 1000));
        assert!(found.coefficient > 0.999);
    }

    #[test]
    fn the_delay_is_found_in_both_directions() {
        let signal = noise(3000, 2);
        let mut late = vec![0.0; 777];
        late.extend(signal.iter().map(|v| v * 0.3));
        let found = compare(&signal, &late).unwrap();
        assert_eq!(found.delay, 777);
        assert!(found.coefficient > 0.999);
        let found = compare(&late, &signal).unwrap();
        assert_eq!(found.delay, -777);
        assert!(found.coefficient > 0.999);
    }

    #[test]
    fn a_part_of_the_signal_is_enough() {
        let signal = noise(4000, 3);
        let found = compare(&signal, &signal[1000..2500]).unwrap();
        assert_eq!((found.delay, found.overlap), (-1000, 1500));
        assert!(found.coefficient > 0.999);
    }

    #[test]
    fn other_signals_and_silence_do_not_match() {
        assert!(compare(&noise(4000, 4), &noise(4000, 5)).unwrap().coefficient < 0.3);
        assert_eq!(compare(&noise(100, 6), &[0.0; 100]).unwrap().coefficient, 0.0);
        assert!(compare(&[], &[1.0]).is_none());
    }

    #[test]
    fn a_lost_second_half_halves_the_match() {
        let signal = noise(4000, 7);
        let mut heard = signal.clone();
        heard[2000..].fill(0.0);
        let found = compare(&signal, &heard).unwrap();
        assert!((0.6..0.8).contains(&found.coefficient), "{found:?}");
    }
}
