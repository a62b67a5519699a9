//! A simulated network in virtual time: datagrams wait here, are delayed,
//! lost, doubled and overtaken, all determined by a seed.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::endpoint::Random;

/// How bad the network is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weather {
    /// Shortest way.
    pub delay: Duration,
    /// A random part on top; more than the spacing of two datagrams lets one
    /// overtake the other.
    pub jitter: Duration,
    /// Datagrams lost, per cent.
    pub loss: u32,
    /// Datagrams delivered twice, per cent.
    pub duplication: u32,
}

impl Default for Weather {
    /// 10 ms, nothing lost.
    fn default() -> Self {
        Self { delay: Duration::from_millis(10), jitter: Duration::ZERO, loss: 0, duplication: 0 }
    }
}

/// A datagram that arrives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Who sent it.
    pub source: SocketAddr,
    /// For whom it is.
    pub remote: SocketAddr,
    /// Its bytes.
    pub data: Vec<u8>,
}

/// The network.
#[derive(Debug)]
pub struct Link {
    weather: Weather,
    random: Random,
    waiting: BTreeMap<(Instant, u64), Delivery>,
    count: u64,
}

impl Link {
    /// A network whose accidents `seed` determines.
    #[must_use]
    pub fn new(weather: Weather, seed: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        Self { weather, random: Random::new(bytes), waiting: BTreeMap::new(), count: 0 }
    }

    /// Changes the weather for what is sent from now on.
    pub fn set_weather(&mut self, weather: Weather) {
        self.weather = weather;
    }

    /// Takes a datagram to be delivered, or not.
    pub fn send(&mut self, now: Instant, source: SocketAddr, remote: SocketAddr, data: &[u8]) {
        let copies = if self.random.below(100) < self.weather.duplication { 2 } else { 1 };
        for _ in 0..copies {
            if self.random.below(100) < self.weather.loss {
                continue;
            }
            let jitter = u32::try_from(self.weather.jitter.as_micros()).unwrap_or(u32::MAX - 1);
            let extra = Duration::from_micros(self.random.below(jitter.saturating_add(1)).into());
            self.count += 1;
            let at = (now + self.weather.delay + extra, self.count);
            self.waiting.insert(at, Delivery { source, remote, data: data.to_vec() });
        }
    }

    /// When the next datagram arrives.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        self.waiting.keys().next().map(|(at, _)| *at)
    }

    /// Takes the next datagram that has arrived.
    pub fn poll_delivery(&mut self, now: Instant) -> Option<Delivery> {
        let entry = self.waiting.first_entry()?;
        (entry.key().0 <= now).then(|| entry.remove())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrivals(weather: Weather, seed: u64) -> Vec<u8> {
        let now = Instant::now();
        let (a, b) = (SocketAddr::from(([10, 0, 0, 1], 1)), SocketAddr::from(([10, 0, 0, 2], 2)));
        let mut link = Link::new(weather, seed);
        for i in 0..100 {
            link.send(now, a, b, &[i]);
        }
        let end = now + Duration::from_secs(1);
        std::iter::from_fn(|| link.poll_delivery(end).map(|d| d.data[0])).collect()
    }

    #[test]
    fn good_weather_keeps_everything_in_order() {
        assert_eq!(arrivals(Weather::default(), 1), (0..100).collect::<Vec<u8>>());
    }

    #[test]
    fn bad_weather_is_reproducible() {
        let jitter = Duration::from_millis(50);
        let weather = Weather { loss: 20, duplication: 10, jitter, ..Weather::default() };
        let got = arrivals(weather, 1);
        assert_eq!(got, arrivals(weather, 1));
        assert_ne!(got, arrivals(weather, 2));
        assert!(got.windows(2).any(|w| w[0] > w[1]), "some overtake others");
        assert!((60..110).contains(&got.len()));
    }

    #[test]
    fn nothing_arrives_early() {
        let now = Instant::now();
        let mut link = Link::new(Weather::default(), 1);
        let a = SocketAddr::from(([10, 0, 0, 1], 1));
        link.send(now, a, a, b"x");
        assert_eq!(link.next_deadline(), Some(now + Duration::from_millis(10)));
        assert_eq!(link.poll_delivery(now), None);
        assert!(link.poll_delivery(now + Duration::from_millis(10)).is_some());
    }
}
