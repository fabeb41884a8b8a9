//! Decides how one text, number or character looks under a verb's flags, width and precision.

use super::super::buffer::Buffer;
use crate::funcs::{Failure, Scope};
use crate::value::{Charset, Form, formatted, is_printable, quoted_character, quoted_with};

/// Flags, width and precision of one verb.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spec {
    pub(super) minus: bool,
    pub(super) plus: bool,
    pub(super) sharp: bool,
    pub(super) space: bool,
    pub(super) zero: bool,
    /// `%#v`: Go syntax.
    pub(super) go_syntax: bool,
    pub(super) width: Option<usize>,
    pub(super) precision: Option<usize>,
}

/// Where formatted text goes. All of it is paid for.
pub(super) struct Printer<'a, 's> {
    pub(super) scope: &'a mut Scope<'s>,
    pub(super) output: Buffer,
}

/// A whole number as Go's fmt sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Whole {
    pub(super) negative: bool,
    pub(super) magnitude: u64,
    pub(super) is_signed: bool,
}

impl Whole {
    /// The bits as an unsigned number.
    fn bits(self) -> u64 {
        if self.negative { self.magnitude.wrapping_neg() } else { self.magnitude }
    }

    /// The character with this number.
    fn character(self) -> char {
        u32::try_from(self.bits()).ok().and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER)
    }
}

impl Printer<'_, '_> {
    pub(super) fn write(&mut self, text: &[u8]) -> Result<(), Failure> {
        self.scope.spend_bytes(text.len())?;
        self.output.extend(text);
        Ok(())
    }

    fn repeat(&mut self, byte: u8, count: usize) -> Result<(), Failure> {
        if count > 0 {
            self.scope.spend_bytes(count)?;
            self.output.extend(&vec![byte; count]);
        }
        Ok(())
    }

    /// Text as wide as asked for. Only what is on the left is filled with zeros.
    pub(super) fn padded(&mut self, spec: Spec, text: &[u8]) -> Result<(), Failure> {
        let missing = spec.width.unwrap_or_default().saturating_sub(characters(text));
        let filler = if spec.zero && !spec.minus { b'0' } else { b' ' };
        if !spec.minus {
            self.repeat(filler, missing)?;
        }
        self.write(text)?;
        if spec.minus { self.repeat(filler, missing) } else { Ok(()) }
    }

    /// `%s`
    pub(super) fn text(&mut self, spec: Spec, text: &[u8]) -> Result<(), Failure> {
        self.padded(spec, truncated(text, spec.precision))
    }

    /// `%q`
    pub(super) fn quoted(&mut self, spec: Spec, text: &[u8]) -> Result<(), Failure> {
        let text = truncated(text, spec.precision);
        self.scope.leaves_bytes(text.len().saturating_mul(4))?;
        if spec.sharp && may_stand_in_backquotes(text) {
            return self.padded(spec, &[b"`", text, b"`"].concat());
        }
        let charset = if spec.plus { Charset::Ascii } else { Charset::Unicode };
        self.padded(spec, &zeroize::Zeroizing::new(quoted_with(text, charset)))
    }

    /// `%x` and `%X` of text.
    pub(super) fn hexadecimal_text(&mut self, spec: Spec, text: &[u8], upper: bool) -> Result<(), Failure> {
        let text = text.get(..spec.precision.unwrap_or(text.len())).unwrap_or(text);
        if text.is_empty() {
            let filler = if spec.zero && !spec.minus { b'0' } else { b' ' };
            return self.repeat(filler, spec.width.unwrap_or_default());
        }
        self.scope.leaves_bytes(text.len().saturating_mul(5))?;
        let prefix = if upper { "0X" } else { "0x" };
        let mut shown = zeroize::Zeroizing::new(String::with_capacity(text.len() * 5));
        for (index, byte) in text.iter().enumerate() {
            if spec.space && index > 0 {
                shown.push(' ');
            }
            if spec.sharp && (spec.space || index == 0) {
                shown.push_str(prefix);
            }
            for digit in [byte >> 4, byte & 15] {
                let digit = char::from_digit(u32::from(digit), 16).unwrap_or('0');
                shown.push(if upper { digit.to_ascii_uppercase() } else { digit });
            }
        }
        self.padded(spec, shown.as_bytes())
    }

