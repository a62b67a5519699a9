//! Subclasses that override every property and keep what is set.

use std::collections::BTreeMap;
use std::sync::Mutex;

use fs_core::prelude::*;
use glib::prelude::*;
use glib::subclass::prelude::*;
use glib::thread_guard::ThreadGuard;

/// The properties that an abstract class has.
pub fn specs(type_: glib::Type) -> Vec<glib::ParamSpec> {
    let class = glib::object::ObjectClass::from_type(type_).unwrap();
    class.list_properties().iter().filter(|spec| spec.owner_type() == type_).cloned().collect()
}

/// Looking into an object.
pub trait Keeps: IsA<glib::Object> + glib::object::IsClass {
    /// Puts a value in, as the implementation itself does for properties that are only read.
    fn keep(&self, name: &str, value: &glib::Value);
    /// Whether there is one.
    fn keeps(&self, name: &str) -> bool;
}

macro_rules! keeping {
    ($imp:ident, $wrapper:ident, $impl_trait:ident, $name:literal) => {
        #[derive(Default)]
        pub struct $imp(Mutex<BTreeMap<String, ThreadGuard<glib::Value>>>);

        #[glib::object_subclass]
        impl ObjectSubclass for $imp {
            const NAME: &'static str = $name;
            type Type = $wrapper;
            type ParentType = fs_core::$wrapper;
        }

        impl ObjectImpl for $imp {
            fn properties() -> &'static [glib::ParamSpec] {
                static PROPERTIES: std::sync::OnceLock<Vec<glib::ParamSpec>> = std::sync::OnceLock::new();
                PROPERTIES.get_or_init(|| {
                    let over = |spec: &glib::ParamSpec| {
                        glib::ParamSpecOverride::for_class::<fs_core::$wrapper>(spec.name())
                    };
                    specs(fs_core::$wrapper::static_type()).iter().map(over).collect()
                })
            }

            fn set_property(&self, _id: usize, value: &glib::Value, spec: &glib::ParamSpec) {
                self.obj().keep(spec.name(), value);
            }

            fn property(&self, _id: usize, spec: &glib::ParamSpec) -> glib::Value {
                let kept = self.0.lock().unwrap();
                kept.get(spec.name()).map_or(spec.default_value(), ThreadGuard::get_ref).clone()
            }
        }

        impl $impl_trait for $imp {}

        glib::wrapper! {
            pub struct $wrapper(ObjectSubclass<$imp>) @extends fs_core::$wrapper;
        }

        impl Keeps for $wrapper {
            fn keep(&self, name: &str, value: &glib::Value) {
                self.imp().0.lock().unwrap().insert(name.to_owned(), ThreadGuard::new(value.clone()));
            }

            fn keeps(&self, name: &str) -> bool {
                self.imp().0.lock().unwrap().contains_key(name)
            }
        }
    };
}

keeping!(SessionImp, Session, SessionImpl, "TestKeepingSession");
keeping!(StreamImp, Stream, StreamImpl, "TestKeepingStream");
keeping!(TransmitterImp, Transmitter, TransmitterImpl, "TestKeepingTransmitter");
keeping!(StreamTransmitterImp, StreamTransmitter, StreamTransmitterImpl, "TestKeepingStreamTransmitter");
