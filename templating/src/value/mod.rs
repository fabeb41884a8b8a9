//! Owns the values that templates compute with: Go's values, as text/template sees them.

mod equal;
mod float;
mod free;
mod object;
mod print;
mod quote;
mod text;
mod types;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

pub(crate) use equal::deep_equal;
pub(crate) use float::{Form, formatted, general};
pub(crate) use object::Object;
pub(crate) use print::{display, is_true, kind_name, type_name};
pub(crate) use quote::{Charset, is_assigned, is_printable, quoted, quoted_character, quoted_with};
pub(crate) use text::Text;
pub(crate) use types::{Element, IntKind, Type};

/// One value. Cheap to clone: what is large is shared.
#[derive(Clone)]
pub(crate) enum Value {
    /// No value: a nil interface, or what stands for a missing element. Prints `<no value>` by itself and `<nil>`
    /// inside something else.
    Nil,
    Bool(bool),
    Int(Integer),
    /// A `float64`.
    Float(f64),
    /// A Go string: any bytes.
    Text(Text),
    /// A `[]byte`.
    Bytes(Text),
    List(List),
    Map(Map),
    /// A struct or named type with methods: a time, a duration, a version, a certificate.
    Object(Rc<dyn Object>),
}

/// A whole number of one of Go's types. The value is always inside the range of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Integer {
    pub(crate) kind: IntKind,
    pub(crate) value: i128,
}

/// A slice. Never changed after it was made: functions build new ones.
#[derive(Clone)]
pub(crate) struct List {
    pub(crate) element: Element,
    pub(crate) items: Rc<Vec<Value>>,
}

/// A map with text keys. A reference, as in Go: `set` changes what every holder of the map sees.
#[derive(Clone)]
pub(crate) struct Map {
    pub(crate) element: Element,
    pub(crate) entries: Rc<RefCell<BTreeMap<Text, Value>>>,
}

thread_local! {
    /// What every nil list of the thread holds.
    static NIL_ITEMS: Rc<Vec<Value>> = Rc::default();
}

impl List {
    /// Go's nil slice: a list without elements that is `null` in JSON.
    pub(crate) fn nil(element: Element) -> Self {
        Self { element, items: NIL_ITEMS.with(Rc::clone) }
    }

    /// True for a list that [`nil`](Self::nil) made.
    pub(crate) fn is_nil(&self) -> bool {
        NIL_ITEMS.with(|nil| Rc::ptr_eq(nil, &self.items))
    }
}

impl Value {
    /// An `int`.
    pub(crate) fn int(value: i64) -> Self {
        Self::Int(Integer { kind: IntKind::Int, value: i128::from(value) })
    }

    /// An `int64`.
    pub(crate) fn int64(value: i64) -> Self {
        Self::Int(Integer { kind: IntKind::Int64, value: i128::from(value) })
    }

    /// A `string`.
    pub(crate) fn text(bytes: impl Into<Vec<u8>>) -> Self {
        Self::Text(Text::new(bytes.into()))
    }

    /// A `[]interface {}`.
    pub(crate) fn list(items: Vec<Value>) -> Self {
        Self::List(List { element: Element::Any, items: Rc::new(items) })
    }

    /// A `[]string`.
    pub(crate) fn texts(items: impl IntoIterator<Item = impl Into<Vec<u8>>>) -> Self {
        let items = items.into_iter().map(Self::text).collect();
        Self::List(List { element: Element::Text, items: Rc::new(items) })
    }

    /// A `map[string]interface {}`.
    pub(crate) fn map(entries: BTreeMap<Text, Value>) -> Self {
        Self::Map(Map { element: Element::Any, entries: Rc::new(RefCell::new(entries)) })
    }

    /// A `map[string]string`; every value must be a [`Value::Text`].
    pub(crate) fn text_map(entries: BTreeMap<Text, Value>) -> Self {
        Self::Map(Map { element: Element::Text, entries: Rc::new(RefCell::new(entries)) })
    }
}

/// Kinds and sizes only: a value may be secret.
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nil => f.write_str("nil"),
            Self::Bool(_) => f.write_str("bool"),
            Self::Int(number) => write!(f, "{:?}", number.kind),
            Self::Float(_) => f.write_str("float64"),
            Self::Text(text) => write!(f, "string of {} bytes", text.len()),
            Self::Bytes(bytes) => write!(f, "{} bytes", bytes.len()),
            Self::List(list) => write!(f, "list of {}", list.items.len()),
            Self::Map(map) => write!(f, "map of {}", map.entries.borrow().len()),
            Self::Object(object) => f.write_str(object.type_name()),
        }
    }
}
