//! The two bins of a transmitter: `gst-src` with pads `src_1`, `src_2`, ..., `gst-sink` with pads `sink_1`, `sink_2`, ...
//!
//! Behind each source pad sits a funnel that merges what the sockets of that component receive, behind each sink pad
//! a tee that hands packets to all of them. A tee without branch drops its packets.

use gst::prelude::*;

/// The bin that takes packets to send: behind each of its pads a tee.
pub(super) struct SinkBin {
    /// The bin.
    pub(super) bin: gst::Bin,
    tees: Vec<gst::Element>,
}

/// Both bins with their components, which are counted from 1.
pub(super) struct Bins {
    /// Gives received packets.
    pub(super) src: gst::Bin,
    /// Takes packets to send.
    pub(super) sink: gst::Bin,
    sinks: SinkBin,
    funnels: Vec<gst::Element>,
}

/// What belongs to a component.
fn component(all: &[gst::Element], number: u32) -> Result<&gst::Element, glib::Error> {
    let index = usize::try_from(number).ok().and_then(|n| n.checked_sub(1));
    index
        .and_then(|i| all.get(i))
        .ok_or_else(|| construction(&format!("there is no component {number}, only 1 to {}", all.len())))
}

impl SinkBin {
    /// Builds the bin for so many components.
    ///
    /// # Errors
    /// `CONSTRUCTION`, naming the element that is missing.
    pub(super) fn new(components: u32) -> Result<Self, glib::Error> {
        let (bin, mut tees) = (gst::Bin::new(), Vec::new());
        for number in 1..=components {
            let tee = element("tee")?;
            tee.set_property("allow-not-linked", true);
            expose(&bin, &tee, "sink", &format!("sink_{number}"))?;
            tees.push(tee);
        }
        Ok(Self { bin, tees })
    }

    /// Adds an element that sends the packets of a component.
    pub(super) fn add(&self, number: u32, sink: &gst::Element) -> Result<(), glib::Error> {
        let tee = component(&self.tees, number)?;
        self.bin.add(sink).map_err(|e| construction(&e.message))?;
        // Running before the first packet comes: the branch must not refuse it. What is ahead of a bin that was not
        // started yet stays so: shmsink listens from READY on.
        let ahead = sink.current_state() > self.bin.current_state();
        if sink.current_state() == gst::State::Null || !ahead {
            sink.sync_state_with_parent().map_err(|e| construction(&e.message))?;
        }
        tee.link(sink).map_err(|e| construction(&e.message))
    }

    /// Removes an element that sends. The branch goes before the element stops, so that a packet under way meets no
    /// stopped element.
    pub(super) fn remove(&self, number: u32, sink: &gst::Element) {
        let tee_pad = sink.static_pad("sink").and_then(|pad| pad.peer());
        if let (Some(pad), Ok(tee)) = (tee_pad, component(&self.tees, number)) {
            tee.release_request_pad(&pad);
        }
        halt(sink);
        // Whoever is not in the bin (any more) needs no removal.
        let _ = self.bin.remove(sink);
    }
}

impl Bins {
    /// Builds the bins for so many components.
    ///
    /// # Errors
    /// `CONSTRUCTION`, naming the element that is missing.
    pub(super) fn new(components: u32) -> Result<Self, glib::Error> {
        let (src, sinks, mut funnels) = (gst::Bin::new(), SinkBin::new(components)?, Vec::new());
        for number in 1..=components {
            let funnel = element("funnel")?;
            expose(&src, &funnel, "src", &format!("src_{number}"))?;
            funnels.push(funnel);
        }
        Ok(Self { src, sink: sinks.bin.clone(), sinks, funnels })
    }

    /// Adds an element that receives packets of a component and starts it with the bin.
    pub(super) fn add_source(&self, number: u32, source: &gst::Element) -> Result<(), glib::Error> {
        let funnel = component(&self.funnels, number)?;
        self.src.add(source).map_err(|e| construction(&e.message))?;
        source.link(funnel).map_err(|e| construction(&e.message))?;
        source.sync_state_with_parent().map_err(|e| construction(&e.message))
    }

