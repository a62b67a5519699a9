//! Blueprints in a file, so that the first session of the next process need not put them together again.
//!
//! A file counts only for exactly the elements it was made from: its key is made of everything discovery reads (the names,
//! ranks, classes and pad templates of all factories that may have a part, as the registry has them now) and of the code
//! that reads it. So it follows the registry without looking at times, and elements that a program registers itself
//! count too. Whatever is wrong with a file, it is ignored and replaced.
//!
//! A file is written beside its place and then renamed: readers see an old one or a new one, and of several writers
//! the last one wins, with the same content as all others.

pub(super) mod format;

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use fs_proto::MediaType;

use super::factories::Installed;
use super::{Blueprint, CAT};
use format::{FNV_START, fnv};

/// A file of all codecs of Debian is a hundred times smaller; longer ones are not read.
const MOST_BYTES: u64 = 1 << 20;

/// The code that makes blueprints: another version makes others.
const CODE: u64 = {
    let mut code = fnv(FNV_START, env!("CARGO_PKG_VERSION").as_bytes());
    code = fnv(code, include_bytes!("blueprint.rs"));
    code = fnv(code, include_bytes!("caps.rs"));
    code = fnv(code, include_bytes!("chains.rs"));
    code = fnv(code, include_bytes!("factories.rs"));
    fnv(code, include_bytes!("cache/format.rs"))
};

/// The place of one medium's blueprints, and what makes its content valid.
pub(super) struct Cache {
    media: MediaType,
    path: Option<PathBuf>,
    key: u64,
}

impl Cache {
    /// The cache for these elements at the place that the environment names.
    pub(super) fn of(media: MediaType, installed: &Installed) -> Self {
        let mut key = fnv(CODE, media.as_str().as_bytes());
        let (major, minor, micro, _) = gst::version();
        for number in [major, minor, micro] {
            key = fnv(key, &number.to_ne_bytes());
        }
        installed.describe(|bytes| key = fnv(fnv(key, bytes), &[0]));
        Self { media, path: place(media), key }
    }

    /// What the file says, if there is one for these elements.
    pub(super) fn load(&self) -> Option<Vec<Blueprint>> {
        let path = self.path.as_deref()?;
        let read = read(path).map_err(|why| why.to_string());
        let found = read.and_then(|file| format::decode(self.key, self.media, &file).map_err(str::to_owned));
        match found {
            Ok(found) => Some(found),
            Err(why) => {
                gst::debug!(CAT, "codec cache '{}' is not used: {why}", path.display());
                None
            }
        }
    }

    /// Puts a new file in its place. Where none can be written everything works, only slower.
    pub(super) fn store(&self, blueprints: &[Blueprint]) {
        let Some(path) = self.path.as_deref() else { return };
        match replace(path, &format::encode(self.key, blueprints)) {
            Ok(()) => gst::debug!(CAT, "{} codecs are kept in '{}'", blueprints.len(), path.display()),
            Err(why) => gst::info!(CAT, "codec cache '{}' can't be written: {why}", path.display()),
        }
    }
}

/// What the variable of Farstream 0.2.9 names, else a file in the user's cache folder; `None` where the variable is empty.
/// The default name is not that of Farstream 0.2.9, whose files are others.
fn place(media: MediaType) -> Option<PathBuf> {
    let variable = format!("FS_{}_CODECS_CACHE", media.as_str().to_ascii_uppercase());
    match std::env::var_os(variable) {
        Some(path) => (!path.is_empty()).then(|| path.into()),
        None => {
            let name = format!("blueprints.{}.{}.cache", media.as_str(), std::env::consts::ARCH);
            Some(glib::user_cache_dir().join("farstream").join(name))
        }
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let wrong = |what| io::Error::new(io::ErrorKind::InvalidData, what);
    // Opening a pipe would wait for its other end.
    if !std::fs::metadata(path)?.is_file() {
        return Err(wrong("it is no regular file"));
    }
    let mut content = Vec::new();
    File::open(path)?.take(MOST_BYTES + 1).read_to_end(&mut content)?;
    if content.len() as u64 > MOST_BYTES {
        return Err(wrong("it is too long"));
    }
    Ok(content)
}

fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    static WRITTEN: AtomicU32 = AtomicU32::new(0);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.{}", std::process::id(), WRITTEN.fetch_add(1, Ordering::Relaxed)));
    let beside = PathBuf::from(beside);
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).open(&beside)?;
        file.write_all(content)?;
        std::fs::rename(&beside, path)
    };
    write().inspect_err(|why| {
        // One that was there before is somebody else's.
        if why.kind() != io::ErrorKind::AlreadyExists {
            // What can't be removed either is left: nobody reads it.
            let _ = std::fs::remove_file(&beside);
        }
    })
}

