//! The part of libnice that is used, found at run time: the library builds and loads where libnice is missing.

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::sync::OnceLock;

use glib::ffi::{GMainContext, GPtrArray, GSList, GType, gboolean};
use glib::translate::*;

/// libnice 0.1, whose soname has been this since 0.1.0.
const LIBRARY: &CStr = c"libnice.so.10";

/// Options of `nice_agent_new_full`.
pub(super) const OPTION_RELIABLE: c_uint = 1 << 1;
pub(super) const OPTION_TRICKLE: c_uint = 1 << 3;
pub(super) const OPTION_CONSENT_FRESHNESS: c_uint = 1 << 5;

/// Longest foundation, without the NUL.
pub(super) const MAX_FOUNDATION: usize = 32;

/// `NiceAddress`: a union of `sockaddr_in` and `sockaddr_in6`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, align(4))]
pub(super) struct Address {
    pub(super) bytes: [u8; size_of::<libc::sockaddr_in6>()],
}

/// The public head of `NiceCandidate`. What follows is libnice's own, so candidates are made by `nice_candidate_new`.
#[repr(C)]
pub(super) struct NiceCandidate {
    pub(super) kind: c_uint,
    pub(super) transport: c_uint,
    pub(super) addr: Address,
    pub(super) base_addr: Address,
    pub(super) priority: u32,
    pub(super) stream_id: c_uint,
    pub(super) component_id: c_uint,
    pub(super) foundation: [c_char; MAX_FOUNDATION + 1],
    pub(super) username: *mut c_char,
    pub(super) password: *mut c_char,
}

/// `NiceAgent`, a GObject.
pub(super) type NiceAgent = c_void;

/// What `nice_agent_close_async` calls when the agent's relays are given back.
pub(super) type Closed = unsafe extern "C" fn(*mut c_void, *mut c_void, *mut c_void);

/// What `nice_agent_attach_recv` calls with each packet: agent, stream, component, length, octets, data.
pub(super) type Received =
    unsafe extern "C" fn(*mut NiceAgent, c_uint, c_uint, c_uint, *mut c_char, *mut c_void);

macro_rules! api {
    ($($name:ident($($argument:ty),*) $(-> $answer:ty)?;)+) => {
        /// libnice's functions.
        pub(super) struct Api {
            $(pub(super) $name: unsafe extern "C" fn($($argument),*) $(-> $answer)?,)+
        }

        impl Api {
            fn resolve(handle: *mut c_void) -> Result<Self, String> {
                Ok(Self {
                    $($name: {
                        let address = symbol(handle, concat!(stringify!($name), "\0"))?;
                        // SAFETY: libnice 0.1's headers declare the function of that name with these types.
                        unsafe {
                            std::mem::transmute::<*mut c_void, unsafe extern "C" fn($($argument),*) $(-> $answer)?>(
                                address,
                            )
                        }
                    },)+
                })
            }
        }
    };
}

api! {
    nice_agent_get_type() -> GType;
    nice_candidate_get_type() -> GType;
    nice_agent_new_full(*mut GMainContext, c_uint, c_uint) -> *mut NiceAgent;
    nice_agent_add_local_address(*mut NiceAgent, *mut Address) -> gboolean;
    nice_agent_add_stream(*mut NiceAgent, c_uint) -> c_uint;
    nice_agent_remove_stream(*mut NiceAgent, c_uint);
    nice_agent_set_port_range(*mut NiceAgent, c_uint, c_uint, c_uint, c_uint);
    nice_agent_set_relay_info(
        *mut NiceAgent, c_uint, c_uint, *const c_char, c_uint, *const c_char, *const c_char, c_uint
    ) -> gboolean;
    nice_agent_set_stream_tos(*mut NiceAgent, c_uint, c_int);
    nice_agent_gather_candidates(*mut NiceAgent, c_uint) -> gboolean;
    nice_agent_get_local_candidates(*mut NiceAgent, c_uint, c_uint) -> *mut GSList;
    nice_agent_get_local_credentials(*mut NiceAgent, c_uint, *mut *mut c_char, *mut *mut c_char) -> gboolean;
    nice_agent_set_remote_credentials(*mut NiceAgent, c_uint, *const c_char, *const c_char) -> gboolean;
    nice_agent_set_remote_candidates(*mut NiceAgent, c_uint, c_uint, *const GSList) -> c_int;
    nice_agent_set_selected_remote_candidate(*mut NiceAgent, c_uint, c_uint, *mut NiceCandidate) -> gboolean;
    nice_agent_peer_candidate_gathering_done(*mut NiceAgent, c_uint) -> gboolean;
    nice_agent_attach_recv(*mut NiceAgent, c_uint, c_uint, *mut GMainContext, Option<Received>, *mut c_void) -> gboolean;
    nice_agent_get_sockets(*mut NiceAgent, c_uint, c_uint) -> *mut GPtrArray;
    nice_agent_send(*mut NiceAgent, c_uint, c_uint, c_uint, *const c_char) -> c_int;
    nice_agent_restart_stream(*mut NiceAgent, c_uint) -> gboolean;
    nice_agent_close_async(*mut NiceAgent, Option<Closed>, *mut c_void);
    nice_candidate_new(c_uint) -> *mut NiceCandidate;
    nice_candidate_free(*mut NiceCandidate);
    nice_debug_enable(gboolean);
    nice_debug_disable(gboolean);
}

