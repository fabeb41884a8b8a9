//! Runs a template: walks its nodes and collects what they print.

use super::MissingKey;
use super::buffer::Buffer;
use super::error::{Fault, Outcome, Problem, evaluation, exceeded, limit};
use super::guard::walkable;
use super::tree::{Call, Choice, ChoiceKind, Node, Pipeline, ROOT_VARIABLE, Range, Tree, VariableName};
use crate::funcs::{Failure, Scope};
use crate::limits::{MAX_GO_RENDER_DEPTH, MAX_RENDERED_BYTES};
use crate::value::{IntKind, Integer, Map, Text, Value, display, is_true, type_name};

/// Variables that are looked through for one step.
const VARIABLES_PER_STEP: usize = 32;

/// One rendering.
pub(super) struct Run<'t, 's> {
    pub(super) tree: &'t Tree,
    pub(super) scope: Scope<'s>,
    /// The fields that the template is given.
    pub(super) root: Map,
    pub(super) missing_key: MissingKey,
    /// Text constants that were used already.
    pub(super) constants: Vec<Option<Text>>,
    variables: Vec<(VariableName, Value)>,
    /// Where the variables of the running definition begin.
    own_variables: usize,
    depth: usize,
    output: Buffer,
}

/// How a list of nodes ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    Goes,
    Breaks,
    Continues,
}

impl<'t, 's> Run<'t, 's> {
    pub(super) fn new(tree: &'t Tree, root: Map, missing_key: MissingKey, scope: Scope<'s>) -> Self {
        let variables = vec![(ROOT_VARIABLE, Value::Map(root.clone()))];
        let constants = vec![None; tree.constants.len()];
        Self {
            tree,
            scope,
            root,
            missing_key,
            constants,
            variables,
            own_variables: 0,
            depth: 0,
            output: Buffer::default(),
        }
    }

    /// What the template prints.
    pub(super) fn rendered(mut self) -> Outcome<Vec<u8>> {
        let tree = self.tree;
        let root = Value::Map(self.root.clone());
        self.nodes(&root, &tree.root)?;
        Ok(self.output.take())
    }

    /// Pays for work at a place.
    pub(super) fn spend(&mut self, at: usize, steps: usize) -> Outcome<()> {
        self.scope.spend_steps(steps).or_else(|failure| Self::refused(at, failure))
    }

    /// Refuses what is too large to be walked.
    pub(super) fn check(&mut self, at: usize, value: &Value) -> Outcome<()> {
        walkable(&mut self.scope, value).or_else(|failure| Self::refused(at, failure))
    }

    pub(super) fn refused<T>(at: usize, failure: Failure) -> Outcome<T> {
        match failure {
            Failure::Limit(what) => limit(at, exceeded(what)),
            Failure::Raised(reason) => evaluation(at, reason),
            Failure::Told(_) => evaluation(at, "the template gives up"),
        }
    }

    /// Evaluates something that may contain more of its kind.
    pub(super) fn nested<T>(&mut self, at: usize, work: impl FnOnce(&mut Self) -> Outcome<T>) -> Outcome<T> {
        if self.depth >= MAX_GO_RENDER_DEPTH {
            return limit(at, "calls templates too deeply");
        }
        self.depth += 1;
        let outcome = work(self);
        self.depth -= 1;
        outcome
    }

    fn nodes(&mut self, dot: &Value, nodes: &'t [Node]) -> Outcome<Flow> {
        for node in nodes {
            self.spend(place(node), 1)?;
            let flow = match node {
                Node::Text(at, text) => {
                    self.print(*at, text)?;
                    Flow::Goes
                }
                Node::Action(pipeline) => self.action(dot, pipeline)?,
                Node::Choice(choice) => self.choice(dot, choice)?,
                Node::Range(range) => self.nested(range.over.at, |run| run.range(dot, range))?,
                Node::Call(call) => self.nested(call.at, |run| run.call(dot, call))?,
                Node::Break(_) => Flow::Breaks,
                Node::Continue(_) => Flow::Continues,
            };
            if flow != Flow::Goes {
                return Ok(flow);
            }
        }
        Ok(Flow::Goes)
    }

