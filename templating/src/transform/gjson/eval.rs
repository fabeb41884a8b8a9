//! Follows a gjson path through a document, within a bounded amount of work.

use std::borrow::Cow;

use super::multipath;
use super::path::{ArrayStep, ObjectStep, Pick, Rest, array_step, object_step, split_at_pipe};
use super::query::Query;
use super::scan::{byte, quoted, span, tail};
use super::value::{Kind, Value, next, outline, parsed, unescaped};
use super::{GjsonError, modifiers, pattern};
use crate::limits::{MAX_BUILT_BYTES, MAX_DEPTH, MAX_SCANNED_BYTES};

/// What following a path costs at least, in bytes read.
const STEP: usize = 16;

/// The work one path has cost so far. Once a limit is passed, everything else is missing.
#[derive(Default)]
pub(super) struct Work {
    depth: usize,
    built: usize,
    scanned: usize,
    pub(super) exceeded: Option<GjsonError>,
}

impl Work {
    /// Counts bytes that a step has built; false if they are too many.
    pub(super) fn built(&mut self, bytes: usize) -> bool {
        self.built = self.built.saturating_add(bytes);
        if self.built > MAX_BUILT_BYTES {
            self.exceeded = Some(GjsonError::TooLarge);
        }
        self.exceeded.is_none()
    }

    /// Counts bytes that a step reads; false if they are too many.
    pub(super) fn scanned(&mut self, bytes: usize) -> bool {
        self.scanned = self.scanned.saturating_add(bytes);
        if self.scanned > MAX_SCANNED_BYTES {
            self.exceeded = Some(GjsonError::TooLarge);
        }
        self.exceeded.is_none()
    }

    /// Runs `inner` one level deeper, or not at all.
    pub(super) fn deeper<T>(&mut self, otherwise: T, inner: impl FnOnce(&mut Self) -> T) -> T {
        if self.depth >= MAX_DEPTH {
            self.exceeded = Some(GjsonError::TooDeep);
        }
        if self.exceeded.is_some() {
            return otherwise;
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }

    /// What `path` leads to in `text`.
    pub(super) fn get<'a>(&mut self, text: &'a [u8], path: &[u8]) -> Value<'a> {
        if !self.scanned(STEP + path.len()) {
            return Value::MISSING;
        }
        self.deeper(Value::MISSING, |work| work.get_here(text, path))
    }

    fn get_here<'a>(&mut self, text: &'a [u8], path: &[u8]) -> Value<'a> {
        let mut path = path;
        if path.len() > 1 {
            let special = match byte(path, 0) {
                b'@' => modifiers::applied(self, text, path),
                b'!' => multipath::literal(path),
                b'{' | b'[' => {
                    let (value, rest) = multipath::built(self, text, path);
                    path = rest;
                    value.map(|value| (value.into_raw(), rest))
                }
                _ => None,
            };
            if let Some((result, rest)) = special {
                let piped = matches!(byte(rest, 0), b'.' | b'|');
                return if piped { self.pipe(result, tail(rest, 1)) } else { parsed(result) };
            }
        }
        let mut walk = Walk { text, work: self, pipe: None, found: Value::MISSING };
        if let Some(rest) = path.strip_prefix(b"..") {
            walk.array(0, rest);
        } else if let Some(start) = text.iter().position(|found| matches!(found, b'{' | b'[')) {
            walk.step_into(start, path);
        }
        let Walk { pipe, found, .. } = walk;
        match pipe {
            Some(path) => self.pipe(found.into_raw(), path),
            None => found,
        }
    }

    fn pipe<'a>(&mut self, text: Cow<'a, [u8]>, path: &[u8]) -> Value<'a> {
        match text {
            Cow::Borrowed(text) => self.get(text, path),
            Cow::Owned(text) => self.get(&text, path).into_owned(),
        }
    }
}

/// One path on its way through one text.
struct Walk<'a, 'p, 'w> {
    text: &'a [u8],
    work: &'w mut Work,
    /// The path to apply to what is found.
    pipe: Option<&'p [u8]>,
    found: Value<'a>,
}

/// Where a step ended, and whether it has found what was sought.
type Step = (usize, bool);

