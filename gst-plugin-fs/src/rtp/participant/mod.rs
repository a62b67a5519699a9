//! `FsRtpParticipant`: a peer of a conference.

mod imp;

glib::wrapper! {
    /// A peer, known in RTCP by its `cname` property.
    pub struct Participant(ObjectSubclass<imp::Participant>) @extends fs_core::Participant;
}

impl Participant {
    /// A participant without a CNAME.
    pub fn new() -> Self {
        glib::Object::new()
    }

    /// The CNAME that associates received SSRCs with this participant's streams (RFC 3550 section 6.5.1).
    pub fn cname(&self) -> Option<String> {
        glib::subclass::prelude::ObjectSubclassIsExt::imp(self).cname()
    }
}

impl Default for Participant {
    fn default() -> Self {
        Self::new()
    }
}