    /// `%d`, `%b`, `%o`, `%O`, `%x` and `%X` of a number.
    pub(super) fn whole(&mut self, spec: Spec, number: Whole, verb: char) -> Result<(), Failure> {
        let bare = Spec { zero: false, ..spec };
        let magnitude = number.magnitude;
        if spec.precision == Some(0) && magnitude == 0 {
            return self.repeat(b' ', spec.width.unwrap_or_default());
        }
        let mut digits = match verb {
            'b' => format!("{magnitude:b}"),
            'o' | 'O' => format!("{magnitude:o}"),
            'x' => format!("{magnitude:x}"),
            'X' => format!("{magnitude:X}"),
            _ => magnitude.to_string(),
        };
        let sign = sign(spec, number.negative);
        let wanted = match (spec.precision, spec.width) {
            (Some(precision), _) => precision,
            (None, Some(width)) if spec.zero && !spec.minus => width.saturating_sub(sign.len()),
            _ => 0,
        };
        if wanted > digits.len() {
            self.scope.leaves_bytes(wanted)?;
            digits.insert_str(0, &"0".repeat(wanted - digits.len()));
        }
        let prefix = match verb {
            'b' if spec.sharp => "0b",
            'o' if spec.sharp && !digits.starts_with('0') => "0",
            'O' if spec.sharp && !digits.starts_with('0') => "0o0",
            'O' => "0o",
            'x' if spec.sharp => "0x",
            'X' if spec.sharp => "0X",
            _ => "",
        };
        self.padded(bare, format!("{sign}{prefix}{digits}").as_bytes())
    }

    /// `%c`
    pub(super) fn character(&mut self, spec: Spec, number: Whole) -> Result<(), Failure> {
        self.padded(spec, number.character().encode_utf8(&mut [0; 4]).as_bytes())
    }

    /// `%q` of a number.
    pub(super) fn quoted_character(&mut self, spec: Spec, number: Whole) -> Result<(), Failure> {
        let charset = if spec.plus { Charset::Ascii } else { Charset::Unicode };
        self.padded(spec, &quoted_character(number.character(), charset))
    }

    /// `%U`
    pub(super) fn code_point(&mut self, spec: Spec, number: Whole) -> Result<(), Failure> {
        let digits = spec.precision.unwrap_or_default().max(4);
        self.scope.leaves_bytes(digits)?;
        let hexadecimal = format!("{:X}", number.bits());
        let zeros = "0".repeat(digits.saturating_sub(hexadecimal.len()));
        let mut text = format!("U+{zeros}{hexadecimal}");
        let character = u32::try_from(number.bits()).ok().and_then(char::from_u32);
        if let Some(character) = character.filter(|found| spec.sharp && is_printable(*found)) {
            text.extend([" '", character.encode_utf8(&mut [0; 4]), "'"]);
        }
        self.padded(Spec { zero: false, ..spec }, text.as_bytes())
    }

