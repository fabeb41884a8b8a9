//! As much of XML as AWS's query services need: the text of an element that holds nothing but text.

/// The text of the first element `name` in `document`; `None` where there is none, or it holds more than plain text.
pub(super) fn text<'a>(document: &'a str, name: &str) -> Option<&'a str> {
    let rest = document.split_once(&format!("<{name}>"))?.1;
    let text = rest.split_once(&format!("</{name}>"))?.0;
    (!text.contains(['<', '&'])).then_some(text.trim())
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn only_plain_text_is_given() {
        let document = "<a><Id> x/+= </Id><Id>y</Id><b>1<c/></b><d>&lt;</d><e></a>";
        assert_eq!(text(document, "Id"), Some("x/+="));
        for absent in ["b", "d", "e", "none"] {
            assert_eq!(text(document, absent), None, "{absent}");
        }
    }
}