impl<'a, 'p> Walk<'a, 'p, '_> {
    /// Follows `path` into the object or array whose bracket is at `start`.
    fn step_into(&mut self, start: usize, path: &'p [u8]) -> Step {
        let end = (self.text.len(), false);
        if self.work.depth >= MAX_DEPTH {
            self.work.exceeded = Some(GjsonError::TooDeep);
            return end;
        }
        self.work.depth += 1;
        let step = if byte(self.text, start) == b'{' {
            self.object(start + 1, path)
        } else {
            self.array(start + 1, path)
        };
        self.work.depth -= 1;
        step
    }

    fn object(&mut self, start: usize, path: &'p [u8]) -> Step {
        let step = object_step(path);
        if let Rest::Pipe(path) = step.rest {
            self.pipe = Some(path);
        }
        let mut at = start;
        while at < self.text.len() {
            match byte(self.text, at) {
                b'}' => return (at + 1, false),
                b'"' => {}
                _ => {
                    at += 1;
                    continue;
                }
            }
            let name = quoted(self.text, at);
            if !name.closed {
                return (name.end, false);
            }
            let fits = self.fits(&step, span(self.text, at + 1, name.end - 1), name.escaped);
            let Some((start, kind, end)) = self.value_after(name.end) else {
                return (self.text.len(), false);
            };
            at = end;
            if !fits {
                continue;
            }
            match step.rest {
                Rest::Inside(path) if kind == Kind::Json => {
                    let (end, found) = self.step_into(start, path);
                    if found {
                        return (end, true);
                    }
                    at = end;
                }
                Rest::Inside(_) => {}
                Rest::End | Rest::Pipe(_) => {
                    self.found = Value::new(kind, span(self.text, start, end));
                    return (end, true);
                }
            }
        }
        (at, false)
    }

    /// Whether a member's name, as it stands in the document, is the one that is sought.
    fn fits(&mut self, step: &ObjectStep<'_>, name: &[u8], escaped: bool) -> bool {
        let name = if escaped { Cow::Owned(unescaped(name)) } else { Cow::Borrowed(name) };
        if !step.wild {
            return name == step.name;
        }
        self.work.scanned(pattern::cost(&name, &step.name)) && pattern::matches(&name, &step.name)
    }

    /// Start, kind and end of the next value, whatever stands before it. A string without end is none.
    fn value_after(&mut self, from: usize) -> Option<(usize, Kind, usize)> {
        let (start, (kind, end)) =
            (from..self.text.len()).find_map(|at| outline(self.text, at).map(|found| (at, found)))?;
        let whole = kind != Kind::String || quoted(self.text, start).closed;
        (whole && self.work.scanned(end - from)).then_some((start, kind, end))
    }

    fn array(&mut self, start: usize, path: &'p [u8]) -> Step {
        let ArrayStep { pick, rest } = array_step(path);
        if let Rest::Pipe(path) = rest {
            self.pipe = Some(path);
        }
        match pick {
            Pick::Index(wanted) => self.element(start, wanted, rest),
            Pick::Count => self.collected(start, None),
            Pick::Collect(path) => self.collected(start, Some(path)),
            Pick::Query(query) => self.queried(start, &query, rest),
            Pick::Nothing => self.element(start, None, rest),
        }
    }

    /// The next element at or after `from`, or the index after the array's end.
    fn element_after(&mut self, from: usize) -> Result<(usize, Kind, usize), usize> {
        let mut at = from;
        loop {
            match self.text.get(at) {
                // An array may end with the text, but not inside a string.
                None if at > self.text.len() => return Err(usize::MAX),
                None | Some(b']') => return Err(at + 1),
                Some(_) => {}
            }
            if let Some((kind, end)) = outline(self.text, at) {
                let whole = kind != Kind::String || quoted(self.text, at).closed;
                let counted = self.work.scanned(end - from);
                return if whole && counted { Ok((at, kind, end)) } else { Err(usize::MAX) };
            }
            at += 1;
        }
    }

    fn element(&mut self, from: usize, wanted: Option<usize>, rest: Rest<'p>) -> Step {
        let mut at = from;
        let mut index = 0;
        loop {
            let (start, kind, end) = match self.element_after(at) {
                Ok(element) => element,
                Err(end) => return (end.min(self.text.len()), false),
            };
            at = end;
            let meant = wanted == Some(index);
            index += 1;
            if !meant {
                continue;
            }
            match rest {
                Rest::Inside(path) if kind == Kind::Json => {
                    let (end, found) = self.step_into(start, path);
                    if found {
                        return (end, true);
                    }
                    at = end;
                }
                Rest::Inside(_) => {}
                Rest::End | Rest::Pipe(_) => {
                    self.found = Value::new(kind, span(self.text, start, end));
                    return (end, true);
                }
            }
        }
    }

    /// `#` without a path, `#.path` with one.
    fn collected(&mut self, from: usize, path: Option<&'p [u8]>) -> Step {
        let path = path.map(|path| self.split(path));
        let mut count = 0_usize;
        let mut list = vec![b'['];
        let mut at = from;
        let end = loop {
            let (start, _, end) = match self.element_after(at) {
                Ok(element) => element,
                Err(usize::MAX) => return (self.text.len(), false),
                Err(end) => break end,
            };
            at = end;
            count += 1;
            if let Some(path) = path {
                let value = self.work.get(span(self.text, start, end), path);
                self.append(&mut list, &value);
            }
        };
        self.found = if path.is_some() {
            list.push(b']');
            Value::new(Kind::Json, list)
        } else {
            Value::new(Kind::Number, count.to_string().into_bytes())
        };
        (end.min(self.text.len()), true)
    }

    fn queried(&mut self, from: usize, query: &Query<'p>, rest: Rest<'p>) -> Step {
        let mut list = vec![b'['];
        let mut inside = if let Rest::Inside(path) = rest { Some(path) } else { None };
        let mut split = false;
        let mut at = from;
        loop {
            let (start, kind, end) = match self.element_after(at) {
                Ok(element) => element,
                Err(usize::MAX) => return (self.text.len(), false),
                Err(end) => {
                    // A member of the same name may already have answered.
                    if query.all && !self.found.exists() {
                        list.push(b']');
                        self.found = Value::new(Kind::Json, list);
                    }
                    return (end.min(self.text.len()), false);
                }
            };
            at = end;
            let element = Value::new(kind, span(self.text, start, end));
            if !self.meets(query, &element) {
                continue;
            }
            if let (false, Some(path)) = (split, inside) {
                inside = Some(self.split(path));
                split = true;
            }
            let value = match inside {
                Some(path) => self.work.get(span(self.text, start, end), path),
                None => element,
            };
            if !query.all {
                self.found = value;
                return (end, true);
            }
            self.append(&mut list, &value);
        }
    }

    fn meets(&mut self, query: &Query<'_>, element: &Value<'a>) -> bool {
        if element.kind() == Kind::Json {
            let found = self.work.get(element.raw(), query.path);
            return self.work.scanned(query.cost(&found)) && query.met_by(&found);
        }
        query.path.is_empty() && self.work.scanned(query.cost(element)) && query.met_by(element)
    }

    /// Takes a pipe that applies to all elements together off the path for each of them.
    fn split(&mut self, path: &'p [u8]) -> &'p [u8] {
        let Some((each, all)) = split_at_pipe(path) else { return path };
        self.pipe = Some(all);
        each
    }

    fn append(&mut self, list: &mut Vec<u8>, value: &Value<'_>) {
        if !value.exists() || !self.work.built(value.raw().len() + 1) {
            return;
        }
        if list.len() > 1 {
            list.push(b',');
        }
        list.extend_from_slice(value.raw());
    }
}

/// Calls `visit` with the name (none in an array) and value of every member of `value`; for any other value
/// once with itself.
pub(super) fn each<'v>(value: &'v Value<'_>, mut visit: impl FnMut(Option<&'v [u8]>, Value<'v>)) {
    let text: &'v [u8] = value.raw();
    if value.kind() != Kind::Json {
        if value.exists() {
            visit(None, Value::new(value.kind(), text));
        }
        return;
    }
    let object = byte(text, 0) == b'{';
    let mut at = 1;
    while at < text.len() {
        let mut name = None;
        if object {
            if byte(text, at) != b'"' {
                at += 1;
                continue;
            }
            let found = quoted(text, at);
            if !found.closed {
                return;
            }
            name = Some(span(text, at, found.end));
            at = found.end;
        }
        let Some((value, end)) = next(text, at) else { return };
        at = end;
        visit(name, value);
    }
}
