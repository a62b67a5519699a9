//! Making, starting and removing the elements of a conference, with errors that name the element.

use std::sync::mpsc;
use std::time::Duration;

use fs_core::Error;
use gst::prelude::*;

use crate::debug::CONFERENCE as CAT;

/// How long a sink may hold a buffer when its pad shall go: longer than it waits for its clock.
const PATIENCE_WITH_SINKS: Duration = Duration::from_secs(2);

/// Makes an element.
///
/// # Errors
/// `FS_ERROR_CONSTRUCTION`, naming the element that is not installed.
pub fn make(factory: &str, name: Option<&str>) -> Result<gst::Element, glib::Error> {
    let mut builder = gst::ElementFactory::make(factory);
    if let Some(name) = name {
        builder = builder.name(name);
    }
    builder.build().map_err(|_| {
        construction(format!("can't make element '{factory}': its GStreamer plugin is missing or broken"))
    })
}

/// A `FS_ERROR_CONSTRUCTION`.
pub fn construction(text: impl AsRef<str>) -> glib::Error {
    glib::Error::new(Error::Construction, text.as_ref())
}

/// Adds an element to the conference.
pub fn add(bin: &gst::Bin, element: &impl IsA<gst::Element>) -> Result<(), glib::Error> {
    bin.add(element)
        .map_err(|_| construction(format!("can't add '{}' to '{}'", element.as_ref().name(), bin.name())))
}

/// Brings an element to its parent's state.
pub fn start(element: &impl IsA<gst::Element>) -> Result<(), glib::Error> {
    element
        .sync_state_with_parent()
        .map_err(|_| construction(format!("element '{}' does not start", element.as_ref().name())))
}

/// Links two pads.
pub fn link(src: &impl IsA<gst::Pad>, sink: &impl IsA<gst::Pad>) -> Result<(), glib::Error> {
    src.link(sink).map(drop).map_err(|why| {
        let (src, sink) = (src.as_ref(), sink.as_ref());
        construction(format!("can't link {} to {}: {why:?}", describe(src), describe(sink)))
    })
}

/// The pad of that name, present since the element was made.
pub fn static_pad(element: &impl IsA<gst::Element>, name: &str) -> Result<gst::Pad, glib::Error> {
    element
        .static_pad(name)
        .ok_or_else(|| construction(format!("element '{}' has no pad '{name}'", element.as_ref().name())))
}

/// Requests a pad.
pub fn request_pad(element: &gst::Element, name: &str) -> Result<gst::Pad, glib::Error> {
    element
        .request_pad_simple(name)
        .ok_or_else(|| construction(format!("element '{}' gives no pad '{name}'", element.name())))
}

/// Waits until no data is on its way through a source pad. False if that does not come in time.
pub fn wait_until_idle(pad: &impl IsA<gst::Pad>, patience: Duration) -> bool {
    let (sender, idle) = mpsc::sync_channel(1);
    let probe = pad.add_probe(gst::PadProbeType::IDLE, move |_, _| {
        // Nobody waits any more if it took too long.
        let _ = sender.try_send(());
        gst::PadProbeReturn::Remove
    });
    let came = idle.recv_timeout(patience).is_ok();
    if let Some(probe) = probe.filter(|_| !came) {
        pad.remove_probe(probe);
    }
    came
}

/// Stops an element for good and takes it out of its bin. Waits for data that is on its way through it.
pub fn remove(element: &impl IsA<gst::Element>) {
    let element = element.as_ref();
    element.set_locked_state(true);
    // Going to NULL fails only for broken elements; nothing is left to be done for them.
    let _ = element.set_state(gst::State::Null);
    if let Some(bin) = element.parent().and_then(|p| p.downcast::<gst::Bin>().ok()) {
        let _ = bin.remove(element);
    }
}

/// Adds a pad to the conference that gives what `target` gives. What is linked to it may come and go: data that nobody
/// takes is dropped without harm.
///
/// # Errors
/// `FS_ERROR_CONSTRUCTION`.
pub fn add_output_pad(
    bin: &gst::Bin,
    template: &str,
    name: &str,
    target: &gst::Pad,
) -> Result<gst::GhostPad, glib::Error> {
    let failed = || construction(format!("can't make pad '{name}'"));
    let template = bin.pad_template(template).ok_or_else(failed)?;
    let pad = gst::GhostPad::builder_from_template(&template)
        .name(name)
        .proxy_pad_chain_function(|pad, parent, buffer| {
            harmless(gst::ProxyPad::chain_default(pad, parent, buffer))
        })
        .proxy_pad_chain_list_function(|pad, parent, list| {
            harmless(gst::ProxyPad::chain_list_default(pad, parent, list))
        })
        .build();
    pad.set_target(Some(target)).map_err(|_| failed())?;
    pad.set_active(true).map_err(|_| failed())?;
    bin.add_pad(&pad).map_err(|_| failed())?;
    Ok(pad)
}

/// Takes a pad of [`add_output_pad`] away again. If the application's sink holds a buffer for longer than any clock
/// would make it (it is paused, for example), it is flushed, or we would wait for it for ever.
pub fn remove_output_pad(bin: &gst::Bin, pad: &gst::GhostPad) {
    let held = !wait_until_idle(pad, PATIENCE_WITH_SINKS);
    if held {
        gst::warning!(CAT, "flushing what is linked to {}, which holds its data back", pad.name());
        pad.push_event(gst::event::FlushStart::new());
    }
    let _ = pad.set_active(false);
    if held && let Some(peer) = pad.peer() {
        peer.send_event(gst::event::FlushStop::new(false));
    }
    if pad.parent().is_some() {
        let _ = bin.remove_pad(pad);
    }
    let _ = pad.set_target(None::<&gst::Pad>);
}

/// Nobody listens, or not now: that is no error.
fn harmless(flow: Result<gst::FlowSuccess, gst::FlowError>) -> Result<gst::FlowSuccess, gst::FlowError> {
    match flow {
        Err(gst::FlowError::NotLinked | gst::FlowError::Flushing) => Ok(gst::FlowSuccess::Ok),
        other => other,
    }
}

fn describe(pad: &gst::Pad) -> String {
    let parent = pad.parent().map(|p| p.name().to_string()).unwrap_or_default();
    format!("{parent}:{}", pad.name())
}
