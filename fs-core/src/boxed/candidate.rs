//! `FsCandidate` and `FsCandidateList`.

use fs_proto::Candidate;

use super::codec::boxed_type;
use super::{CStruct, boxed_value, list, read_text, slice_free, slice_new, write_text_or_null};
use crate::enums::{CandidateType, NetworkProtocol};
use crate::ffi::FsCandidate;

/// A candidate in a `glib::Value` (`FsCandidate`). `Option<CandidateValue>` reads a NULL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CandidateValue(pub Candidate);

/// A list of candidates in a `glib::Value` (`FsCandidateList`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CandidateList(pub Vec<Candidate>);

boxed_value!(CandidateValue(Candidate), fs_candidate_get_type);
list::list_value!(CandidateList(Candidate), fs_candidate_list_get_type);

impl CStruct for Candidate {
    type C = FsCandidate;

    unsafe fn read(from: *const FsCandidate) -> Self {
        // SAFETY: the caller vouches for the struct.
        unsafe {
            let from = &*from;
            Self {
                foundation: read_text(from.foundation),
                component_id: from.component_id,
                ip: read_text(from.ip),
                port: from.port,
                base_ip: read_text(from.base_ip),
                base_port: from.base_port,
                proto: NetworkProtocol::from_c(from.proto).unwrap_or(NetworkProtocol::Udp).into(),
                priority: from.priority,
                kind: CandidateType::from_c(from.type_).unwrap_or(CandidateType::Host).into(),
                username: read_text(from.username),
                password: read_text(from.password),
                ttl: from.ttl,
            }
        }
    }

    fn write(&self) -> *mut FsCandidate {
        slice_new(FsCandidate {
            foundation: write_text_or_null(&self.foundation),
            component_id: self.component_id,
            ip: write_text_or_null(&self.ip),
            port: self.port,
            base_ip: write_text_or_null(&self.base_ip),
            base_port: self.base_port,
            proto: NetworkProtocol::from(self.proto) as u32,
            priority: self.priority,
            type_: CandidateType::from(self.kind) as u32,
            username: write_text_or_null(&self.username),
            password: write_text_or_null(&self.password),
            ttl: self.ttl,
        })
    }

    unsafe fn copy(from: *const FsCandidate) -> *mut FsCandidate {
        // SAFETY: the caller vouches for the struct, NULL included.
        let Some(from) = (unsafe { from.as_ref() }) else { return std::ptr::null_mut() };
        // SAFETY: its strings are NULL or NUL-terminated.
        slice_new(unsafe {
            FsCandidate {
                foundation: glib::ffi::g_strdup(from.foundation),
                ip: glib::ffi::g_strdup(from.ip),
                base_ip: glib::ffi::g_strdup(from.base_ip),
                username: glib::ffi::g_strdup(from.username),
                password: glib::ffi::g_strdup(from.password),
                ..*from
            }
        })
    }

    unsafe fn free(it: *mut FsCandidate) {
        if it.is_null() {
            return;
        }
        // SAFETY: the caller gives the struct away.
        unsafe {
            for text in [(*it).foundation, (*it).ip, (*it).base_ip, (*it).username, (*it).password] {
                glib::ffi::g_free(text.cast());
            }
            slice_free(it);
        }
    }
}

boxed_type!(fs_candidate_get_type, "FsCandidate", Candidate::copy, Candidate::free);
boxed_type!(fs_candidate_list_get_type, "FsCandidateList", list::copy::<Candidate>, list::free::<Candidate>);
