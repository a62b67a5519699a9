//! Participants: the people a conference connects us with (`FsParticipant`).
//!
//! The base class has one public field, a mutex, which C transmitters lock through a header macro while they
//! keep data of their own with the participant. [`ParticipantExt::data_lock`] is that macro.

use std::ffi::c_void;
use std::marker::PhantomData;
use std::mem::size_of;
use std::sync::OnceLock;

use glib::ffi::GType;
use glib::gobject_ffi::{GObject, GObjectClass, GTypeInstance};
use glib::prelude::*;
use glib::subclass::prelude::*;
use glib::translate::*;

use crate::class::ClassInfo;
use crate::ffi::{FsParticipant, FsParticipantClass};

glib::wrapper! {
    /// A participant (`FsParticipant`, abstract); made by [`crate::ConferenceExt::new_participant`].
    pub struct Participant(Object<crate::ffi::FsParticipant, crate::ffi::FsParticipantClass>);

    match fn {
        type_ => || fs_participant_get_type(),
    }
}

// SAFETY: reference counting, properties and signals of GObject are thread-safe, and implementations must be.
unsafe impl Send for Participant {}
// SAFETY: as above.
unsafe impl Sync for Participant {}

/// The GType `FsParticipant`, registered at first use.
#[cfg_attr(feature = "capi", unsafe(no_mangle))]
pub extern "C" fn fs_participant_get_type() -> GType {
    static TYPE: OnceLock<GType> = OnceLock::new();
    *TYPE.get_or_init(|| {
        let info = ClassInfo {
            name: c"FsParticipant",
            parent: glib::Object::static_type(),
            class_size: size_of::<FsParticipantClass>(),
            instance_size: size_of::<FsParticipant>(),
            class_init,
            instance_init: Some(instance_init),
            is_abstract: true,
        };
        info.register()
    })
}

unsafe extern "C" fn class_init(class: *mut c_void, _data: *mut c_void) {
    // SAFETY: GObject calls this once with the new class.
    unsafe { (*class.cast::<GObjectClass>()).finalize = Some(finalize) }
}

unsafe extern "C" fn instance_init(instance: *mut GTypeInstance, _class: *mut c_void) {
    // SAFETY: GObject calls this once with the new, zeroed instance.
    unsafe { glib::ffi::g_mutex_init(&raw mut (*instance.cast::<FsParticipant>()).mutex) }
}

unsafe extern "C" fn finalize(object: *mut GObject) {
    // SAFETY: GObject calls this once when the last reference is gone; then its own class goes on.
    unsafe {
        glib::ffi::g_mutex_clear(&raw mut (*object.cast::<FsParticipant>()).mutex);
        crate::class::chain_up_finalize(object);
    }
}

/// The participant's data lock, held until dropped.
pub struct DataLock<'a>(&'a Participant, PhantomData<*const ()>);

impl Drop for DataLock<'_> {
    fn drop(&mut self) {
        // SAFETY: locked by `data_lock` on this thread; the guard is not `Send`.
        unsafe { glib::ffi::g_mutex_unlock(&raw mut (*self.0.as_ptr()).mutex) }
    }
}

/// What implementations do with a participant.
pub trait ParticipantExt: IsA<Participant> + 'static {
    /// Locks the data that transmitters keep with the participant (`FS_PARTICIPANT_DATA_LOCK`).
    fn data_lock(&self) -> DataLock<'_> {
        let participant = self.upcast_ref::<Participant>();
        // SAFETY: the mutex was initialised with the instance.
        unsafe { glib::ffi::g_mutex_lock(&raw mut (*participant.as_ptr()).mutex) }
        DataLock(participant, PhantomData)
    }
}

impl<O: IsA<Participant> + 'static> ParticipantExt for O {}

/// A participant written in Rust; the class has no virtual functions.
pub trait ParticipantImpl: ObjectImpl + ObjectSubclass<Type: IsA<Participant>> + Send + Sync {}

// SAFETY: nothing is put into the class.
unsafe impl<T: ParticipantImpl> IsSubclassable<T> for Participant {}
