//! Allowed caps that name encoded media: it goes from the application to the payloader as it is, and from the depayloader
//! to the application.

use crate::rtp::discovery::Blueprint;

/// What is left of a blueprint where the application takes and gives such media. Raw media goes before encoded: only
/// where caps exclude all raw formats and admit the encoded one is nothing encoded or decoded here.
pub fn fit(blueprint: &Blueprint, sink_caps: &gst::Caps, src_caps: &gst::Caps) -> Blueprint {
    let mut fitted = blueprint.clone();
    if !fitted.input_caps.can_intersect(sink_caps)
        && let Some(payloader) = fitted.send.last().cloned()
        && fitted.media_caps.can_intersect(sink_caps)
    {
        fitted.send = vec![payloader];
        fitted.input_caps = fitted.media_caps.intersect(sink_caps);
    }
    if !fitted.output_caps.can_intersect(src_caps)
        && let Some(depayloader) = fitted.recv.first().cloned()
        && fitted.media_caps.can_intersect(src_caps)
    {
        fitted.output_caps = fitted.media_caps.intersect(src_caps);
        fitted.recv = vec![depayloader, vec!["capsfilter".to_owned()]];
    }
    fitted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stages(names: &[&str]) -> Vec<Vec<String>> {
        names.iter().map(|name| vec![(*name).to_owned()]).collect()
    }

    fn blueprint() -> Blueprint {
        gst::init().expect("GStreamer works");
        let caps = |name: &str| gst::Caps::new_empty_simple(name);
        Blueprint {
            codec: fs_proto::Codec::new(0, "PCMU", fs_proto::MediaType::Audio, 8000),
            rtp_caps: caps("application/x-rtp"),
            media_caps: caps("audio/x-mulaw"),
            input_caps: caps("audio/x-raw"),
            output_caps: caps("audio/x-raw"),
            send: stages(&["audioconvert", "mulawenc", "rtppcmupay"]),
            recv: stages(&["rtppcmudepay", "mulawdec"]),
        }
    }

    #[test]
    fn each_way_has_caps_of_its_own() {
        let (whole, raw) = (blueprint(), gst::Caps::new_empty_simple("audio/x-raw"));
        let encoded = gst::Caps::builder("audio/x-mulaw").field("rate", 8000).build();
        let sent = fit(&whole, &encoded, &raw);
        assert_eq!((sent.send, sent.recv), (stages(&["rtppcmupay"]), whole.recv.clone()));
        assert!(sent.input_caps.can_intersect(&encoded) && !sent.input_caps.can_intersect(&raw));
        let received = fit(&whole, &raw, &encoded);
        assert_eq!(received.send, whole.send);
        assert_eq!(received.recv, stages(&["rtppcmudepay", "capsfilter"]));
        assert_eq!(received.output_caps, encoded);
    }

    #[test]
    fn raw_goes_first_and_strangers_change_nothing() {
        let whole = blueprint();
        for caps in [gst::Caps::new_any(), gst::Caps::new_empty_simple("audio/x-alaw")] {
            let fitted = fit(&whole, &caps, &caps);
            assert_eq!((fitted.send, fitted.recv), (whole.send.clone(), whole.recv.clone()), "{caps}");
        }
    }
}
