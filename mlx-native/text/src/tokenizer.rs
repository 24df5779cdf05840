//! Text to token ids and back.

use std::sync::Arc;

use tokenizers::tokenizer::normalizer::Range;
use tokenizers::{
    Encoding, Model, NormalizedString, Normalizer, OffsetType, PreTokenizedString, PreTokenizer, Token, Tokenizer,
};

use crate::mend::mend_decoder;
use crate::{answer, close, open, slice, to_bytes, utf8, Fallible, Out};

/// What a tokenizer handle points to. Streams and grammars share it, so it may be closed before them.
pub struct Shared(pub Arc<Tokenizer>);

/// Opens a tokenizer from the content of a tokenizer.json. Truncation and padding are switched off, and the decoder is
/// the vocabulary's.
///
/// # Safety
/// As for every function here: pointers are valid for their lengths, handles are open.
#[no_mangle]
pub unsafe extern "C" fn text_tokenizer_open(json: *const u8, len: usize, out: &mut Out) -> *mut Shared {
    open(out, || {
        let mut tokenizer = Tokenizer::from_bytes(slice(json, len)).map_err(|error| error.to_string())?;
        tokenizer.with_padding(None);
        tokenizer.with_truncation(None).map_err(|error| error.to_string())?;
        mend_decoder(&mut tokenizer)?;
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
        Ok(Some(triples(&encoding, text)))
    })
}

/// As text_encode_offsets, but no added token is read where it overlaps one of the spans: those are text, whatever they
/// spell. `spans` are pairs of UTF-16 positions, half-open and rising; without any, ids are those of text_encode_offsets.
#[no_mangle]
pub unsafe extern "C" fn text_encode_spans(
    tokenizer: &Shared,
    text: *const u8,
    len: usize,
    spans: *const u32,
    count: usize,
    add_special: bool,
    out: &mut Out,
) -> i32 {
    answer(out, || {
        let text = utf8(slice(text, len))?;
        let spans = byte_spans(text, slice(spans, count))?;
        let encoding = encode_spans(&tokenizer.0, text, &spans)?;
        let encoding = tokenizer
            .0
            .post_process(encoding, None, add_special)
            .map_err(|error| error.to_string())?;
        Ok(Some(triples(&encoding, text)))
    })
}

type Span = std::ops::Range<usize>;

fn encode_spans(tokenizer: &Tokenizer, text: &str, spans: &[Span]) -> Fallible<Encoding> {
    let plain = tokenizer.encode(text, false).map_err(|error| error.to_string())?;
    let added = tokenizer.get_added_vocabulary().get_added_tokens_decoder();
    // An unknown token is one of the added ones, too, but no text spells it.
    let spells = |id: &u32, span: Span| {
        let name = added.get(id).map(|token| token.content.trim().to_lowercase());
        name.is_some_and(|name| text[span].trim().to_lowercase() == name)
    };
    let meets = |span: &Span| {
        let next = spans.partition_point(|other| other.end <= span.start);
        spans.get(next).is_some_and(|other| other.start < span.end)
    };
    let tokens = plain.get_ids().iter().zip(plain.get_offsets());
    let mut parts: Vec<(Span, Option<u32>)> = Vec::new();
    let mut end = 0;
    for (id, (from, to)) in tokens {
        if *from >= end && spells(id, *from..*to) && !meets(&(*from..*to)) {
            parts.push((end..*from, None));
            parts.push((*from..*to, Some(*id)));
            end = *to;
        }
    }
    parts.push((end..text.len(), None));
    let encoding = encode_parts(tokenizer, text, &parts)?;
    let tokens = encoding.get_ids().iter().zip(encoding.get_offsets());
    let spelled = tokens
        .filter(|(id, (from, to))| spells(id, *from..*to) && meets(&(*from..*to)))
        .map(|(_, (from, _))| *from)
        .collect::<Vec<_>>();
    if spelled.is_empty() {
        return Ok(encoding);
    }
    // The model itself spells an added token by its id: a cut behind the first character leaves it nothing to find.
    encode_parts(tokenizer, text, &cut(text, parts, &spelled))
}

fn cut(text: &str, parts: Vec<(Span, Option<u32>)>, places: &[usize]) -> Vec<(Span, Option<u32>)> {
    let mut all = Vec::new();
    for (span, id) in parts {
        let mut start = span.start;
        if id.is_none() {
            for place in places.iter().filter(|place| span.contains(place)) {
                let behind = place + text[*place..].chars().next().map_or(0, char::len_utf8);
                if behind < span.end {
                    all.push((start..behind, None));
                    start = behind;
                }
            }
        }
        all.push((start..span.end, id));
    }
    all
}

/// The tokenizer's own way from text to ids, with the added tokens given instead of looked for.
fn encode_parts(tokenizer: &Tokenizer, text: &str, parts: &[(Span, Option<u32>)]) -> Fallible<Encoding> {
    let run = || -> tokenizers::Result<Encoding> {
        let mut pieces = PreTokenizedString::from(text);
        pieces.split(|_, whole: NormalizedString| {
            Ok(parts
                .iter()
                .filter_map(|(span, id)| {
                    let piece = whole.slice(Range::Original(span.clone()))?;
                    let length = piece.len();
                    let token = id.map(|id| vec![Token::new(id, text[span.clone()].to_owned(), (0, length))]);
                    Some((piece, token))
                })
                .collect::<Vec<_>>())
        })?;
        if let Some(normalizer) = tokenizer.get_normalizer() {
            pieces.normalize(|piece| normalizer.normalize(piece))?;
        }
        if let Some(splitter) = tokenizer.get_pre_tokenizer() {
            splitter.pre_tokenize(&mut pieces)?;
        }
        pieces.tokenize(|piece| tokenizer.get_model().tokenize(piece.get()))?;
        pieces.into_encoding(None, 0, OffsetType::Byte)
    };
    run().map_err(|error| error.to_string())
}

/// Spans of UTF-16 positions as spans of bytes.
fn byte_spans(text: &str, pairs: &[u32]) -> Fallible<Vec<Span>> {
    let mut bytes = Vec::with_capacity(text.len() + 1);
    for (start, character) in text.char_indices() {
        bytes.extend(std::iter::repeat_n(start, character.len_utf16()));
    }
    bytes.push(text.len());
    let mut spans = Vec::with_capacity(pairs.len() / 2);
    let mut before = 0;
    for pair in pairs.chunks_exact(2) {
        let (start, end) = (pair[0] as usize, pair[1] as usize);
        if start < before || end <= start || end >= bytes.len() {
            return Err(format!("spans {pairs:?} must rise and lie within the text"));
        }
        before = end;
        spans.push(bytes[start]..bytes[end]);
    }
    Ok(spans)
}

/// (id, start, end) for each token; start and end count UTF-16 units.
fn triples(encoding: &Encoding, text: &str) -> Vec<u8> {
    let units = utf16_positions(text);
    let spans = encoding.get_ids().iter().zip(encoding.get_offsets());
    to_bytes(spans.flat_map(|(id, (start, end))| [*id, units[*start], units[*end]]))
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
