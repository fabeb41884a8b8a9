//! Reads a template's constructs: text, actions, blocks and definitions.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::error::{Outcome, limit, syntax};
use super::lexer::Lexer;
use super::literal::unquoted;
use super::token::{Keyword, Kind, Token};
use super::tree::{Arm, Call, Choice, ChoiceKind, Node, ROOT_VARIABLE, Range, Tree, VariableName, is_empty};
use crate::limits::{MAX_GO_TEMPLATE_NESTING, MAX_GO_TEMPLATE_NODES};

/// Reads a whole template, which has this name.
pub(super) fn parsed(source: &[u8], left: &str, right: &str, name: Option<&[u8]>) -> Outcome<Tree> {
    let mut parser = Parser {
        source,
        lexer: Lexer::new(source, left, right),
        ahead: Vec::new(),
        names: HashMap::from([(Vec::new(), ROOT_VARIABLE)]),
        filled: HashSet::new(),
        scope: Scope::default(),
        nesting: 0,
        nodes: 0,
        tree: Tree {
            name: name.map(<[u8]>::to_vec),
            root: Vec::new(),
            definitions: BTreeMap::new(),
            constants: Vec::new(),
            variables: vec![String::new()],
        },
    };
    parser.scope.declare(ROOT_VARIABLE);
    parser.template()?;
    parser.take_own_definition()?;
    Ok(parser.tree)
}

/// The state of reading.
pub(super) struct Parser<'s> {
    pub(super) source: &'s [u8],
    lexer: Lexer<'s>,
    /// Words that were read ahead, the next one last.
    ahead: Vec<Token>,
    names: HashMap<Vec<u8>, VariableName>,
    /// The definitions that hold more than space: a body is looked through once, however often its name comes back.
    filled: HashSet<Vec<u8>>,
    pub(super) scope: Scope,
    /// How many blocks and parentheses are open.
    nesting: usize,
    nodes: usize,
    pub(super) tree: Tree,
}

/// What a definition can see: its variables and loops.
#[derive(Default)]
pub(super) struct Scope {
    declared: Vec<VariableName>,
    counts: HashMap<usize, usize>,
    loops: usize,
}

impl Scope {
    pub(super) fn declare(&mut self, name: VariableName) {
        self.declared.push(name);
        *self.counts.entry(name.0).or_default() += 1;
    }

    pub(super) fn knows(&self, name: VariableName) -> bool {
        self.counts.get(&name.0).is_some_and(|count| *count > 0)
    }

    fn forget_after(&mut self, length: usize) {
        for name in self.declared.drain(length..) {
            if let Some(count) = self.counts.get_mut(&name.0) {
                *count -= 1;
            }
        }
    }
}

/// What ends a list of nodes.
enum End {
    End,
    /// At this place; an `if` or `with` may follow.
    Else(usize),
}

