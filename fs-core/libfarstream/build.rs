//! Gives the library its soname, keeps it in memory once loaded, and compiles the one function C has to write.

fn main() {
    println!("cargo::rerun-if-changed=variadic.c");
    println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libfarstream-0.2.so.5");
    // The types that a process has registered point into the library for ever.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    cc::Build::new().file("variadic.c").compile("farstream-variadic");
}
