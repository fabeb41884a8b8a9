//! Every limit of this crate, in one place: input is written by users and must not be able to stop the controller.

/// Longest gjson path, in bytes. Longer ones are refused.
pub const MAX_PATH_BYTES: usize = 16 * 1024;

/// Deepest nesting of a JSON document that is decoded, and of one gjson path's evaluation. Each level costs a
/// few stack frames, and the caller may be on a 2 MiB thread.
pub const MAX_DEPTH: usize = 256;

/// Most bytes that one gjson path may build (multipaths and modifiers): `[@this,@this]|[@this,@this]|…`
/// doubles the document at every step.
pub const MAX_BUILT_BYTES: usize = 16 * 1024 * 1024;

/// Most bytes that one gjson path may scan: nested queries walk the same element again and again.
pub const MAX_SCANNED_BYTES: usize = 256 * 1024 * 1024;

/// Longest regular expression, in bytes.
pub const MAX_REGEX_SOURCE_BYTES: usize = 16 * 1024;

/// Largest compiled regular expression, in bytes: `(a{1000}){1000}` is short to write.
pub const MAX_REGEX_BYTES: usize = 4 * 1024 * 1024;

/// Longest key of a Kubernetes Secret, in bytes.
pub const MAX_KEY_BYTES: usize = 253;

/// Longest key that a rewrite may produce on the way, in bytes: later operations may shorten it again.
pub const MAX_REWRITTEN_KEY_BYTES: usize = 64 * 1024;

/// Most blocks of one PEM text, and most certificates of one key store.
pub const MAX_PEM_BLOCKS: usize = 1024;

/// Largest key store, in bytes; also the longest PEM text that one is made of.
pub const MAX_PKCS12_BYTES: usize = 1024 * 1024;

/// Most rounds of one key derivation. A store names the number itself.
pub const MAX_KDF_ROUNDS: u32 = 1_000_000;

/// Rounds of key derivation that cost one step: about 0.4 microseconds each.
pub const KDF_ROUNDS_PER_STEP: usize = 4;

/// Most digits of an RSA key's number, in bytes.
pub const MAX_RSA_BYTES: usize = 1024;

/// Steps of a bcrypt hash (about 50 ms): 20 of them use up a rendering.
pub const BCRYPT_STEPS: usize = 50_000;

/// Steps of a derived password (about 0.1 s and, for that time, 32 MiB).
pub const SCRYPT_STEPS: usize = 100_000;

/// Steps of a new RSA key of 2048 bits (about 0.1 s, with luck less).
pub const RSA_2048_STEPS: usize = 80_000;

/// Steps of a new RSA key of 4096 bits (about 1 s, with luck less).
pub const RSA_4096_STEPS: usize = 450_000;

/// Steps of a new DSA key (a few seconds): one uses up a rendering.
pub const DSA_STEPS: usize = 900_000;

/// Steps of one operation with a private key (about 2 ms).
pub const SIGNATURE_STEPS: usize = 2_000;

/// Longest source of a Handlebars template, in bytes.
pub const MAX_TEMPLATE_BYTES: usize = 32 * 1024;

/// Deepest nesting of template blocks and subexpressions.
pub const MAX_TEMPLATE_NESTING: usize = 64;

/// Most bytes that one template may render.
pub const MAX_RENDERED_BYTES: usize = 1024 * 1024;

/// Most `{{…}}` tags in one Handlebars template.
pub const MAX_TEMPLATE_TAGS: usize = 1024;

/// Most that a Handlebars template's tags times its bytes may be: finding a tag's line makes the parser read the source
/// once more. It allows 1,024 tags in 8 KiB, or 256 in the longest source.
pub const MAX_TEMPLATE_READING: usize = 8 * 1024 * 1024;

/// Stack of the thread that parses and renders a template. As many nested blocks as a template may have tags
/// fit in it, so that nothing depends on the nesting check alone.
pub const TEMPLATE_STACK_BYTES: usize = 64 * 1024 * 1024;

/// Longest source of a Go template, in bytes: as much as a ConfigMap holds.
pub const MAX_GO_TEMPLATE_BYTES: usize = 1024 * 1024;

/// Most parts (texts, actions, operands, fields) of one Go template: each takes memory as long as the template is
/// kept.
pub const MAX_GO_TEMPLATE_NODES: usize = 32 * 1024;

/// Deepest nesting of blocks and parentheses in a Go template's source. Reading, rendering and dropping take
/// stack frames for each level, and the caller may be on a 2 MiB thread.
pub const MAX_GO_TEMPLATE_NESTING: usize = 64;

/// Deepest nesting of blocks, parentheses and `{{template}}` calls in a running Go template.
pub const MAX_GO_RENDER_DEPTH: usize = 256;

/// Most work of one rendering, in steps: nodes, elements of lists, or pieces of text read, of 64 bytes or of fewer
/// where reading takes longer. A step takes about 0.1 microseconds, and at most about one.
/// Templates that call each other twice double it at every level.
pub const MAX_GO_RENDER_STEPS: u64 = 1_000_000;

/// The work of one rendering of a source of so many bytes: reading it was work too, nine steps for ten bytes. So a source
/// as long as it may be is refused as soon as a rendering of a short one that does as much.
#[must_use]
pub fn render_steps(source_bytes: usize) -> u64 {
    let read = u64::try_from(source_bytes).unwrap_or(u64::MAX).saturating_mul(9) / 10;
    MAX_GO_RENDER_STEPS.saturating_sub(read)
}

/// Most bytes that one rendering may build on the way to its output.
pub const MAX_GO_RENDER_MEMORY_BYTES: u64 = 16 * 1024 * 1024;

/// Deepest nesting of lists and maps in a template's value: deeper ones can only be built on purpose, and
/// printing one takes a stack frame for each level.
pub const MAX_VALUE_DEPTH: usize = 128;

/// Largest YAML document that is read, in bytes, and most bytes that all its aliases may stand for.
pub const MAX_YAML_BYTES: usize = 4 * 1024 * 1024;

/// Most values in a YAML document, counting what an alias stands for each time: nine lists of nine aliases each
/// are a billion.
pub const MAX_YAML_NODES: usize = 400_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_slow_on_purpose_is_over_after_little_more_than_a_second() {
        let milliseconds =
            [(BCRYPT_STEPS, 50), (SCRYPT_STEPS, 100), (RSA_2048_STEPS, 100), (SIGNATURE_STEPS, 2)];
        for (steps, each) in milliseconds {
            let most = MAX_GO_RENDER_STEPS / u64::try_from(steps).unwrap() * each;
            assert!(most <= 1_300, "{steps} steps: {most} ms");
        }
        // These take longer than that: one, or two, and no more.
        assert_eq!(MAX_GO_RENDER_STEPS / u64::try_from(RSA_4096_STEPS).unwrap(), 2);
        assert_eq!(MAX_GO_RENDER_STEPS / u64::try_from(DSA_STEPS).unwrap(), 1);
    }
}
