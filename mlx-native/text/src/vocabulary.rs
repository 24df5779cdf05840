//! A tokenizer's vocabulary as bytes, which is how grammars see tokens.

use std::collections::HashMap;

use serde_json::Value;
use tokenizers::Tokenizer;
use toktrie::{TokRxInfo, TokTrie, TokenId, TokenizerEnv};

use crate::tokenizer::vocabulary_size;
use crate::Fallible;

/// The vocabulary as a trie of bytes, with the tokenizer for text that a grammar forces.
pub struct Vocabulary {
    trie: TokTrie,
    tokenizer: Tokenizer,
}

impl Vocabulary {
    /// `size` is the number of logits; ids beyond it, or beyond the tokenizer's own, can never be sampled.
    pub fn new(tokenizer: &Tokenizer, size: u32, ends: &[TokenId]) -> Fallible<Self> {
        let own = vocabulary_size(tokenizer);
        if ends.is_empty() || ends.iter().any(|end| *end >= size) {
            return Err(format!("end tokens ({ends:?}) must be one or more ids below {size}"));
        }
        let mut words = words(tokenizer, own.min(size))?;
        for id in own..size {
            words.push(marked(&format!("<[{id}]>")));
        }
        let trie = TokTrie::from(&TokRxInfo::new(size, ends[0]), &words).with_eos_tokens(ends);
        Ok(Vocabulary {
            trie,
            tokenizer: without_space_prefix(tokenizer)?,
        })
    }

    fn ids(&self, text: &str) -> Vec<TokenId> {
        let known = self.trie.vocab_size() as TokenId;
        match self.tokenizer.encode_fast(text, false) {
            Ok(encoding) if encoding.get_ids().iter().all(|id| *id < known) => encoding.get_ids().to_vec(),
            _ => self.trie.greedy_tokenize(text.as_bytes()),
        }
    }
}

impl TokenizerEnv for Vocabulary {
    fn tok_trie(&self) -> &TokTrie {
        &self.trie
    }

    fn tokenize_bytes(&self, bytes: &[u8]) -> Vec<TokenId> {
        self.trie.tokenize_with_greedy_fallback(bytes, |text| self.ids(text))
    }

    fn tokenize_bytes_special(&self, bytes: &[u8]) -> Vec<TokenId> {
        self.trie.tokenize_with_greedy_fallback(bytes, |text| {
            self.trie.tokenize_with_special(text, |part| self.ids(part))
        })
    }
}

/// The bytes of each token; special ones carry a marker, so that no text can spell them.
fn words(tokenizer: &Tokenizer, size: u32) -> Fallible<Vec<Vec<u8>>> {
    let spelling = Spelling::of(tokenizer)?;
    let added = tokenizer.get_added_tokens_decoder();
    let word = |id| match (added.get(&id), tokenizer.id_to_token(id)) {
        // llguidance's grammars name special tokens as <name>; models mark some of those as ordinary ones.
        (Some(token), _) if token.special || is_tag(&token.content) => marked(&token.content),
        (Some(token), _) => token.content.clone().into_bytes(),
        (None, Some(token)) => spelling.bytes(&token),
        (None, None) => Vec::new(),
    };
    Ok((0..size).map(word).collect())
}

fn is_tag(content: &str) -> bool {
    content.starts_with('<') && content.ends_with('>')
}

fn marked(name: &str) -> Vec<u8> {
    let mut bytes = vec![TokTrie::SPECIAL_TOKEN_MARKER];
    bytes.extend_from_slice(name.as_bytes());
    bytes
}

/// How vocabulary entries spell bytes.
enum Spelling {
    /// Each character stands for one byte, as in GPT-2.
    Characters(HashMap<char, u8>),
    /// Text with this character for a space, and `<0x0A>` for a byte that is no text, as in SentencePiece.
    Text { space: String },
}

