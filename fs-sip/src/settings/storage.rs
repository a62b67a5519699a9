//! Where settings are kept.

use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::text;
use super::tree::Group;
use crate::error::ParseError;

/// Keeps settings (SIP SIMPLE: `ISIPSimpleStorage`). Called from the thread that
/// saves; both functions may block for as long as a file takes.
pub trait Storage: Send + Sync {
    /// All that was saved; an empty tree where nothing was.
    ///
    /// # Errors
    /// When something is there, but can't be read.
    fn load(&self) -> Result<Group, StorageError>;

    /// Replaces all that was saved; on an error what was there stays.
    ///
    /// # Errors
    /// When it can't be written.
    fn save(&self, tree: &Group) -> Result<(), StorageError>;
}

/// Settings could not be read or written.
#[derive(Debug)]
#[non_exhaustive]
pub enum StorageError {
    /// The file can't be read or written.
    File(PathBuf, io::Error),
    /// The file holds something else.
    Format(PathBuf, ParseError),
}

impl fmt::Display for StorageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path, error) => write!(f, "settings in {}: {error}", path.display()),
            // Never the text itself: it may be a password.
            Self::Format(path, error) => {
                write!(f, "settings in {}: {} at byte {}", path.display(), error.what(), error.offset())
            }
        }
    }
}

impl std::error::Error for StorageError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File(_, error) => Some(error),
            Self::Format(..) => None,
        }
    }
}

/// Keeps settings as long as the program runs.
#[derive(Default)]
pub struct MemoryStorage(Mutex<Group>);

impl MemoryStorage {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl fmt::Debug for MemoryStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemoryStorage(..)")
    }
}

impl Storage for MemoryStorage {
    fn load(&self) -> Result<Group, StorageError> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    fn save(&self, tree: &Group) -> Result<(), StorageError> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = tree.clone();
        Ok(())
    }
}

/// Keeps settings in the file `config` of a folder. Its permissions are those
/// of a file with passwords: the owner's alone.
#[derive(Debug, Clone)]
pub struct FileStorage {
    directory: PathBuf,
}

impl FileStorage {
    /// The folder is made when something is saved.
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into() }
    }

    /// The folder.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    fn file(&self) -> PathBuf {
        self.directory.join("config")
    }
}

impl Storage for FileStorage {
    fn load(&self) -> Result<Group, StorageError> {
        let path = self.file();
        match fs::read_to_string(&path) {
            Ok(text) => text::parse(&text).map_err(|error| StorageError::Format(path, error)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Group::new()),
            Err(error) => Err(StorageError::File(path, error)),
        }
    }

    fn save(&self, tree: &Group) -> Result<(), StorageError> {
        let path = self.file();
        let new = self.directory.join(format!("config.{}.new", std::process::id()));
        let write = || {
            fs::create_dir_all(&self.directory)?;
            let mut options = fs::OpenOptions::new();
            options.write(true).create(true).truncate(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut file = options.open(&new)?;
            file.write_all(text::write(tree).as_bytes())?;
            // What is renamed must be on the disk before its name is.
            file.sync_all()?;
            fs::rename(&new, &path)
        };
        write().map_err(|error| {
            // It is ours, and no use.
            let _ = fs::remove_file(&new);
            StorageError::File(path.clone(), error)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Value;

    fn folder(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("fs-sip-storage-{}-{name}", std::process::id()))
    }

    #[test]
    fn a_file_keeps_it_for_its_owner_alone() {
        let storage = FileStorage::new(folder("keeps"));
        assert_eq!(storage.load().expect("nothing yet"), Group::new());
        let mut tree = Group::new();
        tree.set(&["a", "b"], Value::Text("c".to_owned()));
        storage.save(&tree).expect("saved");
        assert_eq!(storage.load().expect("loaded"), tree);
        tree.set(&["a", "b"], Value::Nil);
        storage.save(&tree).expect("saved again");
        assert_eq!(storage.load().expect("loaded"), tree);
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(storage.file()).expect("file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let files = fs::read_dir(storage.directory()).expect("folder").count();
        assert_eq!(files, 1, "nothing is left beside it");
        fs::remove_dir_all(storage.directory()).expect("removed");
    }

    #[test]
    fn a_broken_file_is_told_without_its_text() {
        let storage = FileStorage::new(folder("broken"));
        fs::create_dir_all(storage.directory()).expect("folder");
        fs::write(storage.file(), "password geheim").expect("written");
        let error = storage.load().expect_err("broken");
        assert!(!error.to_string().contains("geheim") && error.to_string().contains("config"), "{error}");
        fs::remove_dir_all(storage.directory()).expect("removed");
        fs::create_dir_all(storage.file()).expect("a folder in its place");
        assert!(matches!(storage.load(), Err(StorageError::File(..))));
        assert!(matches!(storage.save(&Group::new()), Err(StorageError::File(..))));
        fs::remove_dir_all(storage.directory()).expect("removed");
    }

    #[test]
    fn memory_keeps_it_as_well() {
        let storage = MemoryStorage::new();
        let mut tree = Group::new();
        tree.set(&["a"], Value::List(vec!["b".to_owned()]));
        storage.save(&tree).expect("saved");
        assert_eq!(storage.load().expect("loaded"), tree);
    }
}
