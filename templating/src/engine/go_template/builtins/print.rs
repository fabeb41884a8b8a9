//! `print` and `println`, and the joining of arguments that the escaping functions share.

use crate::funcs::{Failure, Scope};
use crate::value::{Value, display};

use super::super::buffer::Buffer;

/// What one value prints, paid for.
pub(super) fn append(scope: &mut Scope<'_>, output: &mut Buffer, value: &Value) -> Result<(), Failure> {
    match value {
        Value::Text(text) => {
            scope.spend_bytes(text.len())?;
            output.extend(text);
        }
        Value::Bytes(bytes) => {
            scope.spend_bytes(bytes.len().saturating_mul(4))?;
            output.extend(&display(value));
        }
        other => {
            let text = zeroize::Zeroizing::new(display(other));
            scope.spend_bytes(text.len())?;
            output.extend(&text);
        }
    }
    Ok(())
}

/// What `fmt.Sprint` gives: a space stands between two values that are no text.
pub(super) fn joined(scope: &mut Scope<'_>, values: &[Value]) -> Result<Buffer, Failure> {
    let mut output = Buffer::default();
    let mut follows_other = false;
    for value in values {
        let is_other = !matches!(value, Value::Text(_));
        if follows_other && is_other {
            output.push(b' ');
        }
        append(scope, &mut output, value)?;
        follows_other = is_other;
    }
    Ok(output)
}

pub(super) fn print(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    Ok(Value::text(joined(scope, arguments)?.take()))
}

pub(super) fn println(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let mut output = Buffer::default();
    for (index, value) in arguments.iter().enumerate() {
        if index > 0 {
            output.push(b' ');
        }
        append(scope, &mut output, value)?;
    }
    output.push(b'\n');
    Ok(Value::text(output.take()))
}
