//! The plugin loader: order of the search, modules written in C, and what is said when nothing is found.
//!
//! One test, because the search path is read once in a process. The modules are compiled with the C compiler
//! against our headers.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::Command;

use fs_core::prelude::*;
use fs_core::{Error, Transmitter, plugin};
use glib::prelude::*;
use glib::subclass::prelude::*;

mod failing {
    use super::*;

    /// A transmitter that can't be constructed when it has more than two components.
    #[derive(Default)]
    pub struct Imp(std::sync::atomic::AtomicU32);

    #[glib::object_subclass]
    impl ObjectSubclass for Imp {
        const NAME: &'static str = "TestFailingTransmitter";
        type Type = super::Failing;
        type ParentType = Transmitter;
    }

    impl ObjectImpl for Imp {
        fn properties() -> &'static [glib::ParamSpec] {
            static PROPERTIES: std::sync::OnceLock<Vec<glib::ParamSpec>> = std::sync::OnceLock::new();
            PROPERTIES.get_or_init(|| {
                ["components", "tos"].map(glib::ParamSpecOverride::for_class::<Transmitter>).into()
            })
        }

        fn set_property(&self, _id: usize, value: &glib::Value, spec: &glib::ParamSpec) {
            if spec.name() == "components" {
                self.0.store(value.get().unwrap(), std::sync::atomic::Ordering::Relaxed);
            }
        }

        fn property(&self, _id: usize, _spec: &glib::ParamSpec) -> glib::Value {
            self.0.load(std::sync::atomic::Ordering::Relaxed).to_value()
        }

        fn constructed(&self) {
            self.parent_constructed();
            let components = self.0.load(std::sync::atomic::Ordering::Relaxed);
            if components > 2 {
                let text = format!("{components} components are too many");
                self.set_construction_error(glib::Error::new(Error::Network, &text));
            }
        }
    }

    impl TransmitterImpl for Imp {}
}

glib::wrapper! {
    pub struct Failing(ObjectSubclass<failing::Imp>) @extends Transmitter;
}

/// Source of a module; with TYPE_NAME it provides a GObject type of that name.
const MODULE: &str = r#"
#include <farstream/fs-plugin.h>
static void nothing (gpointer klass, gpointer data) { (void) klass; (void) data; }
#ifdef ENTRY
void ENTRY (FsPlugin *plugin)
{
#ifdef TYPE_NAME
  GTypeInfo info = { sizeof (GObjectClass), NULL, NULL, nothing, NULL, NULL, sizeof (GObject), 0, NULL, NULL };
  plugin->type = g_type_module_register_type (G_TYPE_MODULE (plugin), G_TYPE_OBJECT, TYPE_NAME, &info, 0);
#endif
  (void) plugin; (void) nothing;
}
#endif
"#;

/// Compiles a module into the folder; false without a C compiler.
fn compile(folder: &Path, file: &str, defines: &[&str]) -> bool {
    let source = folder.join(file.replace(".so", ".c"));
    std::fs::write(&source, MODULE).unwrap();
    let Ok(flags) = Command::new("pkg-config").args(["--cflags", "gstreamer-1.0"]).output() else {
        return false;
    };
    let flags = String::from_utf8(flags.stdout).unwrap();
    Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .args([&folder.join(file), &source])
        .arg(concat!("-I", env!("CARGO_MANIFEST_DIR"), "/include"))
        .args(flags.split_whitespace())
        .args(defines.iter().map(|define| format!("-D{define}")))
        .status()
        .is_ok_and(|status| status.success())
}

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("fs-core-plugins-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn type_name(name: &str, suffix: &str) -> Result<String, glib::Error> {
    plugin::type_for(name, suffix).map(|type_| type_.name().to_owned())
}

#[track_caller]
fn assert_refused(name: &str, suffix: &str, texts: &[&str]) {
    for attempt in ["first", "second"] {
        let error = plugin::type_for(name, suffix).unwrap_err();
        assert!(error.matches(Error::Construction), "{attempt}: {error}");
        for text in texts {
            assert!(error.message().contains(text), "{attempt}: {error} does not say {text}");
        }
    }
}

