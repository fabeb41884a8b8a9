//! Owns the nodes of a YAML document as they are written: nothing is resolved yet.

use std::collections::HashMap;

use zeroize::Zeroizing;

use super::YamlFault;
use super::scanner::{Scanner, Token};
use crate::limits::{MAX_DEPTH, MAX_YAML_BYTES, MAX_YAML_NODES};

const CORE: &str = "tag:yaml.org,2002:";

/// The nodes of one document.
#[derive(Default)]
pub(super) struct Tree {
    pub(super) nodes: Vec<Node>,
    /// Nothing if the text has no document.
    pub(super) root: Option<usize>,
}

/// One node. Others are named by their place in the tree.
pub(super) enum Node {
    Scalar(Scalar),
    List(Vec<usize>),
    /// Keys and values in turn.
    Map(Vec<usize>),
    /// The place of the anchored node, which may be one that this one is inside of.
    Alias(usize),
}

/// One scalar.
pub(super) struct Scalar {
    pub(super) text: Zeroizing<String>,
    /// The core types without their prefix, for example `int`; others in full.
    pub(super) tag: Option<String>,
    /// Written without quotes and without tag.
    pub(super) plain: bool,
}

impl Tree {
    /// The first document in the text; what follows it is not read.
    pub(super) fn of(document: &[u8]) -> Result<Self, YamlFault> {
        if document.len() > MAX_YAML_BYTES {
            return Err(YamlFault::TooLarge);
        }
        let text = std::str::from_utf8(document).map_err(|fault| {
            YamlFault::Syntax(match document.get(fault.valid_up_to()) {
                Some(0x80..=0xbf | 0xf8..) => "invalid leading UTF-8 octet",
                _ if fault.error_len().is_none() => "incomplete UTF-8 octet sequence",
                _ => "invalid trailing UTF-8 octet",
            })
        })?;
        if text.contains(is_forbidden) {
            return Err(YamlFault::Syntax("control characters are not allowed"));
        }
        let mut parser = Parser {
            scanner: Scanner::new(text),
            tree: Self::default(),
            anchors: HashMap::new(),
            handles: HashMap::new(),
        };
        parser.tree.root = parser.document()?;
        Ok(parser.tree)
    }
}

/// What no document may hold unescaped.
fn is_forbidden(character: char) -> bool {
    !matches!(character, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{fffd}' | '\u{10000}'..)
}

struct Parser {
    scanner: Scanner,
    tree: Tree,
    /// The places of the nodes with a name; of two with the same name the later one.
    anchors: HashMap<String, usize>,
    /// The beginnings of tags by their shorthand.
    handles: HashMap<String, String>,
}

/// What stands before a node.
#[derive(Default)]
struct Properties {
    anchor: Option<String>,
    tag: Option<String>,
}

/// Where a node stands: what may be one there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Context {
    Flow,
    Block,
    /// A key or a value: a list may stand at the indent of its map.
    BlockOrSameIndent,
}

impl Parser {
    fn peek(&mut self) -> Result<&Token, YamlFault> {
        Ok(&self.scanner.peek()?.token)
    }

    fn is_next(&mut self, wanted: &[Token]) -> Result<bool, YamlFault> {
        Ok(wanted.contains(self.peek()?))
    }

    fn took(&mut self, wanted: &Token) -> Result<bool, YamlFault> {
        let found = self.peek()? == wanted;
        if found {
            self.scanner.take()?;
        }
        Ok(found)
    }

    fn fault(&mut self, reason: &'static str) -> YamlFault {
        match self.scanner.peek() {
            Ok(placed) if placed.line > 0 => YamlFault::SyntaxAt { line: placed.line, reason },
            Ok(_) => YamlFault::Syntax(reason),
            Err(fault) => fault,
        }
    }

    fn document(&mut self) -> Result<Option<usize>, YamlFault> {
        if self.is_next(&[Token::StreamEnd])? {
            return Ok(None);
        }
        let directives = self.directives()?;
        let explicit = directives || self.is_next(&[Token::DocumentStart])?;
        if explicit && !self.took(&Token::DocumentStart)? {
            return Err(self.fault("did not find expected <document start>"));
        }
        let empty = explicit
            && matches!(
                self.peek()?,
                Token::Version { .. }
                    | Token::TagDirective { .. }
                    | Token::DocumentStart
                    | Token::DocumentEnd
                    | Token::StreamEnd
            );
        let root = if empty { self.nothing(Properties::default())? } else { self.node(Context::Block, 0)? };
        self.peek()?;
        Ok(Some(root))
    }

