//! Decides how a value of any type looks under a verb, and what is printed where they do not fit.

use super::spec::{Printer, Spec, Whole};
use crate::funcs::Failure;
use crate::limits::MAX_VALUE_DEPTH;
use crate::value::{IntKind, Integer, List, Map, Text, Value, type_name};

/// Bytes of an object's text that are made for one step.
const BYTES_PER_STEP: usize = 64;

/// Where a value stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Position {
    /// An argument of its own.
    Argument,
    /// In a list or map, or in the message about a wrong verb.
    Inner,
}

impl Printer<'_, '_> {
    /// One argument.
    pub(super) fn argument(&mut self, spec: Spec, value: &Value, verb: char) -> Result<(), Failure> {
        match (value, verb) {
            (Value::Nil, 'v' | 'T') => self.padded(spec, b"<nil>"),
            (Value::Nil, _) => self.wrong_verb(spec, value, verb),
            (_, 'T') => self.text(spec, type_name(value).as_bytes()),
            // Addresses say nothing to a template.
            (_, 'p') | (Value::List(_) | Value::Map(_) | Value::Object(_), 'w') => {
                self.wrong_verb(spec, value, verb)
            }
            _ => self.value(spec, value, verb, Position::Argument, MAX_VALUE_DEPTH),
        }
    }

    fn value(
        &mut self,
        spec: Spec,
        value: &Value,
        verb: char,
        position: Position,
        depth: usize,
    ) -> Result<(), Failure> {
        match value {
            Value::Nil => self.write(if spec.go_syntax { b"interface {}(nil)" } else { b"<nil>" }),
            Value::Bool(truth) => match verb {
                't' | 'v' => self.padded(spec, if *truth { b"true" } else { b"false" }),
                _ => self.wrong_verb(spec, value, verb),
            },
            Value::Int(number) => self.integer(spec, *number, value, verb),
            Value::Float(number) => match verb {
                'v' | 'b' | 'g' | 'G' | 'x' | 'X' | 'f' | 'F' | 'e' | 'E' => self.float(spec, *number, verb),
                _ => self.wrong_verb(spec, value, verb),
            },
            Value::Text(text) => self.text_value(spec, text, value, verb),
            Value::Bytes(bytes) => self.bytes(spec, bytes, verb, position),
            Value::List(list) => self.list(spec, list, verb, depth),
            Value::Map(map) => self.map(spec, map, verb, depth),
            Value::Object(object) => match (verb, object.integer()) {
                ('v', Some(number)) if spec.go_syntax => self.integer(spec, number, value, verb),
                ('v' | 's' | 'x' | 'X' | 'q', _) => {
                    self.scope.spend_steps(1 + object.text_bytes() / BYTES_PER_STEP)?;
                    self.text_value(Spec { go_syntax: false, ..spec }, &object.display(), value, verb)
                }
                (_, Some(number)) => self.integer(spec, number, value, verb),
                (_, None) => self.wrong_verb(spec, value, verb),
            },
        }
    }

    /// `%!d(string=text)`
    fn wrong_verb(&mut self, spec: Spec, value: &Value, verb: char) -> Result<(), Failure> {
        self.write(format!("%!{verb}(").as_bytes())?;
        match value {
            Value::Nil => self.write(b"<nil>")?,
            Value::Object(object) if object.integer().is_some() => {
                self.write(format!("{}=", object.type_name()).as_bytes())?;
                let number = object.integer().map_or(Value::Nil, Value::Int);
                self.value(spec, &number, 'v', Position::Inner, MAX_VALUE_DEPTH)?;
            }
            _ => {
                self.write(format!("{}=", type_name(value)).as_bytes())?;
                self.value(spec, value, 'v', Position::Inner, MAX_VALUE_DEPTH)?;
            }
        }
        self.write(b")")
    }