/// libnice, loaded at first use and never unloaded.
///
/// # Errors
/// `CONSTRUCTION`, naming the library, the reason and the package.
pub(super) fn api() -> Result<&'static Api, glib::Error> {
    static API: OnceLock<Result<Api, String>> = OnceLock::new();
    API.get_or_init(|| load(LIBRARY))
        .as_ref()
        .map_err(|text| glib::Error::new(fs_core::Error::Construction, text))
}

fn load(library: &CStr) -> Result<Api, String> {
    let unusable = |why: &str| {
        let library = library.to_string_lossy();
        format!(
            "transmitter nice needs the library {library} (Debian package libnice10), which can't be used: {why}"
        )
    };
    // Through GModule, not dlopen: a library that comes along with libnice uses GModule in its constructor, and whoever
    // is inside GModule at that moment (Python looking up a type) waits for the loader. Both locks have to be taken in
    // the same order.
    // SAFETY: opening a library runs its constructors; libnice has none that need anything from us.
    let handle = unsafe { g_module_open(library.as_ptr(), BIND_LOCAL) };
    if handle.is_null() {
        return Err(unusable(&loader_error()));
    }
    let api = Api::resolve(handle).map_err(|why| unusable(&why))?;
    // SAFETY: both functions take nothing and register their types.
    let types: [glib::Type; 2] =
        unsafe { [from_glib((api.nice_agent_get_type)()), from_glib((api.nice_candidate_get_type)())] };
    let names = types.map(glib::Type::name);
    if names != ["NiceAgent", "NiceCandidate"] || !types[0].is_a(glib::Type::OBJECT) {
        return Err(unusable(&format!("its types are called {names:?}")));
    }
    Ok(api)
}

fn symbol(handle: *mut c_void, name: &str) -> Result<*mut c_void, String> {
    let mut address = std::ptr::null_mut();
    // SAFETY: the handle is open, and the name ends in NUL.
    let found = unsafe { g_module_symbol(handle, name.as_ptr().cast(), &mut address) };
    if found == glib::ffi::GFALSE || address.is_null() { Err(loader_error()) } else { Ok(address) }
}

fn loader_error() -> String {
    // SAFETY: takes nothing; the text belongs to this thread until its next call of GModule.
    let text = unsafe { g_module_error() };
    if text.is_null() {
        return "the loader gives no reason".to_owned();
    }
    // SAFETY: not NULL, so a C string.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

#[link(name = "gmodule-2.0")]
unsafe extern "C" {
    fn g_module_open(file: *const c_char, flags: c_uint) -> *mut c_void;
    fn g_module_symbol(module: *mut c_void, name: *const c_char, symbol: *mut *mut c_void) -> gboolean;
    fn g_module_error() -> *const c_char;
}

/// `G_MODULE_BIND_LOCAL`: the library's symbols stay its own.
const BIND_LOCAL: c_uint = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_installed_libnice_has_all_of_it() {
        let api = api().unwrap();
        // SAFETY: a new candidate of type host, which is freed once and not used after.
        unsafe {
            let candidate = (api.nice_candidate_new)(0);
            (*candidate).component_id = 1;
            (api.nice_candidate_free)(candidate);
        }
    }

    #[test]
    fn a_missing_library_is_named_with_its_package() {
        let text = load(c"libnice-is-not-here.so.10").err().unwrap();
        assert!(text.contains("libnice-is-not-here.so.10") && text.contains("libnice10"), "{text}");
    }

    #[test]
    fn another_library_is_refused() {
        let text = load(c"libgobject-2.0.so.0").err().unwrap();
        assert!(text.contains("nice_agent_get_type"), "{text}");
    }
}
