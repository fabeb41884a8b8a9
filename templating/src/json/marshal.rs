//! Decides how template values are read from and written as JSON, as Go's encoding/json does with `interface {}`.

use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Escape, Json, append_quoted, float_json};
use crate::funcs::{Failure, Scope};
use crate::limits::MAX_VALUE_DEPTH;
use crate::value::{Object, Text, Value, general};

/// The layout of Go's `json` tag for times.
const TIME_LAYOUT: &str = "2006-01-02T15:04:05.999999999Z07:00";

/// Where line breaks stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// All on one line, without blanks.
    Line,
    /// One entry a line, two blanks for each level.
    Indented,
}

/// The value of a document, every number a float, and whether all numbers fit in one: those that do not are
/// nothing.
pub(crate) fn to_value(json: &Json<'_>) -> (Value, bool) {
    let mut fits = true;
    let value = value_of(json, &mut fits);
    (value, fits)
}

fn value_of(json: &Json<'_>, fits: &mut bool) -> Value {
    match json {
        Json::Null => Value::Nil,
        Json::Bool(truth) => Value::Bool(*truth),
        Json::Number(text) => match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Value::Float(number),
            _ => {
                *fits = false;
                Value::Nil
            }
        },
        Json::Text(text) => Value::text(text.as_bytes()),
        Json::List(items) => Value::list(items.iter().map(|item| value_of(&item.value, fits)).collect()),
        Json::Object(members) => {
            let entries =
                members.iter().map(|(name, member)| (Text::from(&**name), value_of(&member.value, fits)));
            Value::map(entries.collect())
        }
    }
}

/// The value as a JSON text.
///
/// # Errors
/// [`Failure::Raised`] if there is a float in it that is not a number or infinite.
pub(crate) fn marshalled(
    scope: &mut Scope<'_>,
    value: &Value,
    escape: Escape,
    layout: Layout,
) -> Result<Vec<u8>, Failure> {
    let mut printer = Printer { scope, out: Vec::new(), paid: 0, escape, layout };
    printer.value(value, 0)?;
    printer.pay()?;
    Ok(printer.out)
}

struct Printer<'a, 'b> {
    scope: &'a mut Scope<'b>,
    out: Vec<u8>,
    /// How much of `out` the budget has been charged for.
    paid: usize,
    escape: Escape,
    layout: Layout,
}

impl Printer<'_, '_> {
    fn pay(&mut self) -> Result<(), Failure> {
        let grown = self.out.len() - self.paid;
        self.paid = self.out.len();
        self.scope.spend_steps(1 + grown / 256)?;
        self.scope.spend_bytes(grown)
    }

    fn push(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn quoted(&mut self, text: &[u8]) {
        append_quoted(&mut self.out, text, self.escape);
    }

    fn value(&mut self, value: &Value, depth: usize) -> Result<(), Failure> {
        if depth > MAX_VALUE_DEPTH {
            return Err(Failure::Limit("depth"));
        }
        self.pay()?;
        match value {
            Value::Nil => self.push("null"),
            Value::Bool(true) => self.push("true"),
            Value::Bool(false) => self.push("false"),
            Value::Int(number) => self.push(&number.value.to_string()),
            Value::Float(number) if number.is_finite() => self.push(&float_json(*number)),
            Value::Float(number) => {
                return Err(Failure::Raised(format!("json: unsupported value: {}", general(*number))));
            }
            Value::Text(text) => self.quoted(text),
            Value::Bytes(bytes) => self.quoted(STANDARD.encode(&**bytes).as_bytes()),
            Value::List(list) if list.is_nil() => self.push("null"),
            Value::List(list) => self.list(&list.items, depth)?,
            Value::Map(map) => {
                let entries = map.entries.borrow();
                self.entries(entries.iter().map(|(key, item)| (&**key, item)), depth)?;
            }
            Value::Object(object) => self.object(object, depth)?,
        }
        Ok(())
    }

    fn list(&mut self, items: &[Value], depth: usize) -> Result<(), Failure> {
        self.push("[");
        for (at, item) in items.iter().enumerate() {
            self.separate(at == 0, depth + 1);
            self.value(item, depth + 1)?;
        }
        self.close(items.is_empty(), depth, "]");
        Ok(())
    }

    fn entries<'v>(
        &mut self,
        entries: impl Iterator<Item = (&'v [u8], &'v Value)>,
        depth: usize,
    ) -> Result<(), Failure> {
        self.push("{");
        let mut empty = true;
        for (key, item) in entries {
            self.separate(empty, depth + 1);
            empty = false;
            self.quoted(key);
            self.push(if self.layout == Layout::Indented { ": " } else { ":" });
            self.value(item, depth + 1)?;
        }
        self.close(empty, depth, "}");
        Ok(())
    }

    fn separate(&mut self, first: bool, depth: usize) {
        if !first {
            self.push(",");
        }
        self.break_line(depth);
    }

    fn close(&mut self, empty: bool, depth: usize, bracket: &str) {
        if !empty {
            self.break_line(depth);
        }
        self.push(bracket);
    }

    fn break_line(&mut self, depth: usize) {
        if self.layout == Layout::Indented {
            self.push("\n");
            self.push(&"  ".repeat(depth));
        }
    }

    /// Go's types that say themselves how they look; of all others the fields that a template can reach.
    fn object(&mut self, object: &Rc<dyn Object>, depth: usize) -> Result<(), Failure> {
        if let Some(number) = object.integer() {
            return self.value(&Value::Int(number), depth);
        }
        let told = match object.type_name() {
            "time.Time" => object.call(self.scope, "Format", &[Value::text(TIME_LAYOUT)])?,
            "*semver.Version" | "semver.Version" => Value::text(object.display()),
            _ => {
                let fields = ["Cert", "Key"].map(|name| (name.as_bytes(), object.field(name)));
                let known: Vec<_> =
                    fields.iter().filter_map(|(name, field)| Some((*name, field.as_ref()?))).collect();
                return self.entries(known.into_iter(), depth);
            }
        };
        self.value(&told, depth)
    }
}
