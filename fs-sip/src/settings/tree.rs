//! Named values in groups.

use std::collections::BTreeMap;

/// Values and groups by name, in the order of their names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Group(BTreeMap<String, Value>);

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Nothing: the default counts, or, where the setting allows it, none.
    Nil,
    /// A text.
    Text(String),
    /// Several texts.
    List(Vec<String>),
    /// Further names.
    Group(Group),
}

impl Group {
    /// No names.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What stands at this path.
    #[must_use]
    pub fn get(&self, path: &[&str]) -> Option<&Value> {
        let (first, rest) = path.split_first()?;
        match (self.0.get(*first)?, rest) {
            (value, []) => Some(value),
            (Value::Group(group), rest) => group.get(rest),
            _ => None,
        }
    }

    /// The text at this path.
    #[must_use]
    pub fn text(&self, path: &[&str]) -> Option<&str> {
        match self.get(path)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The group at this path.
    #[must_use]
    pub fn group(&self, path: &[&str]) -> Option<&Self> {
        match self.get(path)? {
            Value::Group(group) => Some(group),
            _ => None,
        }
    }

    /// Puts a value at a path; groups on the way are made, values there
    /// replaced by them.
    pub fn set(&mut self, path: &[&str], value: Value) {
        let Some((first, rest)) = path.split_first() else { return };
        if rest.is_empty() {
            self.0.insert((*first).to_owned(), value);
            return;
        }
        let entry = self.0.entry((*first).to_owned()).or_insert_with(|| Value::Group(Self::new()));
        if !matches!(entry, Value::Group(_)) {
            *entry = Value::Group(Self::new());
        }
        if let Value::Group(group) = entry {
            group.set(rest, value);
        }
    }

    /// Removes what stands at a path.
    pub fn remove(&mut self, path: &[&str]) -> Option<Value> {
        let (first, rest) = path.split_first()?;
        if rest.is_empty() {
            return self.0.remove(*first);
        }
        match self.0.get_mut(*first)? {
            Value::Group(group) => group.remove(rest),
            _ => None,
        }
    }

    /// All names with what they stand for.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Are there none?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
