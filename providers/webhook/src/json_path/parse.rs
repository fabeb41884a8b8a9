//! Reads a path.

use serde_json::Value;

use super::{Comparison, Expression, JsonPath, MAX_BYTES, MAX_DEPTH, PathError, Segment, Selector};

type Result<T> = std::result::Result<T, PathError>;

impl JsonPath {
    /// The path in `text`, which begins with `$`.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        if text.len() > MAX_BYTES {
            return Err(PathError::Limit("is too long"));
        }
        let mut parser = Parser { text: text.trim(), at: 0, depth: 0 };
        if !parser.take("$") {
            return Err(parser.fault("it must begin with $"));
        }
        let segments = parser.segments()?;
        if parser.rest().is_empty() {
            Ok(Self { segments })
        } else {
            Err(parser.fault("unexpected character"))
        }
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn take(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn space(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    /// Takes `token` after white space.
    fn next(&mut self, token: &str) -> bool {
        self.space();
        self.take(token)
    }

    fn fault(&self, what: &'static str) -> PathError {
        PathError::Syntax(what, self.at)
    }

    fn expect(&mut self, token: &str, what: &'static str) -> Result<()> {
        if self.next(token) { Ok(()) } else { Err(self.fault(what)) }
    }

    fn segments(&mut self) -> Result<Vec<Segment>> {
        let mut segments = Vec::new();
        loop {
            if self.take("..") {
                let selector = if self.take("[") { self.brackets()? } else { self.name_or_all()? };
                segments.push(Segment::Deep(selector));
            } else if self.take(".") {
                segments.push(Segment::Child(self.name_or_all()?));
            } else if self.take("[") {
                segments.push(Segment::Child(self.brackets()?));
            } else {
                return Ok(segments);
            }
        }
    }

    fn name_or_all(&mut self) -> Result<Selector> {
        if self.take("*") {
            return Ok(Selector::All);
        }
        let end = self.rest().find(|letter: char| !letter.is_alphanumeric() && !matches!(letter, '_' | '-'));
        let name = self.rest().get(..end.unwrap_or(self.rest().len())).unwrap_or_default().to_owned();
        if name.is_empty() {
            return Err(self.fault("a name is missing"));
        }
        self.at += name.len();
        Ok(Selector::Name(name))
    }

    fn brackets(&mut self) -> Result<Selector> {
        if self.next("?") {
            let filter = self.either()?;
            self.expect("]", "a ] is missing")?;
            return Ok(Selector::Filter(filter));
        }
        let mut selectors = vec![self.selector()?];
        while self.next(",") {
            selectors.push(self.selector()?);
        }
        self.expect("]", "a ] is missing")?;
        match selectors.pop() {
            Some(only) if selectors.is_empty() => Ok(only),
            last => {
                selectors.extend(last);
                Ok(Selector::Several(selectors))
            }
        }
    }

    fn selector(&mut self) -> Result<Selector> {
        self.space();
        if self.take("*") {
            return Ok(Selector::All);
        }
        if let Some(text) = self.quoted()? {
            return Ok(Selector::Name(text));
        }
        let start = self.integer()?;
        if !self.next(":") {
            return start.map(Selector::Index).ok_or_else(|| self.fault("a name or number is missing"));
        }
        self.space();
        let end = self.integer()?;
        let step = if self.next(":") { self.integer()?.unwrap_or(1) } else { 1 };
        if step < 1 {
            return Err(self.fault("a step must be positive"));
        }
        Ok(Selector::Slice { start, end, step })
    }

    fn integer(&mut self) -> Result<Option<i64>> {
        let digits = |letter: char| !letter.is_ascii_digit() && letter != '-';
        let end = self.rest().find(digits).unwrap_or(self.rest().len());
        let text = self.rest().get(..end).unwrap_or_default();
        if text.is_empty() {
            return Ok(None);
        }
        let number = text.parse().map_err(|_| self.fault("not a whole number"))?;
        self.at += end;
        Ok(Some(number))
    }

    /// A text in single or double quotes, if one begins here.
    fn quoted(&mut self) -> Result<Option<String>> {
        let Some(quote) = self.rest().chars().next().filter(|letter| matches!(letter, '"' | '\'')) else {
            return Ok(None);
        };
        let mut text = String::new();
        let mut escaped = false;
        for (place, letter) in self.rest().char_indices().skip(1) {
            match letter {
                '\\' if !escaped => escaped = true,
                _ if escaped => {
                    text.push(match letter {
                        'n' => '\n',
                        't' => '\t',
                        other => other,
                    });
                    escaped = false;
                }
                _ if letter == quote => {
                    self.at += place + 1;
                    return Ok(Some(text));
                }
                _ => text.push(letter),
            }
        }
        Err(self.fault("a quote is not closed"))
    }

    fn deeper<T>(&mut self, part: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(PathError::Limit("is nested too deeply"));
        }
        let parsed = part(self);
        self.depth -= 1;
        parsed
    }

    fn either(&mut self) -> Result<Expression> {
        let mut left = self.both()?;
        while self.next("||") {
            left = Expression::Either(Box::new(left), Box::new(self.both()?));
        }
        Ok(left)
    }

    fn both(&mut self) -> Result<Expression> {
        let mut left = self.comparison()?;
        while self.next("&&") {
            left = Expression::Both(Box::new(left), Box::new(self.comparison()?));
        }
        Ok(left)
    }

    fn comparison(&mut self) -> Result<Expression> {
        const OPERATORS: [(&str, Comparison); 6] = [
            ("==", Comparison::Equal),
            ("!=", Comparison::Unequal),
            ("<=", Comparison::LessOrEqual),
            (">=", Comparison::GreaterOrEqual),
            ("<", Comparison::Less),
            (">", Comparison::Greater),
        ];
        let left = self.operand()?;
        self.space();
        let operator = OPERATORS.into_iter().find(|(token, _)| self.take(token));
        let Some((_, operator)) = operator else { return Ok(left) };
        Ok(Expression::Compare(operator, Box::new(left), Box::new(self.operand()?)))
    }

    fn operand(&mut self) -> Result<Expression> {
        self.deeper(|parser| {
            parser.space();
            if parser.take("!") {
                return Ok(Expression::Not(Box::new(parser.operand()?)));
            }
            if parser.take("(") {
                let inner = parser.either()?;
                parser.expect(")", "a ) is missing")?;
                return Ok(inner);
            }
            if parser.take("@") {
                return Ok(Expression::Here(parser.segments()?));
            }
            if parser.take("$") {
                return Ok(Expression::Root(parser.segments()?));
            }
            parser.literal().map(Expression::Literal)
        })
    }

    fn literal(&mut self) -> Result<Value> {
        if let Some(text) = self.quoted()? {
            return Ok(Value::String(text));
        }
        for (word, value) in
            [("true", Value::Bool(true)), ("false", Value::Bool(false)), ("null", Value::Null)]
        {
            if self.take(word) {
                return Ok(value);
            }
        }
        let part = |letter: char| !letter.is_ascii_digit() && !matches!(letter, '-' | '+' | '.' | 'e' | 'E');
        let end = self.rest().find(part).unwrap_or(self.rest().len());
        let number = self.rest().get(..end).and_then(|text| text.parse::<f64>().ok());
        let number =
            number.and_then(serde_json::Number::from_f64).ok_or_else(|| self.fault("a value is missing"))?;
        self.at += end;
        Ok(Value::Number(number))
    }
}