    fn action(&mut self, dot: &Value, pipeline: &'t Pipeline) -> Outcome<Flow> {
        let value = self.pipeline(dot, pipeline)?;
        if !pipeline.variables.is_empty() {
            return Ok(Flow::Goes);
        }
        match &value {
            Value::Nil => self.print(pipeline.at, b"<no value>")?,
            Value::Text(text) => self.print(pipeline.at, text)?,
            other => {
                self.check(pipeline.at, other)?;
                let text = zeroize::Zeroizing::new(display(other));
                self.print(pipeline.at, &text)?;
            }
        }
        Ok(Flow::Goes)
    }

    fn print(&mut self, at: usize, text: &[u8]) -> Outcome<()> {
        if self.output.len() + text.len() > MAX_RENDERED_BYTES {
            return limit(at, "renders too many bytes");
        }
        self.output.extend(text);
        Ok(())
    }

    fn choice(&mut self, dot: &Value, choice: &'t Choice) -> Outcome<Flow> {
        let visible = self.variables.len();
        for arm in &choice.arms {
            let value = self.pipeline(dot, &arm.condition)?;
            if is_true(&value) {
                let dot = if choice.kind == ChoiceKind::With { &value } else { dot };
                let flow = self.nested(arm.condition.at, |run| run.nodes(dot, &arm.body));
                self.variables.truncate(visible);
                return flow;
            }
        }
        let at = choice.arms.last().map_or(0, |arm| arm.condition.at);
        let flow = self.nested(at, |run| run.nodes(dot, &choice.otherwise));
        self.variables.truncate(visible);
        flow
    }

    fn call(&mut self, dot: &Value, call: &'t Call) -> Outcome<Flow> {
        let own = self.tree.name.as_ref().filter(|name| **name == call.name).map(|_| &self.tree.root);
        let Some(body) = own.or_else(|| self.tree.definitions.get(&call.name)) else {
            let name = String::from_utf8_lossy(&call.name);
            return evaluation(call.at, format!("template {name:?} is not defined"));
        };
        let dot = match &call.argument {
            None => Value::Nil,
            Some(argument) => self.pipeline(dot, argument)?,
        };
        let visible = self.variables.len();
        let outer = std::mem::replace(&mut self.own_variables, visible);
        self.variables.push((ROOT_VARIABLE, dot.clone()));
        self.nodes(&dot, body)?;
        self.variables.truncate(visible);
        self.own_variables = outer;
        Ok(Flow::Goes)
    }

    fn range(&mut self, dot: &Value, range: &'t Range) -> Outcome<Flow> {
        let visible = self.variables.len();
        let over = self.pipeline(dot, &range.over)?;
        let flow = self.loops(dot, range, &over);
        self.variables.truncate(visible);
        flow
    }

    fn loops(&mut self, dot: &Value, range: &'t Range, over: &Value) -> Outcome<Flow> {
        let at = range.over.at;
        match over {
            Value::Int(number) if range.over.variables.len() > 1 => {
                return evaluation(
                    at,
                    format!("{} has one variable in a range, not two", number.kind.name()),
                );
            }
            Value::Int(number) if number.value > 0 => {
                for value in 0..number.value {
                    let element = Value::Int(Integer { kind: number.kind, value });
                    if self.turn(range, Value::Nil, &element)? == Flow::Breaks {
                        break;
                    }
                }
            }
            Value::List(list) if !list.items.is_empty() => {
                for (index, element) in list.items.iter().enumerate() {
                    if self.turn(range, index_value(index), element)? == Flow::Breaks {
                        break;
                    }
                }
            }
            Value::Bytes(bytes) if !bytes.is_empty() => {
                for (index, byte) in bytes.iter().enumerate() {
                    let element = Value::Int(Integer { kind: IntKind::Uint8, value: i128::from(*byte) });
                    if self.turn(range, index_value(index), &element)? == Flow::Breaks {
                        break;
                    }
                }
            }
            Value::Map(map) if !map.entries.borrow().is_empty() => {
                // The body may change the map.
                self.spend(at, map.entries.borrow().len())?;
                let entries: Vec<(Text, Value)> =
                    map.entries.borrow().iter().map(|(key, value)| (key.clone(), value.clone())).collect();
                for (key, element) in entries {
                    if self.turn(range, Value::Text(key), &element)? == Flow::Breaks {
                        break;
                    }
                }
            }
            Value::Nil | Value::Int(_) | Value::List(_) | Value::Bytes(_) | Value::Map(_) => {
                return self.otherwise(dot, range);
            }
            Value::Object(object) if object.integer().is_some_and(|number| number.value <= 0) => {
                return self.otherwise(dot, range);
            }
            Value::Bool(_) | Value::Float(_) | Value::Text(_) | Value::Object(_) => {
                return evaluation(at, format!("{} has no elements to range over", type_name(over)));
            }
        }
        Ok(Flow::Goes)
    }

