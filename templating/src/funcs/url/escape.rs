//! Decides which bytes stand for themselves in the parts of a URL (RFC 3986 as Go's net/url reads it), and escapes
//! and unescapes the others.

/// A part of a URL.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Path,
    Host,
    /// What follows `%25` in an IPv6 address.
    Zone,
    User,
    Fragment,
}

impl Part {
    /// True if the byte stands for itself when a URL is written.
    pub(super) fn allows(self, byte: u8) -> bool {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            return true;
        }
        match self {
            Self::Path => b"$&+,/:;=@".contains(&byte),
            Self::Host | Self::Zone => b"!$&'()*+,;=:[]<>\"".contains(&byte),
            Self::User => b"$&+,;=".contains(&byte),
            Self::Fragment => b"$&+,/:;=?@!()*".contains(&byte),
        }
    }

    /// True if a host may have this byte behind a percent sign.
    fn allows_escaped(self, byte: u8) -> bool {
        match self {
            Self::Host => byte >= 0x80 || byte == b'%',
            Self::Zone => byte == b'%' || byte == b' ' || Self::Host.allows(byte),
            Self::Path | Self::User | Self::Fragment => true,
        }
    }

    /// True if the byte may stand in a text that is to be unescaped.
    fn allows_unescaped(self, byte: u8) -> bool {
        !matches!(self, Self::Host | Self::Zone) || byte >= 0x80 || self.allows(byte)
    }
}

/// The text with percent signs for all that does not stand for itself.
pub(super) fn escaped(text: &[u8], part: Part) -> Vec<u8> {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |value: u8| DIGITS.get(usize::from(value)).copied().unwrap_or_default();
    let mut output = Vec::with_capacity(text.len());
    for byte in text.iter().copied() {
        if part.allows(byte) {
            output.push(byte);
        } else {
            output.extend([b'%', digit(byte >> 4), digit(byte & 0xf)]);
        }
    }
    output
}

/// The text without percent signs; nothing if there is one without digits, or a byte that must not stand there.
pub(super) fn unescaped(text: &[u8], part: Part) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut output = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'%' {
            output.push(Some(*byte).filter(|byte| part.allows_unescaped(*byte))?);
            continue;
        }
        let (high, after) = rest.split_first()?;
        let (low, after) = after.split_first()?;
        let value = digit(high)? << 4 | digit(low)?;
        output.push(Some(value).filter(|value| part.allows_escaped(*value))?);
        rest = after;
    }
    Some(output)
}

/// True if a text that is escaped already may stay as it is.
pub(super) fn is_escaped(text: &[u8], part: Part) -> bool {
    text.iter().all(|byte| part.allows(*byte) || b"!$&'()*+,;=:@[]%".contains(byte))
}
