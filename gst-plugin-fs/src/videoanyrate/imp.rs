//! Implementation of `fsvideoanyrate`: only the negotiation of caps does anything.

use gst::subclass::prelude::*;
use gst_base::prelude::*;
use gst_base::subclass::prelude::*;
use once_cell::sync::Lazy;

static CAT: Lazy<gst::DebugCategory> = Lazy::new(|| {
    gst::DebugCategory::new(
        "fsvideoanyrate",
        gst::DebugColorFlags::empty(),
        Some("Takes frame rates out of caps"),
    )
});

/// The fields of video caps that speak of the frame rate.
const RATES: [&str; 2] = ["framerate", "max-framerate"];

/// What encoders that must know a rate are told where nobody does.
const USUAL: (i32, i32) = (30, 1);

/// See the module.
#[derive(Default)]
pub struct VideoAnyRate;

#[glib::object_subclass]
impl ObjectSubclass for VideoAnyRate {
    const NAME: &'static str = "FsVideoanyrate";
    type Type = super::VideoAnyRate;
    type ParentType = gst_base::BaseTransform;
}

impl ObjectImpl for VideoAnyRate {
    fn constructed(&self) {
        self.parent_constructed();
        self.obj().set_passthrough(true);
    }
}

impl GstObjectImpl for VideoAnyRate {}

impl ElementImpl for VideoAnyRate {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: Lazy<gst::subclass::ElementMetadata> = Lazy::new(|| {
            gst::subclass::ElementMetadata::new(
                "Video with any frame rate",
                "Filter",
                "Passes video through and takes the frame rate out of the negotiation",
                "The Farstream authors",
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: Lazy<Vec<gst::PadTemplate>> = Lazy::new(|| {
            [("sink", gst::PadDirection::Sink), ("src", gst::PadDirection::Src)]
                .into_iter()
                .filter_map(|(name, direction)| {
                    let caps = gst::Caps::new_any();
                    gst::PadTemplate::new(name, direction, gst::PadPresence::Always, &caps).ok()
                })
                .collect()
        });
        &TEMPLATES
    }
}

impl BaseTransformImpl for VideoAnyRate {
    const MODE: gst_base::subclass::BaseTransformMode = gst_base::subclass::BaseTransformMode::AlwaysInPlace;
    const PASSTHROUGH_ON_SAME_CAPS: bool = false;
    const TRANSFORM_IP_ON_PASSTHROUGH: bool = false;

    /// The same caps, and behind them the same without a rate.
    fn transform_caps(
        &self,
        _direction: gst::PadDirection,
        caps: &gst::Caps,
        filter: Option<&gst::Caps>,
    ) -> Option<gst::Caps> {
        let mut result = caps.clone();
        result.merge(without_rates(caps));
        if let Some(filter) = filter {
            result = filter.intersect_with_mode(&result, gst::CapsIntersectMode::First);
        }
        gst::trace!(CAT, imp = self, "{caps} becomes {result}");
        Some(result)
    }

    /// As near to the other side's rate as the choice allows; a variable rate (`0/1`) counts as [`USUAL`].
    fn fixate_caps(&self, _direction: gst::PadDirection, caps: &gst::Caps, other: gst::Caps) -> gst::Caps {
        let mut other = other;
        other.truncate();
        let rates = caps.structure(0).map(|s| RATES.map(|field| s.get::<gst::Fraction>(field)));
        if let Some(chosen) = other.make_mut().structure_mut(0) {
            for (field, rate) in RATES.iter().zip(rates.into_iter().flatten()) {
                let rate = rate.map(|r| if r.numer() == 0 { gst::Fraction::from(USUAL) } else { r });
                if let Ok(rate) = rate
                    && chosen.has_field(*field)
                {
                    chosen.fixate_field_nearest_fraction(*field, rate);
                }
            }
        }
        other.fixate();
        other
    }

    /// Buffers stay as they are.
    fn transform_ip(&self, _buffer: &mut gst::BufferRef) -> Result<gst::FlowSuccess, gst::FlowError> {
        Ok(gst::FlowSuccess::Ok)
    }
}

fn without_rates(caps: &gst::Caps) -> gst::Caps {
    let mut open = caps.clone();
    if !open.is_any() {
        for structure in open.make_mut().iter_mut() {
            structure.remove_fields(RATES);
        }
    }
    open
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set_up() {
        gst::init().unwrap();
        crate::plugin_register_static().unwrap();
    }

    /// What comes out when `given` goes in and only `wanted` is taken.
    fn negotiated(given: &str, wanted: &str) -> Option<(String, u32)> {
        set_up();
        let text = format!(
            "videotestsrc num-buffers=3 ! video/x-raw,framerate=30/1 ! capssetter replace=true caps=\"{given}\" ! fsvideoanyrate name=any ! \
             capsfilter caps=\"{wanted}\" ! fakesink name=sink sync=false signal-handoffs=true"
        );
        let pipeline = gst::parse::launch(&text).ok()?.downcast::<gst::Pipeline>().unwrap();
        let (sender, buffers) = std::sync::mpsc::channel();
        let any = pipeline.by_name("any").unwrap();
        any.static_pad("src").unwrap().add_probe(gst::PadProbeType::BUFFER, move |_, _| {
            let _ = sender.send(());
            gst::PadProbeReturn::Ok
        });
        pipeline.set_state(gst::State::Playing).unwrap();
        let wanted = [gst::MessageType::Eos, gst::MessageType::Error];
        let end =
            pipeline.bus().unwrap().timed_pop_filtered(gst::ClockTime::from_seconds(20), &wanted).unwrap();
        let caps = any.static_pad("src").unwrap().current_caps();
        pipeline.set_state(gst::State::Null).unwrap();
        let rate = caps?.structure(0)?.value("framerate").ok()?.serialize().ok()?.to_string();
        matches!(end.view(), gst::MessageView::Eos(_)).then(|| (rate, buffers.try_iter().count() as u32))
    }

    #[test]
    fn a_rate_the_next_element_refuses_is_replaced_and_frames_pass() {
        let variable = "video/x-raw,format=I420,width=320,height=240,framerate=0/1";
        assert_eq!(negotiated(variable, "video/x-raw,framerate=[1/1,60/1]"), Some(("30/1".into(), 3)));
        assert_eq!(negotiated(variable, "video/x-raw,framerate=15/1"), Some(("15/1".into(), 3)));
    }

    #[test]
    fn a_rate_both_sides_know_stays() {
        let known = "video/x-raw,format=I420,width=320,height=240,framerate=25/1";
        assert_eq!(negotiated(known, "video/x-raw,framerate=[1/1,60/1]"), Some(("25/1".into(), 3)));
    }

    #[test]
    fn other_fields_still_count() {
        let large = "video/x-raw,format=I420,width=320,height=240,framerate=25/1";
        assert_eq!(negotiated(large, "video/x-raw,width=160"), None);
    }

    #[test]
    fn the_element_is_the_one_of_farstream() {
        set_up();
        let factory = gst::ElementFactory::find("fsvideoanyrate").unwrap();
        assert_eq!((factory.rank(), factory.klass()), (gst::Rank::MARGINAL, "Filter"));
        assert_eq!(factory.create().build().unwrap().type_().name(), "FsVideoanyrate");
    }
}
