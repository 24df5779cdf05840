//! What is put right of a tokenizer.json that contradicts itself.

use serde_json::{json, Value};
use tokenizers::{DecoderWrapper, ModelWrapper, Tokenizer};

use crate::vocabulary::{find, to_json};
use crate::Fallible;

/// Gives the tokenizer the decoder that its vocabulary needs. Some files have a byte-level vocabulary and SentencePiece's
/// decoder, or the other way round; how text becomes entries of the vocabulary says what those are.
pub fn mend_decoder(tokenizer: &mut Tokenizer) -> Fallible<()> {
    let decoder = to_json(tokenizer.get_decoder())?;
    if decoder.is_null() {
        return Ok(());
    }
    let splitter = to_json(tokenizer.get_pre_tokenizer())?;
    let normalizer = to_json(tokenizer.get_normalizer())?;
    let splits_bytes =
        find(&splitter, "ByteLevel").is_some() || find(&normalizer, "ByteLevel").is_some() || spells_bytes(tokenizer);
    let joins_bytes = find(&decoder, "ByteLevel").is_some();
    let space = find(&splitter, "Metaspace")
        .map(|metaspace| &metaspace["replacement"])
        .or_else(|| find(&normalizer, "Replace").map(|replace| &replace["content"]))
        .and_then(Value::as_str);
    let mended = match space {
        _ if splits_bytes && !joins_bytes => json!({
            "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true
        }),
        Some(space) if joins_bytes && !splits_bytes && spells_spaces(tokenizer, space) => json!({
            "type": "Sequence", "decoders": [
                {"type": "Replace", "pattern": {"String": space}, "content": " "},
                {"type": "ByteFallback"},
                {"type": "Fuse"}
            ]
        }),
        _ => return Ok(()),
    };
    let mended: DecoderWrapper = serde_json::from_value(mended).map_err(|error| error.to_string())?;
    tokenizer.with_decoder(Some(mended));
    Ok(())
}

/// Whether the vocabulary has GPT-2's character for a space, and not SentencePiece's.
fn spells_bytes(tokenizer: &Tokenizer) -> bool {
    let merges = matches!(tokenizer.get_model(), ModelWrapper::BPE(_));
    merges && tokenizer.token_to_id("\u{120}").is_some() && tokenizer.token_to_id("\u{2581}").is_none()
}

/// Whether the vocabulary has this character, which is not one of those that stand for bytes, for a space.
fn spells_spaces(tokenizer: &Tokenizer, space: &str) -> bool {
    space == "\u{2581}" && tokenizer.token_to_id(space).is_some()
}