    /// True if there are any.
    fn directives(&mut self) -> Result<bool, YamlFault> {
        let mut version = false;
        while matches!(self.peek()?, Token::Version { .. } | Token::TagDirective { .. }) {
            if version && matches!(self.peek()?, Token::Version { .. }) {
                return Err(self.fault("found duplicate %YAML directive"));
            }
            if matches!(self.peek()?, Token::Version { major, minor } if (*major, *minor) != (1, 1)) {
                return Err(self.fault("found incompatible YAML document"));
            }
            match self.scanner.take()? {
                Token::TagDirective { handle, prefix } => {
                    if self.handles.insert(handle, prefix).is_some() {
                        return Err(self.fault("found duplicate %TAG directive"));
                    }
                }
                _ => version = true,
            }
        }
        let any = version || !self.handles.is_empty();
        for (handle, prefix) in [("!", "!"), ("!!", CORE)] {
            self.handles.entry(handle.to_owned()).or_insert_with(|| prefix.to_owned());
        }
        Ok(any)
    }

    /// An anchor and a tag, in either order.
    fn properties(&mut self) -> Result<Properties, YamlFault> {
        let mut found = Properties::default();
        loop {
            let wanted = match self.peek()? {
                Token::Anchor(_) => found.anchor.is_none(),
                Token::Tag { .. } => found.tag.is_none(),
                _ => false,
            };
            if !wanted {
                return Ok(found);
            }
            match self.scanner.take()? {
                Token::Tag { handle, suffix } => found.tag = Some(self.tag(&handle, &suffix)?),
                Token::Anchor(name) => found.anchor = Some(name),
                _ => {}
            }
        }
    }

    fn tag(&mut self, handle: &str, suffix: &str) -> Result<String, YamlFault> {
        let prefix = if handle.is_empty() { Some("") } else { self.handles.get(handle).map(String::as_str) };
        let Some(prefix) = prefix else { return Err(self.fault("found undefined tag handle")) };
        let whole = format!("{prefix}{suffix}");
        Ok(whole.strip_prefix(CORE).map(str::to_owned).unwrap_or(whole))
    }

    fn add(&mut self, node: Node, anchor: Option<String>) -> Result<usize, YamlFault> {
        let place = self.tree.nodes.len();
        if place >= MAX_YAML_NODES {
            return Err(YamlFault::TooLarge);
        }
        self.tree.nodes.push(node);
        if let Some(name) = anchor {
            self.anchors.insert(name, place);
        }
        Ok(place)
    }

    /// A node that is not written at all.
    fn nothing(&mut self, properties: Properties) -> Result<usize, YamlFault> {
        let plain = properties.tag.is_none();
        self.add(
            Node::Scalar(Scalar { text: Zeroizing::default(), tag: properties.tag, plain }),
            properties.anchor,
        )
    }

    fn node(&mut self, context: Context, depth: usize) -> Result<usize, YamlFault> {
        if depth > MAX_DEPTH {
            return Err(YamlFault::TooDeep);
        }
        if matches!(self.peek()?, Token::Alias(_)) {
            return self.alias();
        }
        let properties = self.properties()?;
        let block = context != Context::Flow;
        let read: fn(&mut Self, usize, usize) -> Result<(), YamlFault> = match self.peek()? {
            Token::BlockEntry if context == Context::BlockOrSameIndent => Self::same_indent_list,
            Token::Scalar { .. } => return self.scalar(properties),
            Token::FlowListStart => Self::flow_list,
            Token::FlowMapStart => Self::flow_map,
            Token::BlockListStart if block => Self::block_list,
            Token::BlockMapStart if block => Self::block_map,
            _ if properties.anchor.is_some() || properties.tag.is_some() => return self.nothing(properties),
            _ => return Err(self.fault("did not find expected node content")),
        };
        let map = matches!(self.peek()?, Token::FlowMapStart | Token::BlockMapStart);
        let node = if map { Node::Map(Vec::new()) } else { Node::List(Vec::new()) };
        let place = self.add(node, properties.anchor)?;
        read(self, place, depth + 1)?;
        Ok(place)
    }

    fn alias(&mut self) -> Result<usize, YamlFault> {
        let target = match self.scanner.take()? {
            Token::Alias(name) => self.anchors.get(&name).copied(),
            _ => None,
        };
        self.add(Node::Alias(target.ok_or(YamlFault::Syntax("unknown anchor referenced"))?), None)
    }

    fn scalar(&mut self, properties: Properties) -> Result<usize, YamlFault> {
        let Token::Scalar { text, plain } = self.scanner.take()? else { return self.nothing(properties) };
        let plain = plain && properties.tag.is_none();
        self.add(Node::Scalar(Scalar { text, tag: properties.tag, plain }), properties.anchor)
    }

