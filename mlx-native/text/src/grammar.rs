//! Grammars: which tokens may come next.

use std::sync::Arc;

use llguidance::api::TopLevelGrammar;
use llguidance::earley::SlicedBiasComputer;
use llguidance::{Matcher, ParserFactory};
use toktrie::{InferenceCapabilities, TokEnv};

use crate::tokenizer::Shared;
use crate::vocabulary::Vocabulary;
use crate::{answer, close, open, slice, to_bytes, utf8, Fallible, Out, NOTHING, OK};

/// What compiles grammars for one tokenizer and one size of logits.
pub struct Compiler(ParserFactory);

/// # Safety
/// As for every function here: pointers are valid for their lengths, handles are open; a matcher is used by one thread
/// at a time, a compiler by any number.
#[no_mangle]
pub unsafe extern "C" fn text_compiler_open(
    tokenizer: &Shared,
    vocabulary_size: u32,
    ends: *const u32,
    ends_count: usize,
    out: &mut Out,
) -> *mut Compiler {
    open(out, || {
        let vocabulary = Vocabulary::new(&tokenizer.0, vocabulary_size, slice(ends, ends_count))?;
        let vocabulary: TokEnv = Arc::new(vocabulary);
        let abilities = InferenceCapabilities {
            ff_tokens: true,
            ..Default::default()
        };
        let mut factory = ParserFactory::new(&vocabulary, abilities, &SlicedBiasComputer::general_slices())
            .map_err(|error| error.to_string())?;
        factory.quiet();
        factory.limits_mut().verbose_errors = false;
        Ok(Compiler(factory))
    })
}

#[no_mangle]
pub unsafe extern "C" fn text_compiler_close(compiler: *mut Compiler) {
    close(compiler);
}

/// Compiles a grammar; `kind` is one of json_schema, regex, lark and llguidance.
#[no_mangle]
pub unsafe extern "C" fn text_matcher_open(
    compiler: &Compiler,
    kind: *const u8,
    kind_len: usize,
    grammar: *const u8,
    grammar_len: usize,
    out: &mut Out,
) -> *mut Matcher {
    open(out, || {
        let (kind, grammar) = (utf8(slice(kind, kind_len))?, utf8(slice(grammar, grammar_len))?);
        let grammar = TopLevelGrammar::from_tagged_str(kind, grammar).map_err(|error| error.to_string())?;
        let matcher = Matcher::new(compiler.0.create_parser(grammar));
        match matcher.get_error() {
            None => Ok(matcher),
            Some(message) => Err(message),
        }
    })
}

/// A second matcher in the same state, independent from now on.
#[no_mangle]
pub unsafe extern "C" fn text_matcher_copy(matcher: &Matcher, out: &mut Out) -> *mut Matcher {
    open(out, || Ok(matcher.deep_clone()))
}

#[no_mangle]
pub unsafe extern "C" fn text_matcher_close(matcher: *mut Matcher) {
    close(matcher);
}

/// Writes the tokens that may come next as bits, 32 a word, lowest first; only end tokens when the grammar is done.
#[no_mangle]
pub unsafe extern "C" fn text_matcher_mask(matcher: &mut Matcher, words: *mut u32, count: usize, out: &mut Out) -> i32 {
    answer(out, || {
        let mask = matcher.compute_mask_or_eos().map_err(|error| error.to_string())?;
        let bits = mask.as_slice();
        let used = mask.len().div_ceil(32);
        if count < used {
            return Err(format!("mask has {used} words, the buffer {count}"));
        }
        let words = std::slice::from_raw_parts_mut(words, count);
        words[..used].copy_from_slice(&bits[..used]);
        words[used..].fill(0);
        Ok(None)
    })
}

/// Takes tokens that were sampled. A token that the grammar does not allow makes the matcher unusable.
#[no_mangle]
pub unsafe extern "C" fn text_matcher_commit(
    matcher: &mut Matcher,
    ids: *const u32,
    count: usize,
    out: &mut Out,
) -> i32 {
    answer(out, || nothing(matcher.consume_tokens(slice(ids, count))))
}

/// Leaves in `out` how many of these tokens, from the first on, the grammar allows; nothing is taken.
#[no_mangle]
pub unsafe extern "C" fn text_matcher_allowed(
    matcher: &mut Matcher,
    ids: *const u32,
    count: usize,
    out: &mut Out,
) -> i32 {
    answer(out, || {
        let allowed = matcher
            .validate_tokens(slice(ids, count))
            .map_err(|error| error.to_string())?;
        Ok(Some(to_bytes([allowed as u32])))
    })
}

/// Leaves the tokens that are certain to come next in `out`; nothing is taken.
#[no_mangle]
pub unsafe extern "C" fn text_matcher_forced(matcher: &mut Matcher, out: &mut Out) -> i32 {
    answer(out, || Ok(Some(to_bytes(matcher.compute_ff_tokens()))))
}

/// OK when the text may end here, NOTHING when more has to come.
#[no_mangle]
pub unsafe extern "C" fn text_matcher_accepting(matcher: &mut Matcher, out: &mut Out) -> i32 {
    answer(out, || flag(matcher.is_accepting().map_err(|error| error.to_string())?))
}

/// OK when no more tokens can follow, NOTHING otherwise.
#[no_mangle]
pub unsafe extern "C" fn text_matcher_stopped(matcher: &Matcher) -> i32 {
    if matcher.is_stopped() {
        OK
    } else {
        NOTHING
    }
}

/// Takes the last `count` tokens back.
#[no_mangle]
pub unsafe extern "C" fn text_matcher_rollback(matcher: &mut Matcher, count: usize, out: &mut Out) -> i32 {
    answer(out, || nothing(matcher.rollback(count)))
}

#[no_mangle]
pub unsafe extern "C" fn text_matcher_reset(matcher: &mut Matcher, out: &mut Out) -> i32 {
    answer(out, || nothing(matcher.reset()))
}

fn nothing(result: Result<(), impl ToString>) -> Fallible<Option<Vec<u8>>> {
    result.map(|()| None).map_err(|error| error.to_string())
}

fn flag(value: bool) -> Fallible<Option<Vec<u8>>> {
    Ok(value.then(Vec::new))
}
