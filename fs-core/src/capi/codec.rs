//! `farstream/fs-codec.h`.

use std::ffi::{CStr, c_char, c_int, c_uint};

use fs_proto::{Codec, CodecParameter, FeedbackParameter};
use glib::ffi::{
    GError, GFALSE, GList, GTRUE, g_ascii_strcasecmp, g_list_append, g_list_delete_link, g_list_find,
    g_list_position, g_strcmp0, g_strdup, gboolean,
};

use super::check;
use crate::boxed::{CStruct, list, list_items, read_text, slice_new, write_text};
use crate::class::guard_result;
use crate::ffi::{FsCodec, FsCodecParameter, FsFeedbackParameter, FsMediaType, TRR_INT_UNSET};
use crate::keyfile;

#[unsafe(no_mangle)]
pub extern "C" fn fs_media_type_to_string(media_type: FsMediaType) -> *const c_char {
    match media_type {
        0 => c"audio".as_ptr(),
        1 => c"video".as_ptr(),
        2 => c"application".as_ptr(),
        _ => std::ptr::null(),
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_codec_new(
    id: c_int,
    encoding_name: *const c_char,
    media_type: FsMediaType,
    clock_rate: c_uint,
) -> *mut FsCodec {
    slice_new(FsCodec {
        id,
        // SAFETY: the name is NULL or NUL-terminated.
        encoding_name: unsafe { g_strdup(encoding_name) },
        media_type,
        clock_rate,
        channels: 0,
        minimum_reporting_interval: TRR_INT_UNSET,
        optional_params: std::ptr::null_mut(),
        feedback_params: std::ptr::null_mut(),
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_codec_copy(codec: *const FsCodec) -> *mut FsCodec {
    // SAFETY: NULL or a valid codec.
    unsafe { Codec::copy(codec) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_codec_destroy(codec: *mut FsCodec) {
    // SAFETY: NULL or a codec the caller gives away.
    unsafe { Codec::free(codec) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_codec_list_copy(codecs: *const GList) -> *mut GList {
    // SAFETY: NULL or a valid list.
    unsafe { list::copy::<Codec>(codecs) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_codec_list_destroy(codecs: *mut GList) {
    // SAFETY: NULL or a list the caller gives away.
    unsafe { list::free::<Codec>(codecs) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_codec_list_from_keyfile(
    filename: *const c_char,
    error: *mut *mut GError,
) -> *mut GList {
    let null = std::ptr::null_mut();
    check!(c"fs_codec_list_from_keyfile", !filename.is_null(), error => null);
    // SAFETY: the name is NUL-terminated, the error place is the caller's.
    unsafe {
        guard_result("reading codecs", error, || Ok(list::write(&keyfile::codecs(read_text(filename))?)))
            .unwrap_or(null)
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_codec_to_string(codec: *const FsCodec) -> *mut c_char {
    if codec.is_null() {
        return write_text("(NULL)");
    }
    let mut out = Vec::new();
    // SAFETY: a valid codec, whose strings are NULL or NUL-terminated.
    unsafe {
        let codec = &*codec;
        out.extend(format!("{}: ", codec.id).bytes());
        append(&mut out, fs_media_type_to_string(codec.media_type));
        out.push(b' ');
        append(&mut out, codec.encoding_name);
        out.extend(
            format!(" clock:{} channels:{}", codec.clock_rate as c_int, codec.channels as c_int).bytes(),
        );
        if codec.minimum_reporting_interval != TRR_INT_UNSET {
            out.extend(format!(" trr-int={}", codec.minimum_reporting_interval).bytes());
        }
        for parameter in list_items::<FsCodecParameter>(codec.optional_params).filter_map(|p| p.as_ref()) {
            out.push(b' ');
            append(&mut out, parameter.name);
            out.push(b'=');
            append(&mut out, parameter.value);
        }
        for feedback in list_items::<FsFeedbackParameter>(codec.feedback_params).filter_map(|p| p.as_ref()) {
            out.push(b' ');
            append(&mut out, feedback.type_);
            out.push(b'/');
            append(&mut out, feedback.subtype);
            out.push(b'=');
            append(&mut out, feedback.extra_params);
        }
        glib::ffi::g_strndup(out.as_ptr().cast(), out.len())
    }
}

/// Appends the bytes of a C string as they are; NULL is told.
unsafe fn append(out: &mut Vec<u8>, text: *const c_char) {
    // SAFETY: NULL or NUL-terminated.
    out.extend(if text.is_null() { b"(null)" } else { unsafe { CStr::from_ptr(text) }.to_bytes() });
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_codec_are_equal(one: *const FsCodec, two: *const FsCodec) -> gboolean {
    if one == two {
        return GTRUE;
    }
    if one.is_null() || two.is_null() {
        return GFALSE;
    }
    // SAFETY: valid codecs.
    let (mut first, mut second) = unsafe { (Codec::read(one), Codec::read(two)) };
    // SAFETY: as above. C knows two ways of having no name: NULL equals nothing, an empty one is a name.
    unsafe {
        let (name, other) = ((*one).encoding_name, (*two).encoding_name);
        if name.is_null() || other.is_null() || g_ascii_strcasecmp(name, other) != 0 {
            return GFALSE;
        }
        first.encoding_name = "-".to_owned();
        second.encoding_name = "-".to_owned();
    }
    // SAFETY: as above; the media types are compared as numbers, which need not be known ones.
    let same_media = unsafe { (*one).media_type == (*two).media_type };
    if same_media && first.matches(&second) { GTRUE } else { GFALSE }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_codec_list_are_equal(one: *mut GList, two: *mut GList) -> gboolean {
    // SAFETY: NULL or valid lists.
    let (mut one, mut two) = unsafe { (list_items::<FsCodec>(one), list_items::<FsCodec>(two)) };
    loop {
        match (one.next(), two.next()) {
            (None, None) => return GTRUE,
            // SAFETY: the lists hold codecs.
            (Some(a), Some(b)) if unsafe { fs_codec_are_equal(a, b) } != GFALSE => {}
            _ => return GFALSE,
        }
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_codec_add_optional_parameter(
    codec: *mut FsCodec,
    name: *const c_char,
    value: *const c_char,
) {
    check!(c"fs_codec_add_optional_parameter", !codec.is_null());
    check!(c"fs_codec_add_optional_parameter", !name.is_null());
    check!(c"fs_codec_add_optional_parameter", !value.is_null());
    // SAFETY: a valid codec and NUL-terminated strings.
    unsafe {
        let parameter = slice_new(FsCodecParameter { name: g_strdup(name), value: g_strdup(value) });
        (*codec).optional_params = g_list_append((*codec).optional_params, parameter.cast());
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_codec_remove_optional_parameter(
    codec: *mut FsCodec,
    parameter: *mut FsCodecParameter,
) {
    check!(c"fs_codec_remove_optional_parameter", !codec.is_null());
    if parameter.is_null() {
        return;
    }
    // SAFETY: a valid codec and a valid parameter; only what is in the list is freed.
    unsafe {
        let same = |found: *mut FsCodecParameter| {
            g_strcmp0((*found).name, (*parameter).name) == 0
                && g_strcmp0((*found).value, (*parameter).value) == 0
        };
        let link = find_link((*codec).optional_params, parameter, same);
        if !link.is_null() {
            let found: *mut FsCodecParameter = (*link).data.cast();
            (*codec).optional_params = g_list_delete_link((*codec).optional_params, link);
            CodecParameter::free(found);
        }
    }
}

/// The link of a list that holds this very structure, otherwise the first that holds an equal one: languages that copy
/// structures when they read a list have no other way to name an entry.
unsafe fn find_link<T>(list: *mut GList, wanted: *mut T, same: impl Fn(*mut T) -> bool) -> *mut GList {
    // SAFETY: NULL or a valid list, whose entries are valid or NULL.
    unsafe {
        let link = g_list_find(list, wanted.cast_const().cast());
        if !link.is_null() {
            return link;
        }
        let mut link = list;
        while !link.is_null() && ((*link).data.is_null() || !same((*link).data.cast())) {
            link = (*link).next;
        }
        link
    }
}

/// Whether two C strings are equal but for case; NULL on the left asks for nothing, NULL on the right has nothing.
unsafe fn fits(wanted: *const c_char, found: *const c_char) -> bool {
    // SAFETY: NULL or NUL-terminated.
    wanted.is_null() || (!found.is_null() && unsafe { g_ascii_strcasecmp(wanted, found) } == 0)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_codec_get_optional_parameter(
    codec: *mut FsCodec,
    name: *const c_char,
    value: *const c_char,
) -> *mut FsCodecParameter {
    check!(c"fs_codec_get_optional_parameter", !codec.is_null() => std::ptr::null_mut());
    check!(c"fs_codec_get_optional_parameter", !name.is_null() => std::ptr::null_mut());
    // SAFETY: a valid codec, and strings that are NULL or NUL-terminated.
    unsafe {
        list_items::<FsCodecParameter>((*codec).optional_params)
            .find(|p| fits(name, (**p).name) && fits(value, (**p).value))
            .unwrap_or(std::ptr::null_mut())
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_codec_parameter_copy(
    parameter: *const FsCodecParameter,
) -> *mut FsCodecParameter {
    // SAFETY: NULL or a valid parameter.
    unsafe { CodecParameter::copy(parameter) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_codec_parameter_free(parameter: *mut FsCodecParameter) {
    // SAFETY: NULL or a parameter the caller gives away.
    unsafe { CodecParameter::free(parameter) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_codec_add_feedback_parameter(
    codec: *mut FsCodec,
    type_: *const c_char,
    subtype: *const c_char,
    extra_params: *const c_char,
) {
    check!(c"fs_codec_add_feedback_parameter", !codec.is_null());
    check!(c"fs_codec_add_feedback_parameter", !type_.is_null());
    check!(c"fs_codec_add_feedback_parameter", !subtype.is_null());
    check!(c"fs_codec_add_feedback_parameter", !extra_params.is_null());
    // SAFETY: a valid codec and NUL-terminated strings.
    unsafe {
        let parameter = slice_new(FsFeedbackParameter {
            type_: g_strdup(type_),
            subtype: g_strdup(subtype),
            extra_params: g_strdup(extra_params),
        });
        (*codec).feedback_params = g_list_append((*codec).feedback_params, parameter.cast());
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_codec_get_feedback_parameter(
    codec: *mut FsCodec,
    type_: *const c_char,
    subtype: *const c_char,
    extra_params: *const c_char,
) -> *mut FsFeedbackParameter {
    check!(c"fs_codec_get_feedback_parameter", !codec.is_null() => std::ptr::null_mut());
    check!(c"fs_codec_get_feedback_parameter", (!type_.is_null() || !subtype.is_null())
        => std::ptr::null_mut());
    // SAFETY: a valid codec, and strings that are NULL or NUL-terminated.
    unsafe {
        list_items::<FsFeedbackParameter>((*codec).feedback_params)
            .find(|p| {
                let p = &**p;
                fits(type_, p.type_) && fits(subtype, p.subtype) && fits(extra_params, p.extra_params)
            })
            .unwrap_or(std::ptr::null_mut())
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_codec_remove_feedback_parameter(codec: *mut FsCodec, item: *mut GList) {
    check!(c"fs_codec_remove_feedback_parameter", !codec.is_null());
    if item.is_null() {
        return;
    }
    // SAFETY: a valid codec and a valid link; only what is in the list of the codec is freed.
    unsafe {
        let link = if g_list_position((*codec).feedback_params, item) >= 0 {
            item
        } else if (*item).data.is_null() {
            std::ptr::null_mut()
        } else {
            let wanted: *mut FsFeedbackParameter = (*item).data.cast();
            let same = |found: *mut FsFeedbackParameter| {
                g_strcmp0((*found).type_, (*wanted).type_) == 0
                    && g_strcmp0((*found).subtype, (*wanted).subtype) == 0
                    && g_strcmp0((*found).extra_params, (*wanted).extra_params) == 0
            };
            find_link((*codec).feedback_params, wanted, same)
        };
        if !link.is_null() {
            let found: *mut FsFeedbackParameter = (*link).data.cast();
            (*codec).feedback_params = g_list_delete_link((*codec).feedback_params, link);
            FeedbackParameter::free(found);
        }
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_feedback_parameter_copy(
    parameter: *const FsFeedbackParameter,
) -> *mut FsFeedbackParameter {
    // SAFETY: NULL or a valid parameter.
    unsafe { FeedbackParameter::copy(parameter) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_feedback_parameter_free(parameter: *mut FsFeedbackParameter) {
    // SAFETY: NULL or a parameter the caller gives away.
    unsafe { FeedbackParameter::free(parameter) }
}
