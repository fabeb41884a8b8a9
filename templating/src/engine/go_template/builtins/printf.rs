//! `printf`: reads the format and gives each verb its argument.

use super::super::buffer::Buffer;
use super::raised;
use super::spec::{Printer, Spec};
use crate::funcs::{Failure, Scope};
use crate::value::{Value, type_name};

/// Largest width, precision or number of an argument.
const LARGEST: i128 = 1_000_000;

pub(super) fn printf(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let Some((Value::Text(format), arguments)) = arguments.split_first() else {
        return raised("a format is missing");
    };
    let mut printer = Printer { scope, output: Buffer::default() };
    let mut reader = Reader {
        format,
        at: 0,
        arguments,
        next: 0,
        reordered: false,
        is_right: true,
        brackets_end: format.iter().rposition(|byte| *byte == b']').unwrap_or_default(),
    };
    reader.print(&mut printer)?;
    Ok(Value::text(printer.output.take()))
}

/// The state of reading a format.
struct Reader<'f> {
    format: &'f [u8],
    at: usize,
    arguments: &'f [Value],
    /// The argument of the next verb.
    next: usize,
    /// True once an argument was named by its number: then nothing is said about those that are left.
    reordered: bool,
    /// False if the number of an argument is wrong in this verb.
    is_right: bool,
    /// Where the last closing bracket is: beyond it none has to be looked for.
    brackets_end: usize,
}

