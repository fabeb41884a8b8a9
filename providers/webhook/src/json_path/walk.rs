//! Follows a path through a document.

use std::cmp::Ordering;

use serde_json::Value;

use super::{Comparison, Expression, MAX_STEPS, PathError, Segment, Selector};

type Result<T> = std::result::Result<T, PathError>;

/// The value at `segments`; a list if they have choices.
pub(super) fn value(segments: &[Segment], document: &Value) -> Result<Value> {
    let mut walk = Walk { root: document, steps: 0 };
    let (met, choices) = walk.follow(segments, document)?;
    if choices {
        return Ok(Value::Array(met.into_iter().cloned().collect()));
    }
    Ok(met.first().map(|value| (*value).clone()).unwrap_or_default())
}

struct Walk<'a> {
    root: &'a Value,
    steps: usize,
}

impl<'a> Walk<'a> {
    fn step(&mut self) -> Result<()> {
        self.steps += 1;
        if self.steps > MAX_STEPS { Err(PathError::Limit("looks at too many values")) } else { Ok(()) }
    }

    /// What `segments` meet from `start` on, and whether they had choices. Before the first choice, what is not
    /// there is a fault; behind it, it is left out.
    fn follow(&mut self, segments: &[Segment], start: &'a Value) -> Result<(Vec<&'a Value>, bool)> {
        let mut met = vec![start];
        let mut choices = false;
        for segment in segments {
            let (selector, deep) = match segment {
                Segment::Child(selector) => (selector, false),
                Segment::Deep(selector) => (selector, true),
            };
            let mut next = Vec::new();
            for value in met {
                if deep {
                    self.select_deep(selector, value, &mut next)?;
                } else {
                    self.select(selector, value, &mut next)?;
                }
            }
            if next.is_empty() && !choices && !deep {
                match selector {
                    Selector::Name(name) => return Err(PathError::UnknownKey(name.clone())),
                    Selector::Index(index) => return Err(PathError::UnknownIndex(*index)),
                    Selector::All | Selector::Several(_) | Selector::Slice { .. } | Selector::Filter(_) => {}
                }
            }
            choices |= deep || selector.has_choices();
            met = next;
        }
        Ok((met, choices))
    }

    fn select_deep(&mut self, selector: &Selector, value: &'a Value, met: &mut Vec<&'a Value>) -> Result<()> {
        // Level by level in a list of our own: a document may be nested deeper than the stack.
        let mut open = vec![value];
        while let Some(value) = open.pop() {
            self.select(selector, value, met)?;
            match value {
                Value::Array(items) => open.extend(items.iter().rev()),
                Value::Object(members) => open.extend(members.values().rev()),
                _ => {}
            }
        }
        Ok(())
    }

    fn select(&mut self, selector: &Selector, value: &'a Value, met: &mut Vec<&'a Value>) -> Result<()> {
        self.step()?;
        match selector {
            Selector::Name(name) => met.extend(value.get(name)),
            Selector::Index(index) => met.extend(value.as_array().and_then(|items| element(items, *index))),
            Selector::All => {
                for child in children(value) {
                    self.step()?;
                    met.push(child);
                }
            }
            Selector::Several(selectors) => {
                for selector in selectors {
                    self.select(selector, value, met)?;
                }
            }
            Selector::Slice { start, end, step } => {
                let Some(items) = value.as_array() else { return Ok(()) };
                let (start, end) = (bound(*start, items.len(), 0), bound(*end, items.len(), items.len()));
                let step = usize::try_from(*step).unwrap_or(1).max(1);
                met.extend(items.get(start..end.max(start)).unwrap_or_default().iter().step_by(step));
            }
            Selector::Filter(filter) => {
                for child in children(value) {
                    if self.holds(filter, child)? {
                        met.push(child);
                    }
                }
            }
        }
        Ok(())
    }

    fn holds(&mut self, expression: &Expression, here: &'a Value) -> Result<bool> {
        self.step()?;
        Ok(match expression {
            Expression::Not(inner) => !self.holds(inner, here)?,
            Expression::Both(left, right) => self.holds(left, here)? && self.holds(right, here)?,
            Expression::Either(left, right) => self.holds(left, here)? || self.holds(right, here)?,
            Expression::Compare(comparison, left, right) => {
                match (self.operand(left, here)?, self.operand(right, here)?) {
                    (Some(left), Some(right)) => compare(*comparison, &left, &right),
                    (left, right) => *comparison == Comparison::Unequal && left.is_some() != right.is_some(),
                }
            }
            Expression::Literal(_) | Expression::Here(_) | Expression::Root(_) => {
                let value = self.operand(expression, here)?;
                value.is_some_and(|value| !matches!(value, Value::Null | Value::Bool(false)))
            }
        })
    }

    /// The value of an operand; `None` where its path leads nowhere.
    fn operand(&mut self, expression: &Expression, here: &'a Value) -> Result<Option<Value>> {
        let (segments, start) = match expression {
            Expression::Literal(value) => return Ok(Some(value.clone())),
            Expression::Here(segments) => (segments, here),
            Expression::Root(segments) => (segments, self.root),
            Expression::Not(_) | Expression::Both(..) | Expression::Either(..) | Expression::Compare(..) => {
                return Ok(Some(Value::Bool(self.holds(expression, here)?)));
            }
        };
        match self.follow(segments, start) {
            Ok((met, _)) => Ok(met.first().map(|value| (*value).clone())),
            Err(PathError::UnknownKey(_) | PathError::UnknownIndex(_)) => Ok(None),
            Err(limit) => Err(limit),
        }
    }
}

fn children(value: &Value) -> Box<dyn Iterator<Item = &Value> + '_> {
    match value {
        Value::Array(items) => Box::new(items.iter()),
        Value::Object(members) => Box::new(members.values()),
        _ => Box::new(std::iter::empty()),
    }
}

fn element(items: &[Value], index: i64) -> Option<&Value> {
    let place = usize::try_from(index.unsigned_abs()).ok()?;
    if index < 0 { items.get(items.len().checked_sub(place)?) } else { items.get(place) }
}

fn bound(given: Option<i64>, length: usize, default: usize) -> usize {
    let Some(given) = given else { return default };
    let place = usize::try_from(given.unsigned_abs()).unwrap_or(usize::MAX);
    if given < 0 { length.saturating_sub(place) } else { place.min(length) }
}

fn compare(comparison: Comparison, left: &Value, right: &Value) -> bool {
    let order = match (left, right) {
        (Value::Number(left), Value::Number(right)) => {
            left.as_f64().zip(right.as_f64()).and_then(|(left, right)| left.partial_cmp(&right))
        }
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        _ if left == right => Some(Ordering::Equal),
        _ => None,
    };
    match comparison {
        Comparison::Equal => order == Some(Ordering::Equal),
        Comparison::Unequal => order != Some(Ordering::Equal),
        Comparison::Less => order == Some(Ordering::Less),
        Comparison::LessOrEqual => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        Comparison::Greater => order == Some(Ordering::Greater),
        Comparison::GreaterOrEqual => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
    }
}