#[test]
fn plugins() {
    gst::init().unwrap();
    let (one, two) = (folder("one"), folder("two"));
    let entry = "ENTRY=fs_init_plugin";
    let compiled = compile(&one, "libfoo-thing.so", &[entry, "TYPE_NAME=\"TestFoo\""])
        && compile(&two, "libfoo-thing.so", &[entry, "TYPE_NAME=\"TestFooTwo\""])
        && compile(&one, "libskip-thing.so", &["ENTRY=other_entry"])
        && compile(&two, "libskip-thing.so", &[entry, "TYPE_NAME=\"TestSkip\""])
        && compile(&two, "libbad-thing.so", &["ENTRY=other_entry"])
        && compile(&two, "libempty-thing.so", &[entry])
        && compile(&two, "libbar-transmitter.so", &[entry, "TYPE_NAME=\"TestBar\""]);
    let path = format!("{}::{}", one.display(), two.display());
    // SAFETY: the only test of this process, before anything else runs.
    unsafe { std::env::set_var("FS_PLUGIN_PATH", path) };

    plugin::register_static("foo", "thing", glib::Type::U32);
    plugin::register_static("built-in", "thing", glib::Type::U32);
    plugin::set_builtin_registrar(|| plugin::register_static("late", "thing", glib::Type::U64));
    assert_eq!(plugin::type_for("built-in", "thing").unwrap(), glib::Type::U32);
    assert_eq!(plugin::type_for("late", "thing").unwrap(), glib::Type::U64);
    assert_refused("nothing", "thing", &["'nothing'", "built-in", "late"]);
    assert_refused("../thing/foo", "thing", &["'../thing/foo'"]);
    assert_refused("", "thing", &[]);
    assert!(plugin::list_available("no-such-kind").is_empty());

    if compiled {
        modules();
    } else {
        eprintln!("no C compiler: modules are not tested");
    }
    transmitters();
    for folder in [one, two] {
        let _ = std::fs::remove_dir_all(folder);
    }
}

fn modules() {
    assert_eq!(type_name("foo", "thing").unwrap(), "TestFoo", "the path goes before what is built in");
    assert_eq!(type_name("foo", "thing").unwrap(), "TestFoo");
    assert_eq!(type_name("skip", "thing").unwrap(), "TestSkip", "a module without entry is skipped");
    assert_refused("bad", "thing", &["fs_init_plugin", "libbad-thing.so"]);
    assert_refused("empty", "thing", &["libempty-thing.so"]);
    let mut names = plugin::list_available("thing");
    assert_eq!(names.last().map(String::as_str), Some("late"), "what is built in comes last: {names:?}");
    names.sort();
    assert_eq!(names, ["bad", "built-in", "empty", "foo", "late", "skip"]);
    let object = glib::Object::with_type(plugin::type_for("foo", "thing").unwrap());
    assert_eq!(object.type_().name(), "TestFoo");
    let error = Transmitter::new("bar", 2, 0).unwrap_err();
    assert!(error.matches(Error::Construction) && error.message().contains("TestBar"), "{error}");
}

fn transmitters() {
    plugin::register_static("failing", "transmitter", Failing::static_type());
    assert!(Transmitter::list_available().contains(&"failing".to_owned()));
    let transmitter = Transmitter::new("failing", 2, 8).unwrap();
    assert_eq!(transmitter.property::<u32>("components"), 2);
    assert_eq!(transmitter.stream_transmitter_type(), glib::Type::INVALID);
    let error = transmitter.new_stream_transmitter(None, &[]).unwrap_err();
    assert!(error.matches(Error::NotImplemented), "{error}");
    let error = Transmitter::new("failing", 3, 0).unwrap_err();
    assert!(error.matches(Error::Network) && error.message() == "3 components are too many", "{error}");
    for (components, tos) in [(0, 0), (256, 0), (2, 256)] {
        let error = Transmitter::new("failing", components, tos).unwrap_err();
        assert!(error.matches(Error::InvalidArguments), "{error}");
    }
    plugin::register_static("abstract", "transmitter", Transmitter::static_type());
    assert!(Transmitter::new("abstract", 2, 0).unwrap_err().matches(Error::Construction));
}