impl Reader<'_> {
    fn print(&mut self, printer: &mut Printer<'_, '_>) -> Result<(), Failure> {
        while let Some(rest) = self.format.get(self.at..).filter(|rest| !rest.is_empty()) {
            let plain = rest.iter().position(|byte| *byte == b'%').unwrap_or(rest.len());
            printer.write(rest.get(..plain).unwrap_or_default())?;
            self.at += plain;
            if plain < rest.len() {
                printer.scope.spend_steps(1)?;
                self.at += 1;
                self.verb(printer)?;
            }
        }
        if !self.reordered && self.next < self.arguments.len() {
            self.extra(printer)?;
        }
        Ok(())
    }

    fn byte(&self) -> Option<u8> {
        self.format.get(self.at).copied()
    }

    /// Everything after a percent sign.
    fn verb(&mut self, printer: &mut Printer<'_, '_>) -> Result<(), Failure> {
        self.is_right = true;
        let mut spec = self.flags();
        let mut after_number = self.argument_number();
        self.width(printer, &mut spec, &mut after_number)?;
        self.precision(printer, &mut spec, &mut after_number)?;
        if !after_number {
            self.argument_number();
        }
        let Some(verb) = self.verb_character() else { return printer.write(b"%!(NOVERB)") };
        if verb == '%' {
            return printer.write(b"%");
        }
        if !self.is_right {
            return printer.write(format!("%!{verb}(BADINDEX)").as_bytes());
        }
        let Some(argument) = self.arguments.get(self.next) else {
            return printer.write(format!("%!{verb}(MISSING)").as_bytes());
        };
        if matches!(verb, 'v' | 'w') {
            spec.go_syntax = spec.sharp;
            spec.sharp = false;
            spec.plus = false;
        }
        self.next += 1;
        printer.argument(spec, argument, verb)
    }

    fn flags(&mut self) -> Spec {
        let mut spec = Spec::default();
        while let Some(byte) = self.byte() {
            match byte {
                b'#' => spec.sharp = true,
                b'0' => spec.zero = true,
                b'+' => spec.plus = true,
                b'-' => spec.minus = true,
                b' ' => spec.space = true,
                _ => break,
            }
            self.at += 1;
        }
        spec
    }

    fn width(
        &mut self,
        printer: &mut Printer<'_, '_>,
        spec: &mut Spec,
        after_number: &mut bool,
    ) -> Result<(), Failure> {
        if self.byte() != Some(b'*') {
            spec.width = self.digits();
            if *after_number && spec.width.is_some() {
                self.is_right = false;
            }
            return Ok(());
        }
        self.at += 1;
        *after_number = false;
        let Some(width) = self.whole_argument() else { return printer.write(b"%!(BADWIDTH)") };
        spec.width = usize::try_from(width.unsigned_abs()).ok();
        if width < 0 {
            spec.minus = true;
            spec.zero = false;
        }
        Ok(())
    }

    fn precision(
        &mut self,
        printer: &mut Printer<'_, '_>,
        spec: &mut Spec,
        after_number: &mut bool,
    ) -> Result<(), Failure> {
        if self.byte() != Some(b'.') || self.at + 1 >= self.format.len() {
            return Ok(());
        }
        self.at += 1;
        if *after_number {
            self.is_right = false;
        }
        *after_number = self.argument_number();
        if self.byte() != Some(b'*') {
            spec.precision = Some(self.digits().unwrap_or_default());
            return Ok(());
        }
        self.at += 1;
        *after_number = false;
        spec.precision = self.whole_argument().and_then(|precision| usize::try_from(precision).ok());
        if spec.precision.is_none() { printer.write(b"%!(BADPREC)") } else { Ok(()) }
    }

    /// A number in the format. One that is too large ends the format.
    fn digits(&mut self) -> Option<usize> {
        let mut number: Option<i128> = None;
        while let Some(digit) = self.byte().filter(u8::is_ascii_digit) {
            if number.is_some_and(|number| number > LARGEST) {
                self.at = self.format.len();
                return None;
            }
            number = Some(number.unwrap_or_default() * 10 + i128::from(digit - b'0'));
            self.at += 1;
        }
        number.and_then(|number| usize::try_from(number).ok())
    }

    /// The argument for a `*`.
    fn whole_argument(&mut self) -> Option<i128> {
        let argument = self.arguments.get(self.next)?;
        self.next += 1;
        let number = match argument {
            Value::Int(number) => Some(*number),
            Value::Object(object) => object.integer(),
            _ => None,
        };
        number.map(|number| number.value).filter(|number| (-LARGEST..=LARGEST).contains(number))
    }

    /// `[3]`: the number of the next argument. True if there is one, even one that does not exist.
    fn argument_number(&mut self) -> bool {
        if self.byte() != Some(b'[') {
            return false;
        }
        self.reordered = true;
        let rest = self.format.get(self.at..).unwrap_or_default();
        let closing =
            if self.at > self.brackets_end { None } else { rest.iter().position(|byte| *byte == b']') };
        let Some(length) = closing.filter(|_| rest.len() > 2) else {
            self.at += 1;
            self.is_right = false;
            return false;
        };
        let number = bracketed(rest.get(1..length).unwrap_or_default());
        self.at += length + 1;
        let index = number.and_then(|number| usize::try_from(number - 1).ok());
        match index.filter(|index| *index < self.arguments.len()) {
            Some(index) => self.next = index,
            None => self.is_right = false,
        }
        // Go takes any number here, but not what is no number.
        number.is_some()
    }

    fn verb_character(&mut self) -> Option<char> {
        let rest = self.format.get(self.at..).filter(|rest| !rest.is_empty())?;
        let valid = rest.get(..rest.len().min(4))?.utf8_chunks().next()?.valid().chars().next();
        self.at += valid.map_or(1, char::len_utf8);
        Some(valid.unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    /// `%!(EXTRA int=1)`
    fn extra(&self, printer: &mut Printer<'_, '_>) -> Result<(), Failure> {
        printer.write(b"%!(EXTRA ")?;
        for (index, value) in self.arguments.iter().skip(self.next).enumerate() {
            if index > 0 {
                printer.write(b", ")?;
            }
            if !matches!(value, Value::Nil) {
                printer.write(format!("{}=", type_name(value)).as_bytes())?;
            }
            printer.argument(Spec::default(), value, 'v')?;
        }
        printer.write(b")")
    }
}

/// The digits between brackets as a number.
fn bracketed(digits: &[u8]) -> Option<i128> {
    let mut number: Option<i128> = None;
    for digit in digits {
        if !digit.is_ascii_digit() || number.is_some_and(|number| number > LARGEST) {
            return None;
        }
        number = Some(number.unwrap_or_default() * 10 + i128::from(digit - b'0'));
    }
    number
}
