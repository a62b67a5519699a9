//! Whether the sender had less to send than it was allowed to (RFC 5348 section 8.2.1).
//!
//! A report covers the round trip before the packet it names. The receive rate of an interval in which the application
//! was the limit must not limit the rate: the network might have carried more.

use std::time::Duration;

/// Two moments at which the sender was held back, enough to judge every interval a report covers.
#[derive(Clone, Copy, Debug, Default)]
pub struct DataLimited {
    held_back_1: Option<Duration>,
    held_back_2: Option<Duration>,
    newest: Option<Duration>,
    next: Option<Duration>,
}

impl DataLimited {
    /// A packet had to wait for the rate.
    pub fn on_held_back(&mut self, now: Duration) {
        if self.held_back_1 <= self.newest {
            self.held_back_1 = Some(now);
        } else if self.held_back_2 <= self.next {
            self.held_back_2 = Some(now);
        }
    }

    /// A report came about packets sent up to `sent`: true if the sender was never held back in the round trip before.
    pub fn on_feedback(&mut self, now: Duration, sent: Duration, rtt: Duration) -> bool {
        let oldest = sent.checked_sub(rtt);
        let within = |moment: Option<Duration>| moment > oldest && moment <= Some(sent) && moment.is_some();
        let limited = !within(self.held_back_1) && !within(self.held_back_2);
        (self.newest, self.next) = (Some(sent), Some(now));
        if self.held_back_1 <= self.newest && self.held_back_2 > self.newest {
            self.held_back_1 = self.held_back_2;
        }
        limited
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn only_an_interval_without_waiting_is_data_limited() {
        let mut limit = DataLimited::default();
        assert!(limit.on_feedback(ms(150), ms(100), ms(50)), "never held back");
        limit.on_held_back(ms(160));
        assert!(!limit.on_feedback(ms(230), ms(180), ms(50)));
        assert!(limit.on_feedback(ms(330), ms(280), ms(50)), "held back long before");
    }

    #[test]
    fn what_happened_after_the_reported_packet_counts_for_the_next_report() {
        let mut limit = DataLimited::default();
        limit.on_held_back(ms(100));
        assert!(!limit.on_feedback(ms(150), ms(110), ms(50)));
        limit.on_held_back(ms(155));
        limit.on_held_back(ms(158));
        assert!(!limit.on_feedback(ms(200), ms(160), ms(50)));
        assert!(limit.on_feedback(ms(300), ms(260), ms(50)));
    }
}
