//! The plugin loader: transmitters by name, from files, or built in (`FsPlugin`).
//!
//! A plugin called `NAME` of the kind `SUFFIX` is looked for
//! 1. as `libNAME-SUFFIX.so` in each folder of the environment variable `FS_PLUGIN_PATH` (read once),
//! 2. among the types of [`register_static`], then of [`register_builtin`] (the library's own transmitters),
//! 3. as a file in the folder that was compiled in (`FARSTREAM_PLUGINS_DIR` at build time).
//!
//! A module has one entry, `fs_init_plugin`, which gets the [`Plugin`] and stores the type it provides in it.
//! Modules stay loaded. Loading is serialised by one recursive lock, so a module may load another one.

use std::cell::UnsafeCell;
use std::collections::BTreeMap;
use std::ffi::{CStr, CString, OsString, c_char, c_void};
use std::mem::size_of;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock};

use glib::ffi::{GFALSE, GRecMutex, GTRUE, GType, gboolean};
use glib::gobject_ffi::{self, GObject, GObjectClass, GTypeModule, GTypeModuleClass};
use glib::translate::*;

use crate::class::ClassInfo;
use crate::debug::CAT;
use crate::error::Error;
use crate::ffi::{FsPlugin, FsPluginClass};

glib::wrapper! {
    /// A loaded module (`FsPlugin`, derived from `GTypeModule`).
    pub struct Plugin(Object<crate::ffi::FsPlugin, crate::ffi::FsPluginClass>);

    match fn {
        type_ => || fs_plugin_get_type(),
    }
}

/// The GType `FsPlugin`, registered at first use.
#[cfg_attr(feature = "capi", unsafe(no_mangle))]
pub extern "C" fn fs_plugin_get_type() -> GType {
    static TYPE: OnceLock<GType> = OnceLock::new();
    *TYPE.get_or_init(|| {
        let info = ClassInfo {
            name: c"FsPlugin",
            // SAFETY: the function returns a registered type.
            parent: unsafe { from_glib(gobject_ffi::g_type_module_get_type()) },
            class_size: size_of::<FsPluginClass>(),
            instance_size: size_of::<FsPlugin>(),
            class_init,
            instance_init: None,
            is_abstract: false,
        };
        info.register()
    })
}

unsafe extern "C" fn class_init(class: *mut c_void, _data: *mut c_void) {
    // SAFETY: GObject calls this once with the new class.
    unsafe {
        let module = class.cast::<GTypeModuleClass>();
        (*module).load = Some(load);
        (*module).unload = Some(unload);
        (*class.cast::<GObjectClass>()).finalize = Some(finalize);
    }
}

unsafe extern "C" fn finalize(object: *mut GObject) {
    // SAFETY: GObject calls this once when the last reference is gone; then the parent class goes on.
    unsafe {
        glib::ffi::g_free((*object.cast::<FsPlugin>()).name.cast());
        let parent = gobject_ffi::g_type_class_peek(gobject_ffi::g_type_module_get_type());
        if let Some(finalize) = parent.cast::<GObjectClass>().as_ref().and_then(|class| class.finalize) {
            finalize(object);
        }
    }
}

type InitFn = unsafe extern "C" fn(*mut FsPlugin);

fn init_quark() -> u32 {
    static QUARK: OnceLock<glib::Quark> = OnceLock::new();
    QUARK.get_or_init(|| glib::Quark::from_str("fs-plugin-init")).into_glib()
}

/// Runs the module's entry when the module is used for the first time.
unsafe extern "C" fn load(module: *mut GTypeModule) -> gboolean {
    // SAFETY: the entry was stored by `open_module` and belongs to a module that stays loaded.
    unsafe {
        let init = gobject_ffi::g_object_get_qdata(module.cast(), init_quark());
        if init.is_null() {
            return GFALSE;
        }
        let init: InitFn = std::mem::transmute::<*mut c_void, InitFn>(init);
        init(module.cast());
        if (*module.cast::<FsPlugin>()).type_ == gobject_ffi::G_TYPE_INVALID { GFALSE } else { GTRUE }
    }
}

unsafe extern "C" fn unload(_module: *mut GTypeModule) {}

/// A lock the same thread may take again: a module's entry may use the loader.
struct LoaderLock(UnsafeCell<GRecMutex>);

// SAFETY: the mutex is made for use from several threads.
unsafe impl Sync for LoaderLock {}

// SAFETY: all zeroes is the initial state of a static GRecMutex.
static LOADER: LoaderLock = LoaderLock(UnsafeCell::new(unsafe { std::mem::zeroed() }));

struct Loading;

impl Loading {
    fn lock() -> Self {
        // SAFETY: the mutex is static.
        unsafe { glib::ffi::g_rec_mutex_lock(LOADER.0.get()) }
        Self
    }
}

