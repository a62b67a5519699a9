//! What the property `stats` tells, as structures that nest: conference, session, stream, source.
//!
//! Fields are named after the W3C's identifiers for WebRTC statistics in GStreamer's spelling (`packetsReceived` is
//! `packets-received`), as `webrtcbin` does it. Octets are those of payloads, without headers and padding.

pub(in crate::rtp) mod gauge;

use fs_proto::Codec;

use gauge::Fill;

/// Units of RTCP's short time format in a second (RFC 3550 section 4).
const SHORT_NTP: f64 = 65536.0;

/// What only grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// RTP packets.
    pub packets: u64,
    /// Octets of payload.
    pub bytes: u64,
    /// Expected and missing, less those that came twice (RFC 3550 section 6.4.1).
    pub lost: i64,
    /// Came too late to be played.
    pub discarded: u64,
    /// Came twice.
    pub duplicated: u64,
    /// Left the jitter buffer.
    pub emitted: u64,
}

impl Counters {
    fn add(&mut self, other: &Self) {
        self.packets += other.packets;
        self.bytes += other.bytes;
        self.lost += other.lost;
        self.discarded += other.discarded;
        self.duplicated += other.duplicated;
        self.emitted += other.emitted;
    }

    /// The source has these counters now and had `before` when it left for the last time: all there ever was.
    pub fn since(self, before: Option<&Self>) -> Self {
        let Some(before) = before else { return self };
        let went_on = self.packets >= before.packets && self.bytes >= before.bytes;
        let mut all = self;
        if !went_on {
            all.add(before);
        }
        all
    }
}

/// What the peer's reports say about what it gets from us.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Report {
    /// Share of the packets since the report before, 0 to 1.
    pub fraction_lost: f64,
    /// Since it began to receive.
    pub lost: i64,
    /// In s.
    pub jitter: f64,
    /// In s; `None` before it can be known.
    pub round_trip: Option<f64>,
}

/// How often somebody asked for another picture or packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Requests {
    /// Picture loss indications (RFC 4585 section 6.3.1).
    pub pli: u64,
    /// Full intra requests (RFC 5104 section 4.3.1).
    pub fir: u64,
    /// Negative acknowledgements (RFC 4585 section 6.2.1).
    pub nack: u64,
}

impl Requests {
    fn add(&mut self, other: &Self) {
        self.pli += other.pli;
        self.fir += other.fir;
        self.nack += other.nack;
    }

    fn write(&self, to: &mut gst::Structure) {
        to.set("pli-count", self.pli);
        to.set("fir-count", self.fir);
        to.set("nack-count", self.nack);
    }
}

/// What was received from one source, or from several.
#[derive(Clone, Debug, Default)]
pub struct Received {
    /// What only grows.
    pub counters: Counters,
    /// In s; of several sources the largest.
    pub jitter: f64,
    /// Now, in bit/s.
    pub bitrate: u64,
    /// The jitter buffer's fill; of several the fullest.
    pub fill: Option<Fill>,
    /// What the source says about what we send; of several the one with the longest way.
    pub report: Option<Report>,
    /// What we asked it for.
    pub requests: Requests,
}

impl Received {
    /// Reads the `stats` of rtpbin's `RTPSource`; `send_rate` is the clock rate that we send with.
    pub fn of_source(stats: &gst::StructureRef, send_rate: Option<u32>) -> Self {
        let large = |field: &str| stats.get::<u64>(field).unwrap_or_default();
        let small = |field: &str| stats.get::<u32>(field).unwrap_or_default();
        let seconds =
            |units: u32, rate: u32| if rate == 0 { 0.0 } else { f64::from(units) / f64::from(rate) };
        let signed = |field: &str| i64::from(stats.get::<i32>(field).unwrap_or_default());
        let rate = stats.get::<i32>("clock-rate").ok().and_then(|rate| u32::try_from(rate).ok());
        let has_report = stats.get::<bool>("have-rb").unwrap_or_default();
        let round_trip = small("rb-round-trip");
        let report = has_report.then(|| Report {
            fraction_lost: f64::from(small("rb-fractionlost")) / 256.0,
            lost: signed("rb-packetslost"),
            jitter: seconds(small("rb-jitter"), send_rate.unwrap_or_default()),
            round_trip: (round_trip > 0).then(|| f64::from(round_trip) / SHORT_NTP),
        });
        Self {
            counters: Counters {
                packets: large("packets-received"),
                bytes: large("octets-received"),
                lost: signed("packets-lost"),
                ..Counters::default()
            },
            jitter: seconds(small("jitter"), rate.unwrap_or_default()),
            bitrate: large("bitrate"),
            fill: None,
            report,
            requests: Requests {
                pli: small("sent-pli-count").into(),
                fir: small("sent-fir-count").into(),
                nack: small("sent-nack-count").into(),
            },
        }
    }

    /// Adds what was received from another source.
    pub fn add(&mut self, other: &Self) {
        self.counters.add(&other.counters);
        self.jitter = self.jitter.max(other.jitter);
        self.bitrate += other.bitrate;
        self.fill = self.fill.max(other.fill);
        let way = |received: &Self| received.report.and_then(|r| r.round_trip).unwrap_or(-1.0);
        if self.report.is_none() || (other.report.is_some() && way(other) > way(self)) {
            self.report = other.report;
        }
        self.requests.add(&other.requests);
    }

