//! The tree as text:
//!
//! ```text
//! # a comment
//! name = value
//! list = one, two
//! short = one,
//! nothing =
//! group:
//!     name = "quoted, with \n and \" in it"
//! ```
//! Groups are told by indentation. Written are values before groups, sorted,
//! four spaces a level.

use std::fmt::Write;

use super::tree::{Group, Value};
use crate::error::ParseError;
use crate::limits;

/// Reads a tree.
///
/// # Errors
/// When a line is neither a value nor a group, or stands deeper than its group
/// allows; the offset is that of the line.
pub fn parse(text: &str) -> Result<Group, ParseError> {
    let mut root = Group::new();
    // The groups around the current line: indentation of their content, path.
    let mut path: Vec<(usize, String)> = Vec::new();
    let mut opened: Option<usize> = None;
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let start = offset;
        offset += line.len();
        let content = line.trim();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        let broken = |what| ParseError::new(what, content, start);
        let indentation = line.len() - line.trim_start().len();
        if let Some(parent) = opened.take()
            && indentation <= parent
        {
            // The group was empty.
            path.pop();
        }
        if let Some((inside, _)) = path.last_mut()
            && *inside == usize::MAX
        {
            *inside = indentation;
        }
        while path.last().is_some_and(|(inside, _)| indentation < *inside) {
            path.pop();
        }
        if indentation != path.last().map_or(0, |(inside, _)| *inside) {
            return Err(broken("indentation fits no group"));
        }
        let (name, rest) = name(content).ok_or_else(|| broken("neither a setting nor a group"))?;
        let mut keys: Vec<&str> = path.iter().map(|(_, name)| name.as_str()).collect();
        keys.push(&name);
        match rest.strip_prefix('=') {
            Some(value) => {
                let value = value_of(value.trim()).ok_or_else(|| broken("value is broken"))?;
                root.set(&keys, value);
            }
            None if rest == ":"
                || rest.strip_prefix(':').is_some_and(|r| r.trim_start().starts_with('#')) =>
            {
                if keys.len() > limits::MAX_SETTING_DEPTH {
                    return Err(broken("too many groups inside each other"));
                }
                root.set(&keys, Value::Group(Group::new()));
                path.push((usize::MAX, name));
                opened = Some(indentation);
            }
            None => return Err(broken("neither a setting nor a group")),
        }
    }
    Ok(root)
}

/// A name and what follows it, white space between them removed.
fn name(text: &str) -> Option<(String, &str)> {
    if text.starts_with(['"', '\'']) {
        let (name, rest) = quoted(text)?;
        return Some((name, rest.trim_start()));
    }
    // A ':' ends a group's name only at the end of the line.
    if let Some(equals) = text.find('=') {
        return Some((text[..equals].trim_end().to_owned(), &text[equals..]));
    }
    let end = text.rfind(':')?;
    Some((text[..end].trim_end().to_owned(), &text[end..]))
}

fn value_of(text: &str) -> Option<Value> {
    let mut items = Vec::new();
    let mut commas = 0;
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        if rest.is_empty() || rest.starts_with('#') {
            break;
        }
        let is_quoted = rest.starts_with(['"', '\'']);
        let item = match is_quoted {
            true => {
                let (item, after) = quoted(rest)?;
                rest = after.trim_start();
                item
            }
            false => {
                let end = rest.find([',', '#']).unwrap_or(rest.len());
                let item = rest[..end].trim_end().to_owned();
                rest = &rest[end..];
                item
            }
        };
        if is_quoted || !item.is_empty() {
            items.push(item);
        }
        match rest.strip_prefix(',') {
            Some(after) => {
                commas += 1;
                rest = after;
            }
            None if rest.is_empty() || rest.starts_with('#') => break,
            None => return None,
        }
    }
    Some(match (items.len(), commas) {
        (0, 0) => Value::Nil,
        (1, 0) => Value::Text(items.remove(0)),
        _ => Value::List(items),
    })
}

/// A quoted text at the beginning, and the rest.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut chars = text.char_indices();
    let (_, quote) = chars.next()?;
    let mut out = String::new();
    while let Some((i, c)) = chars.next() {
        match c {
            '\\' => out.push(match chars.next()?.1 {
                'n' => '\n',
                'r' => '\r',
                other => other,
            }),
            c if c == quote => return Some((out, &text[i + c.len_utf8()..])),
            c => out.push(c),
        }
    }
    None
}

