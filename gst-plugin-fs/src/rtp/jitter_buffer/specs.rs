//! Pads and properties, with the names and ranges that rtpbin's own jitter buffer has.

use glib::prelude::*;

/// `sink`, `sink_rtcp` on request, and `src`.
pub(super) fn pad_templates() -> Vec<gst::PadTemplate> {
    let [rtp, rtcp] = ["application/x-rtp", "application/x-rtcp"].map(gst::Caps::new_empty_simple);
    let (sink, src) = (gst::PadDirection::Sink, gst::PadDirection::Src);
    [
        gst::PadTemplate::new("sink", sink, gst::PadPresence::Always, &rtp),
        gst::PadTemplate::new("sink_rtcp", sink, gst::PadPresence::Request, &rtcp),
        gst::PadTemplate::new("src", src, gst::PadPresence::Always, &rtp),
    ]
    .into_iter()
    .filter_map(Result::ok)
    .collect()
}

/// Every property.
pub(super) fn specs() -> Vec<glib::ParamSpec> {
    vec![
        uint("latency", "Latency", "How long a missing packet is waited for, in ms", u32::MAX, 200),
        uint(
            "max-dropout-time",
            "Maximum dropout time",
            "Packets that are ahead by more than this, in ms, may be a new beginning",
            i32::MAX as u32,
            60_000,
        ),
        uint(
            "max-misorder-time",
            "Maximum misorder time",
            "Packets that are behind by more than this, in ms, may be a new beginning",
            u32::MAX,
            2_000,
        ),
        uint(
            "sync-interval",
            "Sync interval",
            "Sender reports that come sooner after the last than this, in ms, are not told of",
            u32::MAX,
            0,
        ),
        glib::ParamSpecBoolean::builder("drop-on-latency")
            .nick("Drop when full")
            .blurb("Whether the oldest packet is dropped where more than the latency is held")
            .build(),
        glib::ParamSpecBoolean::builder("do-lost")
            .nick("Tell of losses")
            .blurb("Whether an event GstRTPPacketLost takes the place of packets that did not come")
            .build(),
        glib::ParamSpecInt64::builder("ts-offset")
            .nick("Timestamp offset")
            .blurb("Added to the time of each packet, in ns")
            .build(),
        glib::ParamSpecUInt64::builder("max-ts-offset-adjustment")
            .nick("Maximum offset adjustment")
            .blurb("How far the offset moves for a packet, in ns; 0: at once")
            .build(),
        glib::ParamSpecInt::builder("max-rtcp-rtp-time-diff")
            .nick("Maximum difference of reports")
            .blurb("How far a sender report may be ahead of the packets, in ms; -1: any")
            .minimum(-1)
            .default_value(1000)
            .build(),
        glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
            .nick("Statistics")
            .blurb("What came out, was lost, came late or twice, and the jitter in ns")
            .read_only()
            .build(),
    ]
}

fn uint(name: &str, nick: &str, blurb: &str, most: u32, default: u32) -> glib::ParamSpec {
    glib::ParamSpecUInt::builder(name).nick(nick).blurb(blurb).maximum(most).default_value(default).build()
}
