//! The element that gives what all sockets of a transmitter receive: pads `src_1`, `src_2`, ..., one per component.
//!
//! It has no thread: whoever waits for the sockets pushes. It is live, and wants packets only while it is playing; before
//! that they wait in the sockets, as those of `udpsrc` do.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, OnceLock};
use std::time::Duration;

use glib::subclass::prelude::*;
use gst::prelude::*;
use gst::subclass::prelude::*;

use super::lock;

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    let about = "What Farstream's transmitters receive";
    gst::DebugCategory::new("fstransmitterinlet", gst::DebugColorFlags::empty(), Some(about))
});

/// What packets come from, a socket or several.
pub(super) trait Feed: Send + Sync {
    /// Packets are wanted from now on, or no more.
    fn want(&self, wanted: bool);
}

glib::wrapper! {
    /// Element of a transmitter that receives (`FsTransmitterInlet`).
    pub struct Inlet(ObjectSubclass<imp::Inlet>) @extends gst::Element, gst::Object;
}

impl Inlet {
    /// An element with pads for so many components.
    pub(super) fn new(components: u32) -> Self {
        let inlet: Self = glib::Object::new();
        inlet.imp().add_pads(components);
        inlet
    }

    /// Whether packets get the running time of their arrival.
    pub(super) fn set_do_timestamp(&self, stamp: bool) {
        self.imp().stamp.store(stamp, Ordering::Relaxed);
    }

    /// Wants packets from there while the element plays.
    pub(super) fn add(&self, feed: Arc<dyn Feed>) {
        let imp = self.imp();
        lock(&imp.feeds).push(feed.clone());
        if imp.playing.load(Ordering::Acquire) {
            feed.want(true);
        }
    }

    /// Lets go of it.
    pub(super) fn remove<F: Feed>(&self, feed: &Arc<F>) {
        lock(&self.imp().feeds).retain(|f| !std::ptr::addr_eq(Arc::as_ptr(f), Arc::as_ptr(feed)));
    }

    /// Gives a packet of a component that arrived that long ago, in the thread that received it.
    pub(super) fn push(&self, component: u32, buffer: gst::Buffer, age: Duration) {
        self.imp().push(component, buffer, age);
    }
}

/// The property of transmitters that says in which thread packets are received.
pub(super) fn shared_thread() -> glib::ParamSpec {
    let about =
        "Whether what takes the packets never blocks, so that one thread serves all such transmitters";
    glib::ParamSpecBoolean::builder("shared-thread").nick("Shared thread").blurb(about).build()
}

mod imp {
    use super::*;

    /// A pad, and whether it has told what it gives.
    struct Output {
        pad: gst::Pad,
        begun: AtomicBool,
    }

    /// Private part of [`super::Inlet`].
    #[derive(Default)]
    pub struct Inlet {
        outputs: OnceLock<Vec<Output>>,
        pub(super) feeds: Mutex<Vec<Arc<dyn Feed>>>,
        pub(super) playing: AtomicBool,
        pub(super) stamp: AtomicBool,
    }

    impl Inlet {
        pub(super) fn add_pads(&self, components: u32) {
            let obj = self.obj();
            let Some(template) = obj.pad_template("src_%u") else { return };
            let output = |number| {
                let pad = gst::Pad::builder_from_template(&template)
                    .name(format!("src_{number}"))
                    .query_function(answer)
                    .build();
                // Names differ and the element is new: adding cannot fail.
                let _ = obj.add_pad(&pad);
                Output { pad, begun: AtomicBool::new(false) }
            };
            // Runs once for each element.
            let _ = self.outputs.set((1..=components).map(output).collect());
        }

        pub(super) fn push(&self, component: u32, mut buffer: gst::Buffer, age: Duration) {
            let outputs = self.outputs.get().map(Vec::as_slice).unwrap_or_default();
            let index = usize::try_from(component).ok().and_then(|n| n.checked_sub(1));
            let Some(output) = index.and_then(|i| outputs.get(i)) else { return };
            if !self.playing.load(Ordering::Acquire) {
                return;
            }
            if !output.begun.swap(true, Ordering::Relaxed) {
                let id = output.pad.create_stream_id(&*self.obj(), Some(&component.to_string()));
                output.pad.push_event(gst::event::StreamStart::new(&id));
                let segment = gst::FormattedSegment::<gst::ClockTime>::new();
                output.pad.push_event(gst::event::Segment::new(&segment));
            }
            if self.stamp.load(Ordering::Relaxed)
                && let Some(now) = self.obj().current_running_time()
                && let Some(buffer) = buffer.get_mut()
            {
                let age = gst::ClockTime::try_from(age).unwrap_or_default();
                let arrived = now.saturating_sub(age);
                buffer.set_pts(arrived);
                buffer.set_dts(arrived);
            }
            match output.pad.push(buffer) {
                Ok(_) | Err(gst::FlowError::Flushing) => {}
                // The next packet may fare better: nothing ends because of one.
                Err(error) => gst::debug!(CAT, imp = self, "component {component}: {error:?}"),
            }
        }

        fn read(&self, playing: bool) {
            let feeds = {
                let feeds = lock(&self.feeds);
                self.playing.store(playing, Ordering::Release);
                feeds.clone()
            };
            feeds.iter().for_each(|feed| feed.want(playing));
        }
    }

    /// A live source without latency of its own.
    fn answer(pad: &gst::Pad, parent: Option<&gst::Object>, query: &mut gst::QueryRef) -> bool {
        if let gst::QueryViewMut::Latency(latency) = query.view_mut() {
            latency.set(true, gst::ClockTime::ZERO, gst::ClockTime::NONE);
            return true;
        }
        gst::Pad::query_default(pad, parent, query)
    }

    #[glib::object_subclass]
    impl ObjectSubclass for Inlet {
        const NAME: &'static str = "FsTransmitterInlet";
        const ALLOW_NAME_CONFLICT: bool = true;
        type Type = super::Inlet;
        type ParentType = gst::Element;
    }

    impl ObjectImpl for Inlet {
        fn constructed(&self) {
            self.parent_constructed();
            self.obj().set_element_flags(gst::ElementFlags::SOURCE);
        }
    }

    impl GstObjectImpl for Inlet {}

    impl ElementImpl for Inlet {
        fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
            static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
                let about = "Gives what a transmitter receives";
                gst::subclass::ElementMetadata::new("transmitter inlet", "Source/Network", about, "Farstream")
            });
            Some(&*METADATA)
        }

        fn pad_templates() -> &'static [gst::PadTemplate] {
            static TEMPLATES: OnceLock<Vec<gst::PadTemplate>> = OnceLock::new();
            TEMPLATES.get_or_init(|| {
                let (direction, presence) = (gst::PadDirection::Src, gst::PadPresence::Sometimes);
                gst::PadTemplate::new("src_%u", direction, presence, &gst::Caps::new_any())
                    .into_iter()
                    .collect()
            })
        }

        fn change_state(
            &self,
            transition: gst::StateChange,
        ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
            if transition == gst::StateChange::PlayingToPaused {
                self.read(false);
            }
            let done = self.parent_change_state(transition)?;
            match transition {
                gst::StateChange::ReadyToPaused | gst::StateChange::PlayingToPaused => {
                    return Ok(gst::StateChangeSuccess::NoPreroll);
                }
                gst::StateChange::PausedToPlaying => self.read(true),
                gst::StateChange::PausedToReady => {
                    for output in self.outputs.get().into_iter().flatten() {
                        output.begun.store(false, Ordering::Relaxed);
                    }
                }
                _ => {}
            }
            Ok(done)
        }
    }
}