/// Writes a tree.
#[must_use]
pub fn write(root: &Group) -> String {
    let mut out = String::new();
    write_group(&mut out, root, 0);
    out
}

fn write_group(out: &mut String, group: &Group, level: usize) {
    let indentation = "    ".repeat(level);
    for (name, value) in group.iter().filter(|(_, v)| !matches!(v, Value::Group(_))) {
        let text = match value {
            Value::Nil | Value::Group(_) => String::new(),
            Value::Text(text) => quote(text),
            Value::List(items) => match &items[..] {
                [] => ",".to_owned(),
                [only] => format!("{},", quote(only)),
                several => several.iter().map(|i| quote(i)).collect::<Vec<_>>().join(", "),
            },
        };
        // Writing to a String never fails.
        let _ = writeln!(out, "{}", format!("{indentation}{} = {text}", quote(name)).trim_end());
    }
    for (name, value) in group.iter() {
        if let Value::Group(inner) = value {
            let _ = writeln!(out, "{indentation}{}:", quote(name));
            write_group(out, inner, level + 1);
        }
    }
}

fn quote(text: &str) -> String {
    let special = |c: char| matches!(c, ',' | '#' | '"' | '\'' | '\\' | '=' | ':') || c.is_control();
    let plain = !text.is_empty() && text.trim() == text && !text.contains(special);
    if plain {
        return text.to_owned();
    }
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '"' | '\\' => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn people_write_it_like_this() {
        let text = "# mine\nuser_agent = phone 1 # really\nempty =\nlist = a, \"b, c\",d\nshort = a,\n\n\
                    Accounts:\n  alice@example.org:\n      enabled = True\n      auth:\n          password = 'a\\'b'\n  \
                    bob@example.org:\nlast = 1\n";
        let tree = parse(text).expect("tree");
        assert_eq!(tree.text(&["user_agent"]), Some("phone 1"));
        assert_eq!(tree.get(&["empty"]), Some(&Value::Nil));
        let list = |items: &[&str]| Value::List(items.iter().map(|i| (*i).to_owned()).collect());
        assert_eq!(tree.get(&["list"]), Some(&list(&["a", "b, c", "d"])));
        assert_eq!(tree.get(&["short"]), Some(&list(&["a"])));
        assert_eq!(tree.text(&["Accounts", "alice@example.org", "auth", "password"]), Some("a'b"));
        assert_eq!(tree.group(&["Accounts", "bob@example.org"]), Some(&Group::new()));
        assert_eq!(tree.text(&["last"]), Some("1"));
        assert_eq!(parse(&write(&tree)).as_ref(), Ok(&tree));
        assert!(write(&tree).starts_with("empty =\nlast = 1\nlist = a, \"b, c\", d\n"), "{}", write(&tree));
    }

    #[test]
    fn what_can_not_be_read_is_named() {
        for text in ["word", "a = \"open", "a = 'x' y", "g:\n    a = 1\n  b = 2\n", "  a = 1"] {
            let error = parse(text).expect_err(text);
            assert!(!error.found().is_empty());
        }
        let deep = (0..100).map(|n| format!("{}g:\n", " ".repeat(n))).collect::<String>();
        assert!(parse(&deep).is_err());
    }

    fn tree() -> impl Strategy<Value = Group> {
        let word = "\\PC{0,8}|[ \"'#,:=\\\\\n\r]{0,4}";
        let leaf = prop_oneof![
            Just(Value::Nil),
            word.prop_map(Value::Text),
            proptest::collection::vec(word, 0..4).prop_map(Value::List)
        ];
        let value = leaf.prop_recursive(3, 20, 4, move |inner| {
            proptest::collection::vec((word, inner), 0..4).prop_map(|list| {
                let mut group = Group::new();
                for (name, value) in list {
                    group.set(&[&name], value);
                }
                Value::Group(group)
            })
        });
        proptest::collection::vec((word, value), 0..4).prop_map(|list| {
            let mut group = Group::new();
            for (name, value) in list {
                group.set(&[&name], value);
            }
            group
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(tree in tree()) {
            let text = write(&tree);
            prop_assert_eq!(parse(&text), Ok(tree), "{}", text);
        }

        #[test]
        fn anything_is_read_or_refused(text in "\\PC{0,80}|([a-z:=,#\"' \n]{0,60})") {
            if let Ok(tree) = parse(&text) {
                prop_assert_eq!(parse(&write(&tree)), Ok(tree));
            }
        }
    }
}