    /// What is printed if there is nothing to range over. A break in it ends only this loop.
    fn otherwise(&mut self, dot: &Value, range: &'t Range) -> Outcome<Flow> {
        let flow = self.nodes(dot, &range.otherwise)?;
        Ok(if flow == Flow::Breaks { Flow::Goes } else { flow })
    }

    /// One turn of a loop.
    fn turn(&mut self, range: &'t Range, index: Value, element: &Value) -> Outcome<Flow> {
        let at = range.over.at;
        self.spend(at, 1)?;
        match range.over.variables.as_slice() {
            [] => {}
            [only] => self.bind(range, *only, 1, element.clone())?,
            [first, second, ..] => {
                self.bind(range, *first, 2, index)?;
                self.bind(range, *second, 1, element.clone())?;
            }
        }
        let visible = self.variables.len();
        let flow = self.nodes(element, &range.body);
        self.variables.truncate(visible);
        flow
    }

    /// Gives a loop's variable its value. Declared ones are the last variables; `from_end` tells which.
    fn bind(&mut self, range: &Range, name: VariableName, from_end: usize, value: Value) -> Outcome<()> {
        if range.over.binding == super::tree::Binding::Assigns {
            return self.assign(range.over.at, name, value);
        }
        let place = self.variables.len().checked_sub(from_end);
        if let Some((_, variable)) = place.and_then(|place| self.variables.get_mut(place)) {
            *variable = value;
        }
        Ok(())
    }

    pub(super) fn declare(&mut self, name: VariableName, value: Value) {
        self.variables.push((name, value));
    }

    pub(super) fn assign(&mut self, at: usize, name: VariableName, value: Value) -> Outcome<()> {
        let place = self.place(at, name)?;
        if let Some((_, variable)) = self.variables.get_mut(place) {
            *variable = value;
        }
        Ok(())
    }

    pub(super) fn variable(&mut self, at: usize, name: VariableName) -> Outcome<Value> {
        let place = self.place(at, name)?;
        Ok(self.variables.get(place).map_or(Value::Nil, |(_, value)| value.clone()))
    }

    /// Where the newest variable with this name is.
    fn place(&mut self, at: usize, name: VariableName) -> Outcome<usize> {
        let own = self.variables.get(self.own_variables..).unwrap_or_default();
        let found = own.iter().rposition(|(known, _)| *known == name);
        let steps = (own.len() - found.unwrap_or_default()) / VARIABLES_PER_STEP;
        self.spend(at, steps)?;
        if let Some(found) = found {
            return Ok(self.own_variables + found);
        }
        let name = self.tree.variables.get(name.0).map_or("", String::as_str);
        evaluation(at, format!("variable \"${name}\" has no value here"))
    }

    /// A failure of a function. Texts of `fail` are shown if they stand in the template.
    pub(super) fn failed<T>(&self, at: usize, function: &str, failure: Failure) -> Outcome<T> {
        let is_literal = |text: &[u8]| self.tree.constants.iter().any(|constant| &**constant == text);
        Err(Box::new(Fault::of_function(at, function, failure, is_literal)))
    }

    /// What a field that is not there gives; `near` finds similar names for the message.
    pub(super) fn missing(
        &self,
        at: usize,
        field: &str,
        near: impl FnOnce() -> Vec<String>,
    ) -> Outcome<Value> {
        match self.missing_key {
            MissingKey::NoValue => Ok(Value::Nil),
            MissingKey::Error => {
                let problem = Problem::MissingField { field: field.to_owned(), near: near() };
                Err(Box::new(Fault { at, problem }))
            }
        }
    }
}

/// Where a node stands in the source.
fn place(node: &Node) -> usize {
    match node {
        Node::Text(at, _) | Node::Break(at) | Node::Continue(at) => *at,
        Node::Action(pipeline) => pipeline.at,
        Node::Choice(choice) => choice.arms.first().map_or(0, |arm| arm.condition.at),
        Node::Range(range) => range.over.at,
        Node::Call(call) => call.at,
    }
}

fn index_value(index: usize) -> Value {
    Value::int(i64::try_from(index).unwrap_or(i64::MAX))
}