    /// Stops and removes an element that receives; it ends its thread. Not to be called on that thread.
    pub(super) fn remove_source(&self, number: u32, source: &gst::Element) {
        let funnel_pad = source.static_pad("src").and_then(|pad| pad.peer());
        halt(source);
        // Whoever is not in the bin (any more) needs no removal.
        let _ = self.src.remove(source);
        if let (Some(pad), Ok(funnel)) = (funnel_pad, component(&self.funnels, number)) {
            funnel.release_request_pad(&pad);
        }
    }

    /// As [`SinkBin::add`].
    pub(super) fn add_sink(&self, number: u32, sink: &gst::Element) -> Result<(), glib::Error> {
        self.sinks.add(number, sink)
    }

    /// As [`SinkBin::remove`].
    pub(super) fn remove_sink(&self, number: u32, sink: &gst::Element) {
        self.sinks.remove(number, sink);
    }
}

fn halt(element: &gst::Element) {
    element.set_locked_state(true);
    // Going down to NULL cannot fail in a way that anybody could act on.
    let _ = element.set_state(gst::State::Null);
}

/// Makes an element.
///
/// # Errors
/// `CONSTRUCTION`, naming it.
pub(super) fn element(factory: &str) -> Result<gst::Element, glib::Error> {
    gst::ElementFactory::make(factory).build().map_err(|_| {
        construction(&format!("element {factory} cannot be made; is its GStreamer plugin installed?"))
    })
}

/// Gives the bin that pad of its element. A source pad stands for what comes from the network: whatever happens to a packet
/// behind it, the next one may fare better, and nothing ends because of one.
fn expose(bin: &gst::Bin, element: &gst::Element, pad: &str, name: &str) -> Result<(), glib::Error> {
    fn go_on(flow: Result<gst::FlowSuccess, gst::FlowError>) -> Result<gst::FlowSuccess, gst::FlowError> {
        match flow {
            Err(error) if error != gst::FlowError::Flushing => Ok(gst::FlowSuccess::Ok),
            flow => flow,
        }
    }
    bin.add(element).map_err(|e| construction(&e.message))?;
    let target = element
        .static_pad(pad)
        .ok_or_else(|| construction(&format!("{} has no pad {pad}", element.name())))?;
    let ghost = gst::GhostPad::builder_with_target(&target).map_err(|e| construction(&e.message))?.name(name);
    let ghost = if target.direction() == gst::PadDirection::Src {
        ghost
            .proxy_pad_chain_function(|pad, parent, buffer| {
                go_on(gst::ProxyPad::chain_default(pad, parent, buffer))
            })
            .proxy_pad_chain_list_function(|pad, parent, list| {
                go_on(gst::ProxyPad::chain_list_default(pad, parent, list))
            })
    } else {
        ghost
    };
    bin.add_pad(&ghost.build()).map_err(|e| construction(&e.message))
}

fn construction(text: &str) -> glib::Error {
    glib::Error::new(fs_core::Error::Construction, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_that_nobody_takes_ends_no_source() {
        gst::init().unwrap();
        let bins = Bins::new(1).unwrap();
        let source = gst::Pad::builder(gst::PadDirection::Src).name("src").build();
        let element = gst::Bin::new();
        element.add_pad(&source).unwrap();
        bins.add_source(1, element.upcast_ref()).unwrap();
        bins.src.set_state(gst::State::Playing).unwrap();
        source.set_active(true).unwrap();
        source.push_event(gst::event::StreamStart::new("s"));
        source.push_event(gst::event::Segment::new(&gst::FormattedSegment::<gst::ClockTime>::new()));
        // What stands behind is not linked, is not negotiated, or has ended.
        assert_eq!(source.push(gst::Buffer::new()), Ok(gst::FlowSuccess::Ok));
        for error in [gst::FlowError::NotNegotiated, gst::FlowError::Eos, gst::FlowError::Error] {
            let end =
                gst::Pad::builder(gst::PadDirection::Sink).chain_function(move |_, _, _| Err(error)).build();
            end.set_active(true).unwrap();
            let output = bins.src.static_pad("src_1").unwrap();
            output.link(&end).unwrap();
            assert_eq!(source.push(gst::Buffer::new()), Ok(gst::FlowSuccess::Ok), "{error:?}");
            let mut list = gst::BufferList::new();
            list.get_mut().unwrap().add(gst::Buffer::new());
            assert_eq!(source.push_list(list), Ok(gst::FlowSuccess::Ok), "{error:?}");
            output.unlink(&end).unwrap();
        }
        bins.src.set_state(gst::State::Null).unwrap();
    }
}
