//! `libfarstream-0.2.so.5`: the one shared library in which all Rust code of this project is linked, exactly once.
//!
//! C and Python programs, and the GStreamer plugin files that are only names, all load this file, so that there is one set
//! of GTypes in a process. It has no code of its own but what a C library must have and a Rust crate cannot: the symbols of
//! the crates below are exported because they are named here. Without these lines it would export nothing, and say nothing.

extern crate fs_core;
extern crate fs_sip;
extern crate gst_plugin_fs;

unsafe extern "C" {
    // In variadic.c; its arguments are those of fs_plugin_create.
    fn farstream_plugin_create();
}

/// `fs_plugin_create()`, which has a variable number of arguments: hands them over, untouched, to C.
///
/// # Safety
///
/// To be called as declared in `farstream/fs-plugin.h`, from C.
#[unsafe(no_mangle)]
#[unsafe(naked)]
pub unsafe extern "C" fn fs_plugin_create() {
    #[cfg(target_arch = "x86_64")]
    core::arch::naked_asm!("jmp {}", sym farstream_plugin_create);
    #[cfg(target_arch = "aarch64")]
    core::arch::naked_asm!("b {}", sym farstream_plugin_create);
}

/// Runs when the library is loaded: only remembers who knows the built-in transmitters, so that they are there for a
/// program that never loads one of our GStreamer plugins, such as one on another implementation of the conference.
extern "C" fn remember_builtins() {
    fs_core::plugin::set_builtin_registrar(gst_plugin_fs::register_builtin_transmitters);
}

#[used]
#[unsafe(link_section = ".init_array")]
static REMEMBER_BUILTINS: extern "C" fn() = remember_builtins;
