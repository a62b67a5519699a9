//! A plugin written in Rust takes this crate as an ordinary Rust library, and is loaded into a process that has
//! `libfarstream-0.2.so.5` already. That library's types are then the ones to use, also those that it has not needed so
//! far and therefore not registered yet.

use std::ffi::{CStr, c_char, c_int, c_void};

use glib::ffi::GType;

const SONAME: &CStr = c"libfarstream-0.2.so.5";

/// The functions that register the types, parents before children.
const TYPE_FUNCTIONS: [&CStr; 25] = [
    c"fs_error_get_type",
    c"fs_media_type_get_type",
    c"fs_candidate_type_get_type",
    c"fs_network_protocol_get_type",
    c"fs_component_type_get_type",
    c"fs_stream_direction_get_type",
    c"fs_stream_state_get_type",
    c"fs_dtmf_event_get_type",
    c"fs_dtmf_method_get_type",
    c"fs_candidate_get_type",
    c"fs_candidate_list_get_type",
    c"fs_codec_get_type",
    c"fs_codec_list_get_type",
    c"fs_codec_parameter_get_type",
    c"fs_feedback_parameter_get_type",
    c"fs_rtp_header_extension_get_type",
    c"fs_rtp_header_extension_list_get_type",
    c"fs_participant_get_type",
    c"fs_stream_transmitter_get_type",
    c"fs_transmitter_get_type",
    c"fs_stream_get_type",
    c"fs_session_get_type",
    c"fs_conference_get_type",
    c"fs_plugin_get_type",
    c"fs_element_added_notifier_get_type",
];

unsafe extern "C" {
    fn dlopen(file: *const c_char, flags: c_int) -> *mut c_void;
    fn dlsym(handle: *mut c_void, name: *const c_char) -> *mut c_void;
}

const RTLD_LAZY: c_int = 1;
/// Gives a library that is loaded, and loads none.
const RTLD_NOLOAD: c_int = 4;

/// Has the library, if the process has one, register all its types. Does nothing otherwise.
pub(crate) fn register_types() {
    // SAFETY: the name is NUL-terminated, and nothing new is loaded. The handle is kept: types live for ever.
    let library = unsafe { dlopen(SONAME.as_ptr(), RTLD_LAZY | RTLD_NOLOAD) };
    if library.is_null() {
        return;
    }
    for name in TYPE_FUNCTIONS {
        // SAFETY: the library is open and the name NUL-terminated.
        let function = unsafe { dlsym(library, name.as_ptr()) };
        if !function.is_null() {
            // SAFETY: Farstream's interface declares every function of these names so.
            unsafe { std::mem::transmute::<*mut c_void, extern "C" fn() -> GType>(function)() };
        }
    }
}