#[cfg(test)]
pub(super) mod tests {
    use gst::prelude::*;

    use super::super::chains::{self, Converters};
    use super::super::factories::Factories;
    use super::*;

    /// What is found without a cache.
    pub(crate) fn installed(media: MediaType) -> Vec<Blueprint> {
        gst::init().unwrap();
        chains::combine(&Factories::of(&Installed::read(), media), &Converters::installed(media), media)
    }

    pub(crate) fn same(a: &Blueprint, b: &Blueprint) -> bool {
        let caps =
            |b: &Blueprint| [&b.rtp_caps, &b.media_caps, &b.input_caps, &b.output_caps].map(Clone::clone);
        a.codec == b.codec
            && (&a.send, &a.recv) == (&b.send, &b.recv)
            && caps(a).iter().zip(&caps(b)).all(|(a, b)| a.is_strictly_equal(b))
    }

    /// A folder that goes away with the test.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let folder = std::env::temp_dir().join(format!("fs-cache-{name}-{}", std::process::id()));
            std::fs::create_dir_all(&folder).unwrap();
            Self(folder)
        }

        fn cache(&self, name: &str) -> Cache {
            gst::init().unwrap();
            let cache = Cache::of(MediaType::Audio, &Installed::read());
            Cache { path: Some(self.0.join(name)), ..cache }
        }

        fn names(&self) -> Vec<String> {
            let entries = std::fs::read_dir(&self.0).unwrap();
            entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn what_was_stored_is_loaded() {
        let folder = Folder::new("stored");
        let cache = folder.cache("new/folder/file");
        assert!(cache.load().is_none(), "nothing is there yet");
        let all = installed(MediaType::Audio);
        cache.store(&all);
        let loaded = cache.load().unwrap();
        assert!(loaded.len() == all.len() && loaded.iter().zip(&all).all(|(a, b)| same(a, b)));
    }

    #[test]
    fn the_key_follows_medium_and_registry() {
        gst::init().unwrap();
        let before = Cache::of(MediaType::Audio, &Installed::read()).key;
        assert_eq!(Cache::of(MediaType::Audio, &Installed::read()).key, before, "nothing changed");
        assert_ne!(Cache::of(MediaType::Video, &Installed::read()).key, before);
        let some = gst::ElementFactory::find("flacparse").unwrap();
        let rank = some.rank();
        some.set_rank(gst::Rank::from(i32::from(rank) + 1));
        let changed = Cache::of(MediaType::Audio, &Installed::read()).key;
        some.set_rank(rank);
        assert_ne!(changed, before, "the order of codecs depends on ranks");
        assert_eq!(Cache::of(MediaType::Audio, &Installed::read()).key, before);
    }

    #[test]
    fn a_damaged_file_is_replaced() {
        let folder = Folder::new("damaged");
        let cache = folder.cache("file");
        let all = installed(MediaType::Audio);
        let path = cache.path.clone().unwrap();
        for damage in [&b""[..], b"FSCODEC1", &[0xff; 4096], &vec![0; MOST_BYTES as usize + 1]] {
            std::fs::write(&path, damage).unwrap();
            assert!(cache.load().is_none());
            cache.store(&all);
            assert_eq!(cache.load().unwrap().len(), all.len());
        }
        assert_eq!(folder.names(), ["file"], "nothing is left beside it");
    }

    #[test]
    fn what_is_no_file_is_left_alone() {
        let folder = Folder::new("none");
        let all = installed(MediaType::Audio);
        std::fs::create_dir(folder.0.join("folder")).unwrap();
        for name in ["folder", "folder/../\0", "/dev/null/none"] {
            let cache = folder.cache(name);
            cache.store(&all);
            assert!(cache.load().is_none(), "{name}");
        }
        assert_eq!(folder.names(), ["folder"]);
        let pipe = folder.0.join("pipe");
        let text = std::ffi::CString::new(pipe.to_str().unwrap()).unwrap();
        // SAFETY: a NUL-terminated path; nothing else is asked for.
        assert_eq!(unsafe { libc::mkfifo(text.as_ptr(), 0o600) }, 0);
        assert!(folder.cache("pipe").load().is_none(), "and nobody waited for a writer");
    }

    #[test]
    fn many_writers_and_readers_meet_whole_files_only() {
        let folder = Folder::new("many");
        let all = installed(MediaType::Audio);
        let cache = folder.cache("file");
        cache.store(&all);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..50).for_each(|_| cache.store(&all)));
                scope.spawn(|| (0..50).for_each(|_| assert_eq!(cache.load().unwrap().len(), all.len())));
            }
        });
        assert_eq!(folder.names(), ["file"]);
    }
}