impl Drop for Loading {
    fn drop(&mut self) {
        // SAFETY: locked by this thread in `lock`.
        unsafe { glib::ffi::g_rec_mutex_unlock(LOADER.0.get()) }
    }
}

/// What is known: name and suffix, and the type.
type Types = BTreeMap<(String, String), glib::Type>;
/// Registers a type of the library.
type TypeFn = fn() -> glib::Type;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

static STATIC: Mutex<Types> = Mutex::new(BTreeMap::new());
static BUILTIN: Mutex<BTreeMap<(String, String), TypeFn>> = Mutex::new(BTreeMap::new());
static LOADED: Mutex<Types> = Mutex::new(BTreeMap::new());
static REGISTRAR: Mutex<Option<fn()>> = Mutex::new(None);
/// The addresses of the `FsPlugin` objects, each with a reference that is never given back: GObject finds the types of a
/// module through them.
static IN_USE: Mutex<Vec<usize>> = Mutex::new(Vec::new());

/// Makes a type known without a file (`fs_plugin_register_static`). The first registration of a name
/// stays.
pub fn register_static(name: &str, suffix: &str, type_: glib::Type) {
    lock(&STATIC).entry((name.to_owned(), suffix.to_owned())).or_insert(type_);
}

/// Makes a type of the library itself known (as [`register_static`]), by the function that registers it: it is called
/// when the type is first asked for, so that a file in `FS_PLUGIN_PATH` may bring types of the same names.
pub fn register_builtin(name: &str, suffix: &str, type_: fn() -> glib::Type) {
    lock(&BUILTIN).insert((name.to_owned(), suffix.to_owned()), type_);
}

/// Sets what registers the library's own plugins; it runs once, before the first look-up.
pub fn set_builtin_registrar(registrar: fn()) {
    *lock(&REGISTRAR) = Some(registrar);
}

fn register_builtins() {
    let registrar = lock(&REGISTRAR).take();
    if let Some(registrar) = registrar {
        registrar();
    }
}

/// Folders in the order they are searched: before and after the built-in plugins.
fn folders() -> &'static (Vec<PathBuf>, Vec<PathBuf>) {
    static FOLDERS: OnceLock<(Vec<PathBuf>, Vec<PathBuf>)> = OnceLock::new();
    FOLDERS.get_or_init(|| {
        let listed: OsString = std::env::var_os("FS_PLUGIN_PATH").unwrap_or_default();
        let before = std::env::split_paths(&listed).filter(|path| !path.as_os_str().is_empty()).collect();
        let after = option_env!("FARSTREAM_PLUGINS_DIR").filter(|dir| !dir.is_empty()).map(PathBuf::from);
        (before, after.into_iter().collect())
    })
}

/// Names of the plugins of a kind, in the order of the search, each once (`fs_plugin_list_available`).
pub fn list_available(suffix: &str) -> Vec<String> {
    let _loading = Loading::lock();
    register_builtins();
    let (before, after) = folders();
    let mut built_in: Vec<String> = names_in(&lock(&STATIC), suffix);
    built_in.extend(names_in(&lock(&BUILTIN), suffix));
    let mut names: Vec<String> = Vec::new();
    let found = [file_names(before, suffix), built_in, file_names(after, suffix)];
    for name in found.into_iter().flatten() {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn names_in<T>(known: &BTreeMap<(String, String), T>, suffix: &str) -> Vec<String> {
    known.keys().filter(|(_, s)| s == suffix).map(|(n, _)| n.clone()).collect()
}

fn file_names(folders: &[PathBuf], suffix: &str) -> Vec<String> {
    folders
        .iter()
        .filter_map(|folder| std::fs::read_dir(folder).ok())
        .flatten()
        .flatten()
        .filter_map(|entry| plugin_name(&entry.file_name().to_string_lossy(), suffix).map(str::to_owned))
        .collect()
}

/// The name in `libNAME-SUFFIX.so`; what follows `.so` does not matter.
fn plugin_name<'a>(file: &'a str, suffix: &str) -> Option<&'a str> {
    let rest = file.strip_prefix("lib")?;
    let name = &rest[..rest.rfind(&format!("-{suffix}.so"))?];
    (!name.is_empty()).then_some(name)
}

/// The type that plugin provides, loading it if need be. Fails with CONSTRUCTION, naming what was looked for.
pub fn type_for(name: &str, suffix: &str) -> Result<glib::Type, glib::Error> {
    let _loading = Loading::lock();
    register_builtins();
    let key = (name.to_owned(), suffix.to_owned());
    if let Some(type_) = lock(&LOADED).get(&key) {
        return Ok(*type_);
    }
    let mut reasons = Vec::new();
    let (before, after) = folders();
    let built_in = || {
        let register = lock(&BUILTIN).get(&key).copied();
        register.map(|register| (register(), false))
    };
    let found = load_from(before, name, suffix, &mut reasons)
        .map(|type_| (type_, true))
        .or_else(|| lock(&STATIC).get(&key).map(|type_| (*type_, false)))
        .or_else(built_in)
        .or_else(|| load_from(after, name, suffix, &mut reasons).map(|type_| (type_, true)));
    match found {
        Some((type_, from_file)) => {
            if from_file {
                lock(&LOADED).insert(key, type_);
            }
            Ok(type_)
        }
        None => Err(not_found(name, suffix, &reasons)),
    }
}

