//! Settings that outlive the program: a tree of named values, and where it is
//! kept (SIP SIMPLE: configuration framework and storage).
//!
//! | File | Holds |
//! |---|---|
//! | [`tree`] | the tree, reached by paths |
//! | [`text`] | the tree as text that people can edit |
//! | [`storage`] | where it is kept: memory, a folder, or what you bring |

pub mod storage;
pub mod text;
pub mod tree;

pub use storage::{FileStorage, MemoryStorage, Storage, StorageError};
pub use tree::{Group, Value};
