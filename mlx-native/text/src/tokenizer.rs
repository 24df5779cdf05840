//! Text to token ids and back.

use std::sync::Arc;

use tokenizers::Tokenizer;

use crate::{answer, close, open, slice, to_bytes, utf8, Out};

/// What a tokenizer handle points to. Streams and grammars share it, so it may be closed before them.
pub struct Shared(pub Arc<Tokenizer>);

/// Opens a tokenizer from the content of a tokenizer.json. Truncation and padding are switched off.
///
/// # Safety
/// As for every function here: pointers are valid for their lengths, handles are open.
#[no_mangle]
pub unsafe extern "C" fn text_tokenizer_open(json: *const u8, len: usize, out: &mut Out) -> *mut Shared {
    open(out, || {
        let mut tokenizer = Tokenizer::from_bytes(slice(json, len)).map_err(|error| error.to_string())?;
        tokenizer.with_padding(None);
        tokenizer.with_truncation(None).map_err(|error| error.to_string())?;
        Ok(Shared(Arc::new(tokenizer)))
    })
}

#[no_mangle]
pub unsafe extern "C" fn text_tokenizer_close(tokenizer: *mut Shared) {
    close(tokenizer);
}

/// Leaves the token ids in `out`.
#[no_mangle]
pub unsafe extern "C" fn text_encode(
    tokenizer: &Shared,
    text: *const u8,
    len: usize,
    add_special: bool,
    out: &mut Out,
) -> i32 {
    answer(out, || {
        let text = utf8(slice(text, len))?;
        let encoding = tokenizer
            .0
            .encode_fast(text, add_special)
            .map_err(|error| error.to_string())?;
        Ok(Some(to_bytes(encoding.get_ids().iter().copied())))
    })
}

/// Leaves (id, start, end) for each token in `out`; start and end count UTF-16 units of the text, half-open.
#[no_mangle]
pub unsafe extern "C" fn text_encode_offsets(
    tokenizer: &Shared,
    text: *const u8,
    len: usize,
    add_special: bool,
    out: &mut Out,
) -> i32 {
    answer(out, || {
        let text = utf8(slice(text, len))?;
        let encoding = tokenizer
            .0
            .encode(text, add_special)
            .map_err(|error| error.to_string())?;
        let units = utf16_positions(text);
        let spans = encoding.get_ids().iter().zip(encoding.get_offsets());
        Ok(Some(to_bytes(
            spans.flat_map(|(id, (start, end))| [*id, units[*start], units[*end]]),
        )))
    })
}

/// For each byte position of `text`, its end included, the number of UTF-16 units before that character's end.
fn utf16_positions(text: &str) -> Vec<u32> {
    let mut positions = vec![0; text.len() + 1];
    let mut units = 0;
    for (start, character) in text.char_indices() {
        positions[start] = units;
        units += character.len_utf16() as u32;
        for inner in &mut positions[start + 1..start + character.len_utf8()] {
            *inner = units;
        }
    }
    positions[text.len()] = units;
    positions
}

/// Leaves the text of `ids` in `out`; ids outside the vocabulary are left out.
#[no_mangle]
pub unsafe extern "C" fn text_decode(
    tokenizer: &Shared,
    ids: *const u32,
    count: usize,
    skip_special: bool,
    out: &mut Out,
) -> i32 {
    answer(out, || {
        let text = tokenizer
            .0
            .decode(slice(ids, count), skip_special)
            .map_err(|error| error.to_string())?;
        Ok(Some(text.into_bytes()))
    })
}

/// One more than the largest token id, added tokens included.
#[no_mangle]
pub unsafe extern "C" fn text_vocabulary_size(tokenizer: &Shared, out: &mut Out) -> i32 {
    answer(out, || Ok(Some(to_bytes([vocabulary_size(&tokenizer.0)]))))
}

pub fn vocabulary_size(tokenizer: &Tokenizer) -> u32 {
    tokenizer
        .get_vocab(true)
        .into_values()
        .max()
        .map_or(0, |largest| largest + 1)
}

/// Leaves the token's entry in the vocabulary in `out`, or NOTHING for an unknown id.
#[no_mangle]
pub unsafe extern "C" fn text_id_to_token(tokenizer: &Shared, id: u32, out: &mut Out) -> i32 {
    answer(out, || Ok(tokenizer.0.id_to_token(id).map(String::into_bytes)))
}

/// Leaves the id of a vocabulary entry in `out`, or NOTHING for an unknown one.
#[no_mangle]
pub unsafe extern "C" fn text_token_to_id(tokenizer: &Shared, token: *const u8, len: usize, out: &mut Out) -> i32 {
    answer(out, || {
        let token = utf8(slice(token, len))?;
        Ok(tokenizer.0.token_to_id(token).map(|id| to_bytes([id])))
    })
}

/// Leaves (id, 1 if special else 0) for each added token in `out`, by rising id.
#[no_mangle]
pub unsafe extern "C" fn text_added_tokens(tokenizer: &Shared, out: &mut Out) -> i32 {
    answer(out, || {
        let added = tokenizer.0.get_added_tokens_decoder();
        let mut added: Vec<_> = added.into_iter().map(|(id, token)| (id, token.special)).collect();
        added.sort_unstable();
        Ok(Some(to_bytes(
            added.into_iter().flat_map(|(id, special)| [id, special.into()]),
        )))
    })
}
