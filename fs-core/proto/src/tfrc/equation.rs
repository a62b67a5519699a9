//! The throughput of a TCP as a function of its losses (RFC 5348 section 3.1), and the inverse.

use std::time::Duration;

/// Bytes per second of a TCP with segments of that many bytes, that round-trip time, and that many loss events a packet
/// (more than 0, at most 1). One acknowledgement a packet, and a retransmission timeout of four round trips.
pub fn byte_rate(segment: f64, rtt: Duration, loss_event_rate: f64) -> f64 {
    let p = loss_event_rate;
    let time = (2.0 * p / 3.0).sqrt() + 12.0 * (3.0 * p / 8.0).sqrt() * p * (1.0 + 32.0 * p * p);
    segment / (rtt.as_secs_f64().max(1e-6) * time)
}

/// The loss event rate at which a TCP would have this throughput; between 1e-8 and 1.
pub fn loss_event_rate(segment: f64, rtt: Duration, wanted_byte_rate: f64) -> f64 {
    let (mut low, mut high) = (1e-8f64, 1.0f64);
    for _ in 0..60 {
        let middle = (low * high).sqrt();
        if byte_rate(segment, rtt, middle) < wanted_byte_rate {
            high = middle;
        } else {
            low = middle;
        }
    }
    (low * high).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values of the equation worked out by hand for s = 1000 bytes and R = 100 ms.
    #[test]
    fn the_equation_gives_what_paper_gives() {
        let rtt = Duration::from_millis(100);
        for (p, rate) in [(0.0001, 1_223_644.0), (0.01, 112_332.0), (0.1, 17_701.0), (1.0, 41.1)] {
            let got = byte_rate(1000.0, rtt, p);
            assert!((got / rate - 1.0).abs() < 0.01, "p {p}: {got} for {rate}");
        }
    }

    #[test]
    fn the_inverse_leads_back() {
        for ms in [1, 20, 300] {
            for p in [1e-6, 0.001, 0.03, 0.4] {
                let rtt = Duration::from_millis(ms);
                let back = loss_event_rate(1460.0, rtt, byte_rate(1460.0, rtt, p));
                assert!((back / p - 1.0).abs() < 0.001, "{back} for {p}");
            }
        }
    }

    #[test]
    fn the_inverse_stays_within_its_bounds() {
        let rtt = Duration::from_millis(50);
        assert!(loss_event_rate(1460.0, rtt, 1e18) >= 1e-8);
        assert!(loss_event_rate(1460.0, rtt, 0.0) <= 1.0);
    }
}
