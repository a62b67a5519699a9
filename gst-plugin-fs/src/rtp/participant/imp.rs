//! Implementation of `FsRtpParticipant`.

use std::sync::{Mutex, PoisonError};

use fs_core::prelude::*;
use glib::prelude::*;
use glib::subclass::prelude::*;
use once_cell::sync::Lazy;

#[derive(Default)]
pub struct Participant {
    cname: Mutex<Option<String>>,
}

impl Participant {
    pub(super) fn cname(&self) -> Option<String> {
        self.cname.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[glib::object_subclass]
impl ObjectSubclass for Participant {
    const NAME: &'static str = "FsRtpParticipant";
    type Type = super::Participant;
    type ParentType = fs_core::Participant;
}

impl ObjectImpl for Participant {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: Lazy<Vec<glib::ParamSpec>> = Lazy::new(|| {
            vec![
                glib::ParamSpecString::builder("cname")
                    .nick("CNAME")
                    .blurb("RTCP CNAME of this participant")
                    .build(),
            ]
        });
        &PROPERTIES
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        if pspec.name() == "cname" {
            let cname = value.get::<Option<String>>().unwrap_or_default();
            *self.cname.lock().unwrap_or_else(PoisonError::into_inner) = cname;
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        match pspec.name() {
            "cname" => self.cname().to_value(),
            _ => pspec.default_value().clone(),
        }
    }
}

impl ParticipantImpl for Participant {}