impl Spelling {
    fn of(tokenizer: &Tokenizer) -> Fallible<Self> {
        let decoder = to_json(tokenizer.get_decoder())?;
        if find(&decoder, "ByteLevel").is_some() {
            return Ok(Spelling::Characters(byte_characters()));
        }
        let space = find(&decoder, "Metaspace")
            .map(|metaspace| metaspace["replacement"].clone())
            .or_else(|| find(&decoder, "Replace").map(|replace| replace["pattern"]["String"].clone()));
        match space.as_ref().and_then(Value::as_str) {
            Some(space) => Ok(Spelling::Text {
                space: space.to_owned(),
            }),
            None => Err(format!(
                "grammars need a byte-level or SentencePiece tokenizer, not decoder {decoder}"
            )),
        }
    }

    fn bytes(&self, token: &str) -> Vec<u8> {
        match self {
            Spelling::Characters(bytes) => token
                .chars()
                .map(|character| bytes.get(&character).copied())
                .collect::<Option<_>>()
                .unwrap_or_else(|| token.as_bytes().to_vec()),
            Spelling::Text { space } => match hex_byte(token) {
                Some(byte) => vec![byte],
                None => token.replace(space, " ").into_bytes(),
            },
        }
    }
}

fn hex_byte(token: &str) -> Option<u8> {
    let digits = token.strip_prefix("<0x")?.strip_suffix('>')?;
    (digits.len() == 2)
        .then(|| u8::from_str_radix(digits, 16).ok())
        .flatten()
}

/// GPT-2's alphabet: printable Latin-1 characters stand for themselves, the other bytes for characters from U+0100 on.
fn byte_characters() -> HashMap<char, u8> {
    let mut unprintable = 0x100..;
    (0..=255u8)
        .map(|byte| match byte {
            b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff => (char::from(byte), byte),
            _ => (unprintable.next().and_then(char::from_u32).unwrap_or_default(), byte),
        })
        .collect()
}

/// A copy that puts no space before the text: what a grammar forces continues a text.
fn without_space_prefix(tokenizer: &Tokenizer) -> Fallible<Tokenizer> {
    let failed = |error: &dyn std::fmt::Display| error.to_string();
    let mut copy = tokenizer.clone();
    let mut normalizer = to_json(tokenizer.get_normalizer())?;
    if drop_space_prefix(&mut normalizer) {
        let normalizer: Option<tokenizers::NormalizerWrapper> =
            serde_json::from_value(normalizer).map_err(|error| failed(&error))?;
        copy.with_normalizer(normalizer).map_err(|error| failed(&error))?;
    }
    let mut splitter = to_json(tokenizer.get_pre_tokenizer())?;
    if drop_space_prefix(&mut splitter) {
        let splitter: Option<tokenizers::PreTokenizerWrapper> =
            serde_json::from_value(splitter).map_err(|error| failed(&error))?;
        copy.with_pre_tokenizer(splitter);
    }
    Ok(copy)
}

/// Removes from a normalizer or pre-tokenizer what puts a space before the text; tells whether there was any.
fn drop_space_prefix(part: &mut Value) -> bool {
    match part["type"].as_str() {
        Some("Prepend") => {
            *part = Value::Null;
            true
        }
        Some("Metaspace") => {
            part["prepend_scheme"] = "never".into();
            true
        }
        Some("ByteLevel") if part["add_prefix_space"] == true => {
            part["add_prefix_space"] = false.into();
            true
        }
        Some("Sequence") => {
            let key = if part["normalizers"].is_array() {
                "normalizers"
            } else {
                "pretokenizers"
            };
            let Some(parts) = part[key].as_array_mut() else {
                return false;
            };
            let changed = parts
                .iter_mut()
                .fold(false, |changed, part| drop_space_prefix(part) | changed);
            parts.retain(|part| !part.is_null());
            changed
        }
        _ => false,
    }
}

/// The first part of this type, in a part or in the sequences inside it.
pub fn find<'a>(part: &'a Value, kind: &str) -> Option<&'a Value> {
    if part["type"] == kind {
        return Some(part);
    }
    let inside = ["decoders", "pretokenizers", "normalizers"].map(|key| part[key].as_array());
    inside
        .into_iter()
        .flatten()
        .flatten()
        .find_map(|inner| find(inner, kind))
}

pub fn to_json(part: Option<&impl serde::Serialize>) -> Fallible<Value> {
    serde_json::to_value(part).map_err(|error| error.to_string())
}