    fn integer(&mut self, spec: Spec, number: Integer, value: &Value, verb: char) -> Result<(), Failure> {
        let whole = Whole {
            negative: number.value < 0,
            magnitude: u64::try_from(number.value.unsigned_abs()).unwrap_or(u64::MAX),
            is_signed: !number.kind.is_unsigned(),
        };
        match verb {
            'v' if spec.go_syntax && !whole.is_signed => self.whole(Spec { sharp: true, ..spec }, whole, 'x'),
            'v' | 'd' => self.whole(spec, whole, 'd'),
            'b' | 'o' | 'O' | 'x' | 'X' => self.whole(spec, whole, verb),
            'c' => self.character(spec, whole),
            'q' => self.quoted_character(spec, whole),
            'U' => self.code_point(spec, whole),
            _ => self.wrong_verb(spec, value, verb),
        }
    }

    fn text_value(&mut self, spec: Spec, text: &[u8], value: &Value, verb: char) -> Result<(), Failure> {
        match verb {
            'v' if spec.go_syntax => self.quoted(spec, text),
            'v' | 's' => self.text(spec, text),
            'x' | 'X' => self.hexadecimal_text(spec, text, verb == 'X'),
            'q' => self.quoted(spec, text),
            _ => self.wrong_verb(spec, value, verb),
        }
    }

    /// A `[]byte` is text to verbs for text, and a list of numbers to all others.
    fn bytes(&mut self, spec: Spec, bytes: &Text, verb: char, position: Position) -> Result<(), Failure> {
        match verb {
            's' => return self.text(spec, bytes),
            'x' | 'X' => return self.hexadecimal_text(spec, bytes, verb == 'X'),
            'q' => return self.quoted(spec, bytes),
            _ => {}
        }
        let is_argument = position == Position::Argument && matches!(verb, 'v' | 'd');
        let name: &[u8] = if is_argument { b"[]byte" } else { b"[]uint8" };
        let (open, separator, close): (&[u8], &[u8], &[u8]) =
            if spec.go_syntax { (b"{", b", ", b"}") } else { (b"[", b" ", b"]") };
        if spec.go_syntax {
            self.write(name)?;
        }
        self.write(open)?;
        for (index, byte) in bytes.iter().enumerate() {
            if index > 0 {
                self.write(separator)?;
            }
            let number = Integer { kind: IntKind::Uint8, value: i128::from(*byte) };
            self.integer(spec, number, &Value::Int(number), verb)?;
        }
        self.write(close)
    }

    fn list(&mut self, spec: Spec, list: &List, verb: char, depth: usize) -> Result<(), Failure> {
        let Some(depth) = depth.checked_sub(1) else { return Ok(()) };
        if spec.go_syntax {
            self.write(list.element.list_name().as_bytes())?;
        }
        self.write(if spec.go_syntax { b"{" } else { b"[" })?;
        for (index, item) in list.items.iter().enumerate() {
            if index > 0 {
                self.write(if spec.go_syntax { b", " } else { b" " })?;
            }
            self.element(spec, item, verb, depth)?;
        }
        self.write(if spec.go_syntax { b"}" } else { b"]" })
    }

    fn map(&mut self, spec: Spec, map: &Map, verb: char, depth: usize) -> Result<(), Failure> {
        let Some(depth) = depth.checked_sub(1) else { return Ok(()) };
        if spec.go_syntax {
            self.write(map.element.map_name().as_bytes())?;
        }
        self.write(if spec.go_syntax { b"{" } else { b"map[" })?;
        for (index, (key, item)) in map.entries.borrow().iter().enumerate() {
            if index > 0 {
                self.write(if spec.go_syntax { b", " } else { b" " })?;
            }
            self.text_value(spec, key, &Value::Text(key.clone()), verb)?;
            self.write(b":")?;
            self.element(spec, item, verb, depth)?;
        }
        self.write(if spec.go_syntax { b"}" } else { b"]" })
    }

    fn element(&mut self, spec: Spec, item: &Value, verb: char, depth: usize) -> Result<(), Failure> {
        self.scope.spend_steps(1)?;
        self.value(spec, item, verb, Position::Inner, depth)
    }
}
