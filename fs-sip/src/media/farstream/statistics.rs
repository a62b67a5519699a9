//! Figures of the RTP session inside the conference.

use std::time::Duration;

use fs_core::Session;
use glib::prelude::*;

use crate::media::MediaStatistics;

/// The figures of the RTP session: ours are what the internal source sent, the peer's what the others did.
pub(super) fn statistics(session: &Session) -> Option<MediaStatistics> {
    session.find_property("internal-session")?;
    let rtp = session.property::<Option<glib::Object>>("internal-session")?;
    rtp.find_property("stats")?;
    let stats = rtp.property::<Option<gst::Structure>>("stats")?;
    let sources = stats.get::<glib::ValueArray>("source-stats").ok()?;
    let mut sum = MediaStatistics::default();
    for source in sources.iter().filter_map(|value| value.get::<gst::Structure>().ok()) {
        if source.get::<bool>("internal").unwrap_or(false) {
            sum.packets_sent += source.get::<u64>("packets-sent").unwrap_or_default();
            continue;
        }
        sum.packets_received += source.get::<u64>("packets-received").unwrap_or_default();
        sum.packets_lost += i64::from(source.get::<i32>("packets-lost").unwrap_or_default());
        let rate = source.get::<i32>("clock-rate").unwrap_or(-1);
        if rate > 0 {
            let jitter = f64::from(source.get::<u32>("jitter").unwrap_or_default()) / f64::from(rate);
            sum.jitter = sum.jitter.max(Duration::from_secs_f64(jitter));
        }
    }
    Some(sum)
}