    /// Writes it down.
    pub fn write(&self, to: &mut gst::Structure) {
        let counters = &self.counters;
        to.set("packets-received", counters.packets);
        to.set("bytes-received", counters.bytes);
        to.set("packets-lost", counters.lost);
        to.set("packets-discarded", counters.discarded);
        to.set("packets-duplicated", counters.duplicated);
        to.set("jitter", self.jitter);
        to.set("bitrate-received", self.bitrate);
        to.set("jitter-buffer-emitted-count", counters.emitted);
        to.set("jitter-buffer-fill", self.fill.unwrap_or_default().ms());
        if let Some(report) = &self.report {
            to.set("remote-fraction-lost", report.fraction_lost);
            to.set("remote-packets-lost", report.lost);
            to.set("remote-jitter", report.jitter);
            if let Some(round_trip) = report.round_trip {
                to.set("round-trip-time", round_trip);
            }
        }
    }

    /// Writes down what we asked the source for.
    pub fn write_requests(&self, to: &mut gst::Structure) {
        self.requests.write(to);
    }
}

/// What was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// RTP packets.
    pub packets: u64,
    /// Octets of payload.
    pub bytes: u64,
    /// Now, in bit/s.
    pub bitrate: u64,
}

impl Sent {
    /// Reads the `stats` of the `RTPSource` that is ours.
    pub fn of_source(stats: &gst::StructureRef) -> Self {
        let large = |field: &str| stats.get::<u64>(field).unwrap_or_default();
        Self { packets: large("packets-sent"), bytes: large("octets-sent"), bitrate: large("bitrate") }
    }

    /// Adds what another session sent.
    pub fn add(&mut self, other: &Self) {
        self.packets += other.packets;
        self.bytes += other.bytes;
        self.bitrate += other.bitrate;
    }

    /// Writes it down.
    pub fn write(&self, to: &mut gst::Structure) {
        to.set("packets-sent", self.packets);
        to.set("bytes-sent", self.bytes);
        to.set("bitrate-sent", self.bitrate);
    }
}

/// A codec under the names of `RTCCodecStats`.
pub fn of_codec(codec: &Codec) -> gst::Structure {
    let mut structure = gst::Structure::new_empty("codec");
    structure.set("payload-type", u32::try_from(codec.id).unwrap_or_default());
    structure.set("mime-type", format!("{}/{}", codec.media_type, codec.encoding_name));
    structure.set("clock-rate", codec.clock_rate);
    if codec.channels > 0 {
        structure.set("channels", codec.channels);
    }
    let parameters: Vec<String> = codec
        .optional_params
        .iter()
        .map(|p| if p.name.is_empty() { p.value.clone() } else { format!("{}={}", p.name, p.value) })
        .collect();
    if !parameters.is_empty() {
        structure.set("sdp-fmtp-line", parameters.join(";"));
    }
    structure
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(packets: u64) -> gst::Structure {
        gst::init().expect("GStreamer works");
        gst::Structure::builder("application/x-rtp-source-stats")
            .field("packets-received", packets)
            .field("octets-received", packets * 160)
            .field("packets-lost", -2i32)
            .field("clock-rate", 8000i32)
            .field("jitter", 80u32)
            .field("have-rb", true)
            .field("rb-fractionlost", 64u32)
            .field("rb-packetslost", 7i32)
            .field("rb-jitter", 480u32)
            .field("rb-round-trip", 6554u32)
            .build()
    }

    #[test]
    fn units_are_seconds_and_octets() {
        let received = Received::of_source(&source(10), Some(48000));
        assert_eq!(received.counters.bytes, 1600);
        assert_eq!(received.counters.lost, -2);
        assert!((received.jitter - 0.01).abs() < 1e-9, "{}", received.jitter);
        let report = received.report.expect("there is a report");
        assert_eq!((report.fraction_lost, report.lost), (0.25, 7));
        assert!((report.jitter - 0.01).abs() < 1e-9);
        assert!((report.round_trip.expect("it is known") - 0.1).abs() < 1e-4);
    }

    #[test]
    fn a_source_that_returns_is_not_counted_twice() {
        let before = Counters { packets: 100, bytes: 1000, ..Counters::default() };
        let on = Counters { packets: 120, bytes: 1200, ..Counters::default() };
        let anew = Counters { packets: 3, bytes: 30, ..Counters::default() };
        assert_eq!(on.since(Some(&before)).packets, 120);
        assert_eq!(anew.since(Some(&before)).packets, 103);
        assert_eq!(anew.since(None).packets, 3);
    }

    #[test]
    fn several_sources_are_one_sum() {
        let mut sum = Received::of_source(&source(10), None);
        sum.add(&Received::of_source(&source(5), None));
        assert_eq!((sum.counters.packets, sum.counters.lost), (15, -4));
        let mut structure = gst::Structure::new_empty("stats");
        sum.write(&mut structure);
        assert_eq!(structure.get::<u64>("packets-received"), Ok(15));
        assert_eq!(structure.get::<i64>("packets-lost"), Ok(-4));
        assert!(structure.get::<f64>("round-trip-time").is_ok());
    }

    #[test]
    fn codecs_have_their_names() {
        gst::init().expect("GStreamer works");
        let codec = Codec::new(96, "opus", fs_proto::MediaType::Audio, 48000).with_param("useinbandfec", "1");
        let structure = of_codec(&codec);
        assert_eq!(structure.get::<&str>("mime-type"), Ok("audio/opus"));
        assert_eq!(structure.get::<&str>("sdp-fmtp-line"), Ok("useinbandfec=1"));
    }
}
