//! Properties of elements from a key file: groups name factories or elements, keys name properties.

use std::collections::HashMap;

use glib::prelude::*;
use gst::prelude::*;

use crate::debug::CAT;

/// What a key file says, by group: property and text of the value.
#[derive(Debug, Default)]
pub(super) struct PropertyTable(HashMap<String, Vec<(String, String)>>);

impl PropertyTable {
    /// Reads all groups.
    pub(super) fn new(file: &glib::KeyFile) -> Self {
        let mut table = HashMap::new();
        for group in file.groups().iter() {
            let keys = file.keys(group).map(|keys| keys.iter().map(|key| key.to_string()).collect());
            let entries = keys
                .unwrap_or_else(|_: glib::Error| Vec::<String>::new())
                .into_iter()
                .filter_map(|key| Some((key.clone(), file.value(group, &key).ok()?.to_string())))
                .collect();
            table.insert(group.to_string(), entries);
        }
        Self(table)
    }

    /// Sets what the group of the element's factory says, or else the group of the element's name.
    pub(super) fn apply(&self, element: &gst::Element) {
        let factory = element.factory().map(|factory| factory.name().to_string());
        let entries = factory
            .and_then(|factory| self.0.get(&factory).or_else(|| self.0.get(stands_for(&factory)?)))
            .or_else(|| self.0.get(element.name().as_str()))
            .map_or(&[][..], Vec::as_slice);
        for (property, text) in entries {
            set(element, property, text);
        }
    }

    /// Sets the properties of everything in a bin, at any depth.
    pub(super) fn apply_inside(&self, bin: &gst::Bin) {
        for element in bin.children() {
            if let Some(bin) = element.downcast_ref::<gst::Bin>() {
                self.apply_inside(bin);
            }
            self.apply(&element);
        }
    }
}

/// The well-known element whose place an element of ours takes: what files say of that one is for ours too.
fn stands_for(factory: &str) -> Option<&'static str> {
    (factory == "fsrtpjitterbuffer").then_some("rtpjitterbuffer")
}

fn set(element: &gst::Element, property: &str, text: &str) {
    let Some(spec) = element.find_property(property) else {
        gst::debug!(CAT, obj = element, "no property '{property}', '{text}' is not set");
        return;
    };
    let flags = spec.flags();
    if !flags.contains(glib::ParamFlags::WRITABLE) || flags.contains(glib::ParamFlags::CONSTRUCT_ONLY) {
        gst::debug!(CAT, obj = element, "property '{property}' can't be written");
        return;
    }
    match glib::Value::deserialize(text, spec.value_type()) {
        Ok(value) => element.set_property_from_value(property, &value),
        Err(_) => {
            let type_ = spec.value_type();
            gst::debug!(CAT, obj = element, "'{text}' is no {type_} for property '{property}'");
        }
    }
}