fn not_found(name: &str, suffix: &str, reasons: &[String]) -> glib::Error {
    let available = list_available(suffix);
    let available = if available.is_empty() { "none".to_owned() } else { available.join(", ") };
    let mut text = format!("there is no {suffix} plugin '{name}'; available: {available}");
    for reason in reasons {
        text.push_str("; ");
        text.push_str(reason);
    }
    glib::Error::new(Error::Construction, &text)
}

fn load_from(folders: &[PathBuf], name: &str, suffix: &str, reasons: &mut Vec<String>) -> Option<glib::Type> {
    if name.is_empty() || name.contains('/') || suffix.contains('/') {
        return None;
    }
    let plugin = format!("{name}-{suffix}");
    for folder in folders {
        let file = folder.join(format!("lib{plugin}.so"));
        if !file.exists() {
            continue;
        }
        match open_module(&file, &plugin) {
            Ok(type_) => return Some(type_),
            Err(reason) => {
                gst::warning!(CAT, "{}: {reason}", file.display());
                reasons.push(format!("{}: {reason}", file.display()));
            }
        }
    }
    None
}

#[link(name = "gmodule-2.0")]
unsafe extern "C" {
    fn g_module_open(file: *const c_char, flags: u32) -> *mut c_void;
    fn g_module_symbol(module: *mut c_void, name: *const c_char, symbol: *mut *mut c_void) -> gboolean;
    fn g_module_make_resident(module: *mut c_void);
    fn g_module_close(module: *mut c_void) -> gboolean;
    fn g_module_error() -> *const c_char;
}

/// `G_MODULE_BIND_LOCAL`: the module's symbols stay its own.
const BIND_LOCAL: u32 = 2;

/// Opens a module and runs its entry; on failure says why.
fn open_module(file: &Path, plugin_name: &str) -> Result<glib::Type, String> {
    let Ok(path) = CString::new(file.as_os_str().as_bytes()) else {
        return Err("the path contains a NUL".to_owned());
    };
    // SAFETY: the path is NUL-terminated; what the module does when it is loaded is the user's choice.
    let module = unsafe { g_module_open(path.as_ptr(), BIND_LOCAL) };
    if module.is_null() {
        return Err(module_error());
    }
    let mut init = std::ptr::null_mut();
    // SAFETY: the module is open; the symbol is looked up by a NUL-terminated name.
    unsafe {
        if g_module_symbol(module, c"fs_init_plugin".as_ptr(), &mut init) == GFALSE || init.is_null() {
            let reason = module_error();
            g_module_close(module);
            return Err(reason);
        }
        g_module_make_resident(module);
    }
    use_plugin(plugin_name, init)
}

/// Makes the `FsPlugin` object that stays in use for ever.
fn use_plugin(plugin_name: &str, init: *mut c_void) -> Result<glib::Type, String> {
    // SAFETY: the object is new; its fields follow the C layout, and the name is copied for it.
    unsafe {
        let object = gobject_ffi::g_object_new(fs_plugin_get_type(), std::ptr::null());
        let plugin = object.cast::<FsPlugin>();
        (*plugin).name = crate::boxed::write_text(plugin_name);
        gobject_ffi::g_type_module_set_name(object.cast(), (*plugin).name);
        gobject_ffi::g_object_set_qdata(object, init_quark(), init);
        lock(&IN_USE).push(object as usize);
        if gobject_ffi::g_type_module_use(object.cast()) == GFALSE {
            // Types it may have registered need the module object, so it stays.
            return Err("its fs_init_plugin provided no type".to_owned());
        }
        Ok(from_glib((*plugin).type_))
    }
}

fn module_error() -> String {
    // SAFETY: the text belongs to GModule and is copied at once.
    unsafe {
        let text = g_module_error();
        if text.is_null() {
            "unknown error".to_owned()
        } else {
            CStr::from_ptr(text).to_string_lossy().into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::plugin_name;

    #[test]
    fn names_of_files() {
        assert_eq!(plugin_name("librawudp-transmitter.so", "transmitter"), Some("rawudp"));
        assert_eq!(plugin_name("liba-b-transmitter.so.1", "transmitter"), Some("a-b"));
        assert_eq!(plugin_name("lib-transmitter.so", "transmitter"), None);
        assert_eq!(plugin_name("rawudp-transmitter.so", "transmitter"), None);
        assert_eq!(plugin_name("librawudp-transmitter.la", "transmitter"), None);
    }
}