    /// Puts a node into a list or a map.
    fn put(&mut self, collection: usize, item: usize) {
        if let Some(Node::List(items) | Node::Map(items)) = self.tree.nodes.get_mut(collection) {
            items.push(item);
        }
    }

    /// A node, or one that is not written if one of these tokens is next.
    fn item(
        &mut self,
        collection: usize,
        context: Context,
        ends: &[Token],
        depth: usize,
    ) -> Result<(), YamlFault> {
        let item = if self.is_next(ends)? {
            self.nothing(Properties::default())?
        } else {
            self.node(context, depth)?
        };
        self.put(collection, item);
        Ok(())
    }

    fn block_list(&mut self, list: usize, depth: usize) -> Result<(), YamlFault> {
        self.scanner.take()?;
        while self.took(&Token::BlockEntry)? {
            self.item(list, Context::Block, &[Token::BlockEntry, Token::BlockEnd], depth)?;
        }
        if self.took(&Token::BlockEnd)? {
            Ok(())
        } else {
            Err(self.fault("did not find expected '-' indicator"))
        }
    }

    fn same_indent_list(&mut self, list: usize, depth: usize) -> Result<(), YamlFault> {
        while self.took(&Token::BlockEntry)? {
            let ends = [Token::BlockEntry, Token::Key, Token::Value, Token::BlockEnd];
            self.item(list, Context::Block, &ends, depth)?;
        }
        Ok(())
    }

    fn block_map(&mut self, map: usize, depth: usize) -> Result<(), YamlFault> {
        const ENDS: &[Token] = &[Token::Key, Token::Value, Token::BlockEnd];
        self.scanner.take()?;
        loop {
            if self.took(&Token::BlockEnd)? {
                return Ok(());
            }
            if !self.took(&Token::Key)? {
                return Err(self.fault("did not find expected key"));
            }
            self.item(map, Context::BlockOrSameIndent, ENDS, depth)?;
            if self.took(&Token::Value)? {
                self.item(map, Context::BlockOrSameIndent, ENDS, depth)?;
            } else {
                let value = self.nothing(Properties::default())?;
                self.put(map, value);
            }
        }
    }

    fn flow_list(&mut self, list: usize, depth: usize) -> Result<(), YamlFault> {
        self.scanner.take()?;
        let mut first = true;
        loop {
            if self.took(&Token::FlowListEnd)? {
                return Ok(());
            }
            if !first && !self.took(&Token::FlowEntry)? {
                return Err(self.fault("did not find expected ',' or ']'"));
            }
            first = false;
            if self.took(&Token::FlowListEnd)? {
                return Ok(());
            }
            if self.took(&Token::Key)? {
                let map = self.add(Node::Map(Vec::new()), None)?;
                self.put(list, map);
                self.pair(map, depth + 1)?;
            } else {
                let item = self.node(Context::Flow, depth)?;
                self.put(list, item);
            }
        }
    }

    /// A key in a list: a map of one entry.
    fn pair(&mut self, map: usize, depth: usize) -> Result<(), YamlFault> {
        let ends = [Token::FlowEntry, Token::FlowListEnd];
        if self.is_next(&[Token::Value, Token::FlowEntry, Token::FlowListEnd])? {
            // Whatever ends the key here is lost, as in upstream.
            self.scanner.take()?;
            let key = self.nothing(Properties::default())?;
            self.put(map, key);
        } else {
            let key = self.node(Context::Flow, depth)?;
            self.put(map, key);
        }
        if self.took(&Token::Value)? {
            return self.item(map, Context::Flow, &ends, depth);
        }
        let value = self.nothing(Properties::default())?;
        self.put(map, value);
        Ok(())
    }

    fn flow_map(&mut self, map: usize, depth: usize) -> Result<(), YamlFault> {
        const ENDS: &[Token] = &[Token::FlowEntry, Token::FlowMapEnd];
        self.scanner.take()?;
        let mut first = true;
        loop {
            if self.took(&Token::FlowMapEnd)? {
                return Ok(());
            }
            if !first && !self.took(&Token::FlowEntry)? {
                return Err(self.fault("did not find expected ',' or '}'"));
            }
            first = false;
            if self.took(&Token::FlowMapEnd)? {
                return Ok(());
            }
            let key = self.took(&Token::Key)?;
            if key {
                self.item(map, Context::Flow, &[Token::Value, Token::FlowEntry, Token::FlowMapEnd], depth)?;
            } else {
                let item = self.node(Context::Flow, depth)?;
                self.put(map, item);
            }
            if key && self.took(&Token::Value)? {
                self.item(map, Context::Flow, ENDS, depth)?;
            } else {
                let value = self.nothing(Properties::default())?;
                self.put(map, value);
            }
        }
    }
}
