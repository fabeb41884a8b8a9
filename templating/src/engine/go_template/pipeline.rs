//! Reads pipelines: declarations, commands and operands.

use super::callee::{callee, names};
use super::error::{Outcome, syntax};
use super::literal;
use super::parser::{Parser, RANGE};
use super::token::{Kind, Token};
use super::tree::{Binding, Command, Operand, Pipeline, Term, VariableName};
use crate::engine::near::{near, near_names};

impl Parser<'_> {
    /// A pipeline and what ends it.
    pub(super) fn pipeline(&mut self, context: &str, end: Kind) -> Outcome<Pipeline> {
        let at = self.peek_word()?.start;
        let (variables, binding) = self.declarations(context)?;
        let mut commands = Vec::new();
        loop {
            let token = self.next_word()?;
            if token.kind == end {
                break;
            }
            if !begins_operand(token.kind) {
                return self.unexpected(token, context);
            }
            self.back(token);
            let command = self.command()?;
            if !commands.is_empty() && !is_callable(&command.word.term) {
                let stage = commands.len() + 1;
                return syntax(command.word.at, format!("stage {stage} of the pipeline cannot be called"));
            }
            commands.push(command);
        }
        if commands.is_empty() {
            return syntax(at, format!("{context} has no value"));
        }
        Ok(Pipeline { at, variables, binding, commands })
    }

    /// `$x :=`, `$x =`, and for loops `$i, $x :=`.
    fn declarations(&mut self, context: &str) -> Outcome<(Vec<VariableName>, Binding)> {
        let mut variables = Vec::new();
        let mut binding = Binding::Declares;
        loop {
            let variable = self.peek_word()?;
            if variable.kind != Kind::Variable {
                break;
            }
            self.next()?;
            let adjacent = self.peek()?;
            let following = self.peek_word()?;
            let is_comma = following.kind == Kind::Character && self.bytes(following) == b",";
            if !is_comma && !matches!(following.kind, Kind::Assign | Kind::Declare) {
                // The variable is an operand. A space after it separates operands.
                if adjacent.kind == Kind::Space {
                    self.back(adjacent);
                }
                self.back(variable);
                break;
            }
            self.next_word()?;
            let name = self.variable_of(variable);
            self.scope.declare(name);
            variables.push(name);
            if !is_comma {
                binding = if following.kind == Kind::Assign { Binding::Assigns } else { Binding::Declares };
                break;
            }
            if context != RANGE || variables.len() > 1 {
                return syntax(following.start, format!("too many declarations in {context}"));
            }
            let next = self.peek_word()?;
            if !matches!(next.kind, Kind::Variable | Kind::Right | Kind::Close) {
                return syntax(next.start, "only variables can be declared in {{range}}");
            }
        }
        Ok((variables, binding))
    }

    fn variable_of(&mut self, token: Token) -> VariableName {
        let name = self.bytes(token).get(1..).unwrap_or_default().to_vec();
        self.variable(&name)
    }

    /// Operands separated by spaces, up to a bar or the end of the pipeline.
    fn command(&mut self) -> Outcome<Command> {
        let mut word = None;
        let mut arguments = Vec::new();
        let at = self.peek_word()?.start;
        loop {
            self.peek_word()?;
            if let Some(operand) = self.operand()? {
                match word {
                    None => word = Some(operand),
                    Some(_) => arguments.push(operand),
                }
            }
            let token = self.next()?;
            match token.kind {
                Kind::Space => {}
                Kind::Right | Kind::Close => {
                    self.back(token);
                    break;
                }
                Kind::Bar => break,
                _ => return self.unexpected(token, "operand"),
            }
        }
        match word {
            Some(word) => Ok(Command { word, arguments }),
            None => syntax(at, "a command is empty"),
        }
    }

    /// A term and the fields after it.
    fn operand(&mut self) -> Outcome<Option<Operand>> {
        let Some(mut operand) = self.term()? else { return Ok(None) };
        self.count(operand.at)?;
        let mut fields = Vec::new();
        while self.peek()?.kind == Kind::Field {
            let token = self.next()?;
            self.count(token.start)?;
            fields.push(self.field(token));
        }
        if fields.is_empty() {
            return Ok(Some(operand));
        }
        match &mut operand.term {
            Term::Fields(first) | Term::Variable(_, first) => first.append(&mut fields),
            Term::Function(_) | Term::Pipeline(_) | Term::Chain(..) => {
                let at = operand.at;
                operand = Operand { at, term: Term::Chain(Box::new(operand), fields) };
            }
            Term::Dot | Term::Nil | Term::Bool(_) | Term::Number(_) | Term::Text(_) => {
                return syntax(operand.at, "a constant has no fields");
            }
        }
        Ok(Some(operand))
    }

    fn field(&self, token: Token) -> Box<str> {
        self.word(token).trim_start_matches('.').into()
    }

    fn term(&mut self) -> Outcome<Option<Operand>> {
        let token = self.next_word()?;
        let at = token.start;
        let term = match token.kind {
            Kind::Identifier => self.function(token)?,
            Kind::Dot => Term::Dot,
            Kind::Nil => Term::Nil,
            Kind::Bool => Term::Bool(self.bytes(token) == b"true"),
            Kind::Field => Term::Fields(vec![self.field(token)]),
            Kind::Variable => self.used_variable(token)?,
            Kind::Number | Kind::Complex => match literal::number(self.bytes(token)) {
                Ok(number) => Term::Number(number),
                Err(reason) => return syntax(at, reason),
            },
            Kind::Rune => match literal::character(self.bytes(token)) {
                Some(value) => Term::Number(literal::rune(value)),
                None => return syntax(at, "not a character"),
            },
            Kind::Quoted | Kind::Raw => {
                let text = self.unquoted(token)?;
                self.tree.constants.push(text.into());
                Term::Text(self.tree.constants.len() - 1)
            }
            Kind::Open => {
                let read = |parser: &mut Self| parser.pipeline("parentheses", Kind::Close);
                Term::Pipeline(Box::new(self.nested(at, read)?))
            }
            _ => {
                self.back(token);
                return Ok(None);
            }
        };
        Ok(Some(Operand { at, term }))
    }

    fn function(&mut self, token: Token) -> Outcome<Term> {
        let name = self.word(token);
        if let Some(callee) = callee(&name) {
            return Ok(Term::Function(callee));
        }
        let near = near_names(&near(&name, names()));
        syntax(token.start, format!("function {name:?} does not exist{near}"))
    }

    fn used_variable(&mut self, token: Token) -> Outcome<Term> {
        let name = self.variable_of(token);
        if self.scope.knows(name) {
            return Ok(Term::Variable(name, Vec::new()));
        }
        syntax(token.start, format!("variable {:?} is not declared", self.word(token)))
    }
}

fn begins_operand(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Bool
            | Kind::Rune
            | Kind::Complex
            | Kind::Dot
            | Kind::Field
            | Kind::Identifier
            | Kind::Number
            | Kind::Nil
            | Kind::Raw
            | Kind::Quoted
            | Kind::Variable
            | Kind::Open
    )
}

/// True for what may stand after a bar: it takes the value before the bar.
fn is_callable(term: &Term) -> bool {
    !matches!(term, Term::Bool(_) | Term::Dot | Term::Nil | Term::Number(_) | Term::Text(_))
}
