//! Transmitters: what carries the packets of a session over the network (`FsTransmitter`).
//!
//! A session has one transmitter per name; for each stream it makes a [`StreamTransmitter`]. Transmitters come
//! from plugins, see [`crate::plugin`].

use glib::prelude::*;
use glib::translate::*;

use crate::class::class_of;
use crate::error::{self, Error};
use crate::ffi::FsTransmitterClass;
use crate::parameter;
use crate::participant::Participant;
use crate::plugin;
use crate::stream_transmitter::StreamTransmitter;

pub(crate) mod call;
mod class;
mod imp;
pub(crate) mod vfunc;

pub use class::fs_transmitter_get_type;
pub use imp::{TransmitterImpl, TransmitterImplExt};

glib::wrapper! {
    /// A transmitter (`FsTransmitter`, abstract); made by [`Transmitter::new`].
    pub struct Transmitter(Object<crate::ffi::FsTransmitter, crate::ffi::FsTransmitterClass>);

    match fn {
        type_ => || fs_transmitter_get_type(),
    }
}

// SAFETY: reference counting, properties and signals of GObject are thread-safe, and implementations must be.
unsafe impl Send for Transmitter {}
// SAFETY: as above.
unsafe impl Sync for Transmitter {}

/// What plugin files of transmitters have behind the name.
pub(crate) const SUFFIX: &str = "transmitter";

impl Transmitter {
    /// Makes the transmitter of that name for so many components (1 to 255), with a type of service of 0 to 255
    /// (`fs_transmitter_new`). Fails with CONSTRUCTION if there is none or its construction fails.
    pub fn new(name: &str, components: u32, tos: u32) -> Result<Self, glib::Error> {
        if !(1..=255).contains(&components) || tos > 255 {
            let text = format!(
                "transmitter '{name}' takes 1 to 255 components and a type of service of 0 to 255, \
                 not {components} and {tos}"
            );
            return Err(glib::Error::new(Error::InvalidArguments, &text));
        }
        let type_ = plugin::type_for(name, SUFFIX)?;
        if !type_.is_a(Self::static_type()) || is_abstract(type_) {
            let text = format!("plugin '{name}' provides {type_}, which is no transmitter");
            return Err(glib::Error::new(Error::Construction, &text));
        }
        // A subclass may have a property of its own in place of ours, of another type of number.
        let numbers = [("components", components.to_value()), ("tos", tos.to_value())];
        let numbers = parameter::convert(type_, name, &numbers)?;
        let mut builder = glib::Object::builder_with_type(type_);
        for (name, number) in &numbers {
            builder = builder.property(name, number);
        }
        let object = builder.build();
        let Ok(transmitter) = object.downcast::<Self>() else {
            let text = format!("plugin '{name}' made something that is no transmitter");
            return Err(glib::Error::new(Error::Construction, &text));
        };
        match transmitter.take_construction_error() {
            Some(error) => Err(error),
            None => Ok(transmitter),
        }
    }

    /// Names of the transmitters there are, each once (`fs_transmitter_list_available`).
    pub fn list_available() -> Vec<String> {
        plugin::list_available(SUFFIX)
    }

    fn take_construction_error(&self) -> Option<glib::Error> {
        // SAFETY: construction is over; whoever made the transmitter owns the field.
        unsafe {
            let error = std::mem::replace(&mut (*self.as_ptr()).construction_error, std::ptr::null_mut());
            (!error.is_null()).then(|| from_glib_full(error))
        }
    }

    pub(crate) fn class_ptr(&self) -> *const FsTransmitterClass {
        // SAFETY: the wrapper holds a live transmitter.
        unsafe { class_of(self.as_ptr()) }
    }
}

/// What sessions do with a transmitter.
pub trait TransmitterExt: IsA<Transmitter> + 'static {
    /// Makes a stream transmitter (`fs_transmitter_new_stream_transmitter`).
    fn new_stream_transmitter(
        &self,
        participant: Option<&Participant>,
        parameters: &[(String, glib::Value)],
    ) -> Result<StreamTransmitter, glib::Error> {
        let transmitter = self.upcast_ref::<Transmitter>();
        call::new_stream_transmitter(transmitter, transmitter.class_ptr(), participant, parameters)
    }

    /// Type of the stream transmitters (`fs_transmitter_get_stream_transmitter_type`).
    fn stream_transmitter_type(&self) -> glib::Type {
        let transmitter = self.upcast_ref::<Transmitter>();
        call::stream_transmitter_type(transmitter, transmitter.class_ptr())
    }

    /// The bin that gives received packets (property `gst-src`).
    ///
    /// # Panics
    /// If the implementation has none, which is a bug of the implementation.
    fn gst_src(&self) -> gst::Element {
        self.property::<Option<gst::Element>>("gst-src").expect("every transmitter has a source bin")
    }

    /// The bin that takes packets to send (property `gst-sink`).
    ///
    /// # Panics
    /// If the implementation has none, which is a bug of the implementation.
    fn gst_sink(&self) -> gst::Element {
        self.property::<Option<gst::Element>>("gst-sink").expect("every transmitter has a sink bin")
    }

    /// IP type of service of sent packets, 0 to 255 (property `tos`).
    fn tos(&self) -> u32 {
        self.property("tos")
    }

    /// Changes the type of service, 0 to 255.
    fn set_tos(&self, tos: u32) {
        self.set_property("tos", tos.min(255));
    }

    /// Reports an asynchronous error (`fs_transmitter_emit_error`); for implementations.
    fn emit_error(&self, code: Error, text: &str) {
        self.emit_by_name::<()>("error", &[&code, &text]);
    }

    /// Calls back for every asynchronous error: code and text.
    fn connect_error<F>(&self, callback: F) -> glib::SignalHandlerId
    where
        F: Fn(&Transmitter, Error, &str) + Send + Sync + 'static,
    {
        self.connect("error", false, move |values| {
            let transmitter = values.first()?.get::<Transmitter>().ok()?;
            let (code, text) = error::arguments(values.get(1..)?)?;
            callback(&transmitter, code, &text);
            None
        })
    }
}

impl<O: IsA<Transmitter> + 'static> TransmitterExt for O {}

fn is_abstract(type_: glib::Type) -> bool {
    // SAFETY: the type is registered.
    let answer = unsafe {
        glib::gobject_ffi::g_type_test_flags(type_.into_glib(), glib::gobject_ffi::G_TYPE_FLAG_ABSTRACT)
    };
    answer != glib::ffi::GFALSE
}