impl Parser<'_> {
    pub(super) fn next(&mut self) -> Outcome<Token> {
        match self.ahead.pop() {
            Some(token) => Ok(token),
            None => self.lexer.next(),
        }
    }

    pub(super) fn back(&mut self, token: Token) {
        self.ahead.push(token);
    }

    pub(super) fn peek(&mut self) -> Outcome<Token> {
        let token = self.next()?;
        self.back(token);
        Ok(token)
    }

    pub(super) fn next_word(&mut self) -> Outcome<Token> {
        loop {
            let token = self.next()?;
            if token.kind != Kind::Space {
                return Ok(token);
            }
        }
    }

    pub(super) fn peek_word(&mut self) -> Outcome<Token> {
        let token = self.next_word()?;
        self.back(token);
        Ok(token)
    }

    pub(super) fn bytes(&self, token: Token) -> &[u8] {
        self.source.get(token.start..token.end).unwrap_or_default()
    }

    /// The text of a token that consists of letters.
    pub(super) fn word(&self, token: Token) -> String {
        String::from_utf8_lossy(self.bytes(token)).into_owned()
    }

    pub(super) fn unexpected<T>(&self, token: Token, context: &str) -> Outcome<T> {
        if token.kind == Kind::EndOfSource {
            return syntax(token.start, format!("template ends in {context}"));
        }
        let shown: String = self.word(token).chars().take(32).collect();
        syntax(token.start, format!("unexpected {shown:?} in {context}"))
    }

    fn expect(&mut self, kind: Kind, context: &str) -> Outcome<Token> {
        let token = self.next_word()?;
        if token.kind == kind { Ok(token) } else { self.unexpected(token, context) }
    }

    /// Counts one more part of the tree.
    pub(super) fn count(&mut self, at: usize) -> Outcome<()> {
        self.nodes += 1;
        if self.nodes > MAX_GO_TEMPLATE_NODES { limit(at, "has too many parts") } else { Ok(()) }
    }

    /// Reads something that may contain more of its kind.
    pub(super) fn nested<T>(&mut self, at: usize, read: impl FnOnce(&mut Self) -> Outcome<T>) -> Outcome<T> {
        if self.nesting >= MAX_GO_TEMPLATE_NESTING {
            return limit(at, "nests blocks or parentheses too deeply");
        }
        self.nesting += 1;
        let outcome = read(self);
        self.nesting -= 1;
        outcome
    }

    pub(super) fn variable(&mut self, name: &[u8]) -> VariableName {
        if let Some(known) = self.names.get(name) {
            return *known;
        }
        let variable = VariableName(self.tree.variables.len());
        self.tree.variables.push(String::from_utf8_lossy(name).into_owned());
        self.names.insert(name.to_vec(), variable);
        variable
    }

    /// A template up to the end of the source: definitions may stand here and nowhere else.
    fn template(&mut self) -> Outcome<()> {
        loop {
            let token = self.next()?;
            match token.kind {
                Kind::EndOfSource => break,
                Kind::Left => {
                    let word = self.next_word()?;
                    if word.kind == Kind::Keyword(Keyword::Define) {
                        self.definition()?;
                        continue;
                    }
                    self.back(word);
                    self.back(token);
                }
                _ => self.back(token),
            }
            match self.node()? {
                Ok(node) => self.tree.root.push(node),
                Err(End::End) => return syntax(token.start, "unexpected {{end}}"),
                Err(End::Else(at)) => return syntax(at, "unexpected {{else}}"),
            }
        }
        Ok(())
    }

    /// A definition with the name of the whole takes the place of a whole that has no text, and is one too many beside
    /// one that has.
    fn take_own_definition(&mut self) -> Outcome<()> {
        let Some(name) = self.tree.name.as_ref().filter(|name| self.filled.contains(*name)) else {
            return Ok(());
        };
        if !is_empty(&self.tree.root) {
            let name = String::from_utf8_lossy(name);
            return syntax(
                0,
                format!("template {name:?} is defined more than once: it is the template's own name"),
            );
        }
        self.tree.root = self.tree.definitions.remove(name).unwrap_or_default();
        Ok(())
    }

    fn definition(&mut self) -> Outcome<()> {
        const CONTEXT: &str = "{{define}}";
        let token = self.next_word()?;
        let name = self.template_name(token, CONTEXT)?;
        self.expect(Kind::Right, CONTEXT)?;
        self.body_of(token.start, name, CONTEXT)
    }

    /// The body of a definition, with variables and loops of its own.
    fn body_of(&mut self, at: usize, name: Vec<u8>, context: &str) -> Outcome<()> {
        let mut scope = Scope::default();
        scope.declare(ROOT_VARIABLE);
        let outer = std::mem::replace(&mut self.scope, scope);
        let (body, end) = self.nested(at, Self::nodes)?;
        self.scope = outer;
        if let End::Else(at) = end {
            return syntax(at, format!("unexpected {{{{else}}}} in {context}"));
        }
        let has_body = !is_empty(&body);
        if self.filled.contains(&name) {
            if has_body {
                let name = String::from_utf8_lossy(&name);
                return syntax(at, format!("template {name:?} is defined more than once"));
            }
            return Ok(());
        }
        if has_body {
            self.filled.insert(name.clone());
        }
        self.tree.definitions.insert(name, body);
        Ok(())
    }

    fn template_name(&mut self, token: Token, context: &str) -> Outcome<Vec<u8>> {
        match token.kind {
            Kind::Quoted | Kind::Raw => self.unquoted(token),
            _ => self.unexpected(token, context),
        }
    }

    pub(super) fn unquoted(&mut self, token: Token) -> Outcome<Vec<u8>> {
        match unquoted(self.bytes(token)) {
            Some(text) => Ok(text),
            None => syntax(token.start, "text in quotes holds a wrong escape"),
        }
    }

    /// Nodes up to an `end` or `else`.
    fn nodes(&mut self) -> Outcome<(Vec<Node>, End)> {
        let mut nodes = Vec::new();
        loop {
            let token = self.peek_word()?;
            if token.kind == Kind::EndOfSource {
                return syntax(token.start, "template ends inside a block: {{end}} is missing");
            }
            match self.node()? {
                Ok(node) => nodes.push(node),
                Err(end) => return Ok((nodes, end)),
            }
        }
    }

    fn node(&mut self) -> Outcome<Result<Node, End>> {
        let token = self.next_word()?;
        self.count(token.start)?;
        match token.kind {
            Kind::Text => Ok(Ok(Node::Text(token.start, self.bytes(token).into()))),
            Kind::Left => self.action(),
            _ => self.unexpected(token, "text"),
        }
    }

    fn action(&mut self) -> Outcome<Result<Node, End>> {
        let token = self.next_word()?;
        let at = token.start;
        let Kind::Keyword(keyword) = token.kind else {
            self.back(token);
            return Ok(Ok(Node::Action(self.pipeline("action", Kind::Right)?)));
        };
        Ok(Ok(match keyword {
            Keyword::End => {
                self.expect(Kind::Right, "{{end}}")?;
                return Ok(Err(End::End));
            }
            Keyword::Else => return self.after_else(at).map(Err),
            Keyword::If => self.nested(at, |parser| parser.choice(ChoiceKind::If))?,
            Keyword::With => self.nested(at, |parser| parser.choice(ChoiceKind::With))?,
            Keyword::Range => self.nested(at, Self::range)?,
            Keyword::Block => self.block()?,
            Keyword::Template => self.call()?,
            Keyword::Break => self.leave(at, "{{break}}", Node::Break(at))?,
            Keyword::Continue => self.leave(at, "{{continue}}", Node::Continue(at))?,
            Keyword::Define => return self.unexpected(token, "a block"),
        }))
    }

    /// An `if` or `with` after `else` stays to be read.
    fn after_else(&mut self, at: usize) -> Outcome<End> {
        let token = self.peek_word()?;
        if !matches!(token.kind, Kind::Keyword(Keyword::If | Keyword::With)) {
            self.expect(Kind::Right, "{{else}}")?;
        }
        Ok(End::Else(at))
    }

    fn leave(&mut self, at: usize, name: &str, node: Node) -> Outcome<Node> {
        self.expect(Kind::Right, name)?;
        if self.scope.loops == 0 { syntax(at, format!("{name} outside of {{{{range}}}}")) } else { Ok(node) }
    }

    fn choice(&mut self, kind: ChoiceKind) -> Outcome<Node> {
        let (keyword, context) = match kind {
            ChoiceKind::If => (Keyword::If, "{{if}}"),
            ChoiceKind::With => (Keyword::With, "{{with}}"),
        };
        let visible = self.scope.declared.len();
        let mut choice = Choice { kind, arms: Vec::new(), otherwise: Vec::new() };
        loop {
            let condition = self.pipeline(context, Kind::Right)?;
            let (body, end) = self.nodes()?;
            choice.arms.push(Arm { condition, body });
            let End::Else(at) = end else { break };
            let token = self.peek()?;
            if token.kind != Kind::Keyword(keyword) {
                choice.otherwise = self.last_branch(at)?;
                break;
            }
            self.count(token.start)?;
            self.next()?;
        }
        self.scope.forget_after(visible);
        Ok(Node::Choice(Box::new(choice)))
    }

    /// What stands between `else` and `end`.
    fn last_branch(&mut self, at: usize) -> Outcome<Vec<Node>> {
        match self.nodes()? {
            (nodes, End::End) => Ok(nodes),
            (_, End::Else(_)) => syntax(at, "{{else}} is followed by another one"),
        }
    }

    fn range(&mut self) -> Outcome<Node> {
        let visible = self.scope.declared.len();
        let over = self.pipeline(RANGE, Kind::Right)?;
        self.scope.loops += 1;
        let (body, end) = self.nodes()?;
        self.scope.loops -= 1;
        let otherwise = match end {
            End::End => Vec::new(),
            End::Else(at) => self.last_branch(at)?,
        };
        self.scope.forget_after(visible);
        Ok(Node::Range(Box::new(Range { over, body, otherwise })))
    }

    fn block(&mut self) -> Outcome<Node> {
        const CONTEXT: &str = "{{block}}";
        let token = self.next_word()?;
        let name = self.template_name(token, CONTEXT)?;
        let argument = Some(self.pipeline(CONTEXT, Kind::Right)?);
        self.body_of(token.start, name.clone(), CONTEXT)?;
        Ok(Node::Call(Box::new(Call { at: token.start, name, argument })))
    }

    fn call(&mut self) -> Outcome<Node> {
        const CONTEXT: &str = "{{template}}";
        let token = self.next_word()?;
        let name = self.template_name(token, CONTEXT)?;
        let following = self.next_word()?;
        let argument = if following.kind == Kind::Right {
            None
        } else {
            self.back(following);
            Some(self.pipeline(CONTEXT, Kind::Right)?)
        };
        Ok(Node::Call(Box::new(Call { at: token.start, name, argument })))
    }
}

/// How messages call a loop. Only its pipeline may declare two variables.
pub(super) const RANGE: &str = "{{range}}";
