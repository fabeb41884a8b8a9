//! What a template is once it is read: nodes, each with its place in the source.

use std::collections::BTreeMap;

use super::callee::Callee;
use super::literal::Number;

/// A template with its definitions.
pub(super) struct Tree {
    /// What the whole is called, if anything: calls find it by that.
    pub(super) name: Option<Vec<u8>>,
    pub(super) root: Vec<Node>,
    pub(super) definitions: BTreeMap<Vec<u8>, Vec<Node>>,
    /// Every text constant.
    pub(super) constants: Vec<Box<[u8]>>,
    /// Every name of a variable, without its dollar sign. [`ROOT_VARIABLE`] is the first.
    pub(super) variables: Vec<String>,
}

/// The variable `$`.
pub(super) const ROOT_VARIABLE: VariableName = VariableName(0);

/// A variable's name, as an index of [`Tree::variables`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct VariableName(pub(super) usize);

pub(super) enum Node {
    Text(usize, Box<[u8]>),
    Action(Pipeline),
    Choice(Box<Choice>),
    Range(Box<Range>),
    /// `{{template "name" pipeline}}`
    Call(Box<Call>),
    Break(usize),
    Continue(usize),
}

/// `if` or `with`, with every `else if` or `else with`.
pub(super) struct Choice {
    pub(super) kind: ChoiceKind,
    pub(super) arms: Vec<Arm>,
    pub(super) otherwise: Vec<Node>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChoiceKind {
    If,
    /// Sets the dot.
    With,
}

pub(super) struct Arm {
    pub(super) condition: Pipeline,
    pub(super) body: Vec<Node>,
}

pub(super) struct Range {
    pub(super) over: Pipeline,
    pub(super) body: Vec<Node>,
    pub(super) otherwise: Vec<Node>,
}

pub(super) struct Call {
    pub(super) at: usize,
    pub(super) name: Vec<u8>,
    pub(super) argument: Option<Pipeline>,
}

pub(super) struct Pipeline {
    pub(super) at: usize,
    pub(super) variables: Vec<VariableName>,
    pub(super) binding: Binding,
    pub(super) commands: Vec<Command>,
}

/// What a pipeline does with the variables in front of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Binding {
    /// `:=`
    Declares,
    /// `=`
    Assigns,
}

/// A word and its arguments.
pub(super) struct Command {
    pub(super) word: Operand,
    pub(super) arguments: Vec<Operand>,
}

pub(super) struct Operand {
    pub(super) at: usize,
    pub(super) term: Term,
}

pub(super) enum Term {
    Dot,
    Nil,
    Bool(bool),
    Number(Number),
    /// An index of [`Tree::constants`].
    Text(usize),
    /// `.a.b`
    Fields(Vec<Box<str>>),
    /// `$x.a.b`
    Variable(VariableName, Vec<Box<str>>),
    Function(Callee),
    Pipeline(Box<Pipeline>),
    /// `(pipeline).a.b`
    Chain(Box<Operand>, Vec<Box<str>>),
}

/// True if there is nothing but space: such a definition may be replaced.
pub(super) fn is_empty(nodes: &[Node]) -> bool {
    nodes.iter().all(|node| match node {
        Node::Text(_, text) => {
            text.utf8_chunks().all(|chunk| chunk.invalid().is_empty() && is_blank(chunk.valid()))
        }
        Node::Action(_)
        | Node::Choice(_)
        | Node::Range(_)
        | Node::Call(_)
        | Node::Break(_)
        | Node::Continue(_) => false,
    })
}

fn is_blank(text: &str) -> bool {
    text.chars().all(char::is_whitespace)
}