    /// `%e`, `%f`, `%g` and their like.
    pub(super) fn float(&mut self, spec: Spec, number: f64, verb: char) -> Result<(), Failure> {
        let (form, default) = match verb {
            'e' | 'E' => (Form::Exponent, Some(6)),
            'f' | 'F' => (Form::Plain, Some(6)),
            'b' => (Form::Binary, None),
            'x' | 'X' => (Form::Hexadecimal, None),
            _ => (Form::General, None),
        };
        let precision = spec.precision.or(default);
        self.scope.leaves_bytes(precision.unwrap_or_default())?;
        let shown = formatted(number, form, precision);
        let (negative, mut digits) = match shown.strip_prefix('-') {
            Some(digits) => (true, digits.to_owned()),
            None => (false, shown.trim_start_matches('+').to_owned()),
        };
        let is_upper = matches!(verb, 'E' | 'G' | 'X');
        if !number.is_finite() {
            // Signs and zeros do not suit what is no number.
            let sign = if number.is_nan() { sign(spec, false) } else { infinity_sign(spec, negative) };
            return self.padded(Spec { zero: false, ..spec }, format!("{sign}{digits}").as_bytes());
        }
        if spec.sharp && form != Form::Binary {
            digits = with_point(&digits, verb, precision);
        }
        if is_upper {
            digits = digits.to_ascii_uppercase();
        }
        let sign = sign(spec, negative);
        let width = spec.width.unwrap_or_default();
        if !sign.is_empty() && spec.zero && !spec.minus && width > sign.len() + digits.len() {
            self.write(sign.as_bytes())?;
            self.repeat(b'0', width - sign.len() - digits.len())?;
            return self.write(digits.as_bytes());
        }
        self.padded(spec, format!("{sign}{digits}").as_bytes())
    }
}

fn sign(spec: Spec, negative: bool) -> &'static str {
    match (negative, spec.plus, spec.space) {
        (true, ..) => "-",
        (false, true, _) => "+",
        (false, false, true) => " ",
        (false, false, false) => "",
    }
}

/// Infinity keeps its sign.
fn infinity_sign(spec: Spec, negative: bool) -> &'static str {
    match sign(spec, negative) {
        "" => "+",
        other => other,
    }
}

/// `%#g`: a point in any case, and the zeros that the shortest form drops.
fn with_point(digits: &str, verb: char, precision: Option<usize>) -> String {
    let is_hexadecimal = matches!(verb, 'x' | 'X');
    let exponent: &[char] = if is_hexadecimal { &['p', 'P'] } else { &['e', 'E'] };
    let (mantissa, tail) = digits.split_at(digits.find(exponent).unwrap_or(digits.len()));
    let wanted = if matches!(verb, 'v' | 'g' | 'G' | 'x') { precision.unwrap_or(6) } else { 0 };
    let significant =
        mantissa.chars().filter(|character| *character != '.').skip_while(|digit| *digit == '0');
    let mut counted = significant.count();
    let mut text = mantissa.to_owned();
    if !mantissa.contains('.') {
        // A lone zero counts as a digit.
        counted += usize::from(mantissa == "0");
        text.push('.');
    }
    text.extend(std::iter::repeat_n('0', wanted.saturating_sub(counted)));
    text + tail
}

/// How many characters text has; a byte that is not UTF-8 counts as one.
fn characters(text: &[u8]) -> usize {
    text.utf8_chunks().map(|chunk| chunk.valid().chars().count() + chunk.invalid().len()).sum()
}

fn truncated(text: &[u8], length: Option<usize>) -> &[u8] {
    let Some(mut left) = length.filter(|length| *length < text.len()) else { return text };
    let mut end = 0;
    // Validated as far as so many characters may reach, and not the whole text for one of them.
    let window = text.get(..left.saturating_mul(4).saturating_add(4)).unwrap_or(text);
    for chunk in window.utf8_chunks() {
        let valid = chunk.valid().chars().map(char::len_utf8);
        for width in valid.chain(chunk.invalid().iter().map(|_| 1)) {
            let Some(fewer) = left.checked_sub(1) else { return text.get(..end).unwrap_or(text) };
            left = fewer;
            end += width;
        }
    }
    text
}

fn may_stand_in_backquotes(text: &[u8]) -> bool {
    let is_plain = |character: char| {
        !matches!(character, '\u{feff}' | '`' | '\x7f') && (character >= ' ' || character == '\t')
    };
    std::str::from_utf8(text).is_ok_and(|text| text.chars().all(is_plain))
}
