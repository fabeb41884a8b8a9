//! Functions that make values of every type, for tests of what the language does with them.

use std::any::Any;
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::funcs::{Failure, Function, Scope};
use crate::value::{Element, IntKind, Integer, List, Map, Object, Text, Type, Value, display};

pub(crate) const FUNCTIONS: &[Function] = &[
    of("tlist", &[], Some(Type::Any), |_, values| Ok(Value::list(values.to_vec()))),
    of("tstrs", &[], Some(Type::Text), |_, values| {
        Ok(Value::List(List { element: Element::Text, items: Rc::new(values.to_vec()) }))
    }),
    of("tdict", &[], Some(Type::Any), |_, values| Ok(Value::map(pairs(values)))),
    of("tsmap", &[], Some(Type::Text), |_, values| Ok(Value::text_map(pairs(values)))),
    of("tbytes", &[Type::Text], None, |_, values| match values {
        [Value::Text(text)] => Ok(Value::Bytes(text.clone())),
        _ => unexpected(),
    }),
    of("tint", &[Type::Int(IntKind::Int)], None, first),
    of("tint64", &[Type::Int(IntKind::Int64)], None, first),
    of("tint32", &[Type::Int(IntKind::Int32)], None, first),
    of("tuint8", &[Type::Int(IntKind::Uint8)], None, first),
    of("tuint64", &[Type::Int(IntKind::Uint64)], None, first),
    of("tfloat", &[Type::Float], None, first),
    of("tnan", &[], None, |_, _| Ok(Value::Float(f64::NAN))),
    of("tinf", &[Type::Int(IntKind::Int)], None, |_, values| match values {
        [Value::Int(sign)] if sign.value < 0 => Ok(Value::Float(f64::NEG_INFINITY)),
        _ => Ok(Value::Float(f64::INFINITY)),
    }),
    of("tbool", &[Type::Bool], None, first),
    of("tstr", &[Type::Text], None, first),
    of("tnil", &[], None, |_, _| Ok(Value::Nil)),
    of("tany", &[Type::Any], None, first),
    of("tnums", &[Type::List(Element::Any)], None, |_, values| match values {
        [Value::List(list)] => Ok(Value::int(list.items.len().try_into().unwrap())),
        _ => unexpected(),
    }),
    of("tkeys", &[Type::Map(Element::Any)], None, |_, values| match values {
        [Value::Map(map)] => Ok(Value::int(map.entries.borrow().len().try_into().unwrap())),
        _ => unexpected(),
    }),
    of("ttwo", &[Type::Text, Type::Int(IntKind::Int)], Some(Type::Any), |_, values| match values {
        [text, number, others @ ..] => {
            let shown = [display(text), display(number), format!(" {}", others.len()).into_bytes()];
            Ok(Value::text(shown.concat()))
        }
        _ => unexpected(),
    }),
    of("tset", &[Type::Map(Element::Any), Type::Text, Type::Any], None, |_, values| match values {
        [Value::Map(Map { entries, .. }), Value::Text(key), value] => {
            entries.borrow_mut().insert(key.clone(), value.clone());
            Ok(values[0].clone())
        }
        _ => unexpected(),
    }),
    of("tclock", &[], None, |_, _| Ok(Value::Object(Rc::new(Clock(450))))),
    of("tfail", &[Type::Text], None, |_, values| match values {
        [Value::Text(text)] => Err(Failure::Told(text.to_vec())),
        _ => unexpected(),
    }),
];

type Call = fn(&mut Scope<'_>, &[Value]) -> Result<Value, Failure>;

const fn of(name: &'static str, params: &'static [Type], rest: Option<Type>, call: Call) -> Function {
    Function { name, params, rest, call }
}

#[expect(clippy::unnecessary_wraps, reason = "every function has this signature")]
fn first(_: &mut Scope<'_>, values: &[Value]) -> Result<Value, Failure> {
    Ok(values[0].clone())
}

fn pairs(values: &[Value]) -> BTreeMap<Text, Value> {
    values.as_chunks::<2>().0.iter().map(|[key, value]| (Text::new(display(key)), value.clone())).collect()
}

fn unexpected() -> Result<Value, Failure> {
    Err(Failure::Raised("the engine let a wrong type through".to_owned()))
}

/// A time of day in minutes, as an object with a field, a method and a number.
struct Clock(i64);

impl Object for Clock {
    fn type_name(&self) -> &'static str {
        "test.Clock"
    }

    fn kind_name(&self) -> &'static str {
        "int64"
    }

    fn display(&self) -> Vec<u8> {
        format!("{:02}:{:02}", self.0 / 60, self.0 % 60).into_bytes()
    }

    fn field(&self, name: &str) -> Option<Value> {
        (name == "Hour").then(|| Value::int(self.0 / 60))
    }

    fn method(&self, name: &str) -> Option<&'static [Type]> {
        (name == "Add").then_some(&[Type::Int(IntKind::Int)])
    }

    fn call(&self, _: &mut Scope<'_>, _: &str, arguments: &[Value]) -> Result<Value, Failure> {
        match arguments {
            [Value::Int(minutes)] => {
                Ok(Value::Object(Rc::new(Self(self.0 + i64::try_from(minutes.value).unwrap()))))
            }
            _ => unexpected(),
        }
    }

    fn integer(&self) -> Option<Integer> {
        Some(Integer { kind: IntKind::Int64, value: i128::from(self.0) })
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
