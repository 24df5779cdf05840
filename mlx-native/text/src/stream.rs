//! Token ids to text while they arrive, never half a character.

use std::sync::Arc;

use tokenizers::Tokenizer;

use crate::tokenizer::Shared;
use crate::{answer, close, open, Fallible, Out};

/// How many tokens may wait for the rest of a character. A character has four bytes at most, so more are broken text.
const PENDING_MAX: usize = 16;

/// Decodes a window of ids: context, whose text is out already, then pending ones. Decoders join, strip and replace
/// across tokens, so a token's text is what it adds to the text of those before it.
pub struct Stream {
    tokenizer: Arc<Tokenizer>,
    skip_special: bool,
    window: Vec<u32>,
    /// Number of context ids at the front of the window.
    context: usize,
    /// The text of the context.
    context_text: String,
}

impl Stream {
    fn step(&mut self, id: u32) -> Fallible<Option<Vec<u8>>> {
        if !self.has_text(id) {
            return Ok(None);
        }
        self.window.push(id);
        let text = self.decode(&self.window)?;
        if !text.ends_with(char::REPLACEMENT_CHARACTER) {
            return self.emit(self.window.len(), text);
        }
        if self.window.len() - self.context <= PENDING_MAX {
            return Ok(None);
        }
        let cut = self.clean_cut(&text)?;
        let text = self.decode(&self.window[..cut])?;
        self.emit(cut, text)
    }

    /// The text that still waits, its last character replaced when it is incomplete.
    fn finish(&mut self) -> Fallible<Option<Vec<u8>>> {
        let text = self.decode(&self.window)?;
        let rest = self.emit(self.window.len(), text)?;
        self.window.clear();
        self.context = 0;
        self.context_text.clear();
        Ok(rest)
    }

    fn has_text(&self, id: u32) -> bool {
        match self.tokenizer.id_to_token(id) {
            None => false,
            Some(token) => !self.skip_special || !self.tokenizer.get_added_vocabulary().is_special_token(&token),
        }
    }

    /// Returns what `text`, of the first `end` ids, adds to the context, and makes the pending ones the new context.
    fn emit(&mut self, end: usize, text: String) -> Fallible<Option<Vec<u8>>> {
        let added = match text.strip_prefix(&self.context_text) {
            Some(added) => added.to_owned(),
            // Bytes that make no text together may change what stood before; that is out already.
            None => self.decode(&self.window[self.context..end])?,
        };
        if added.is_empty() {
            return Ok(None);
        }
        self.window.drain(..self.context);
        self.context = end - self.context;
        self.context_text = self.decode(&self.window[..self.context])?;
        Ok(Some(added.into_bytes()))
    }

    /// The latest place among the last four ids where cutting the window splits no character.
    fn clean_cut(&self, text: &str) -> Fallible<usize> {
        for cut in (self.window.len() - 4..self.window.len()).rev() {
            if self.decode(&self.window[..cut])? + &self.decode(&self.window[cut..])? == text {
                return Ok(cut);
            }
        }
        Ok(self.window.len())
    }

    fn decode(&self, ids: &[u32]) -> Fallible<String> {
        self.tokenizer
            .decode(ids, self.skip_special)
            .map_err(|error| error.to_string())
    }
}

/// # Safety
/// As for every function here: handles are open and used by one thread at a time.
#[no_mangle]
pub unsafe extern "C" fn text_stream_open(tokenizer: &Shared, skip_special: bool, out: &mut Out) -> *mut Stream {
    open(out, || {
        Ok(Stream {
            tokenizer: tokenizer.0.clone(),
            skip_special,
            window: Vec::new(),
            context: 0,
            context_text: String::new(),
        })
    })
}

#[no_mangle]
pub unsafe extern "C" fn text_stream_close(stream: *mut Stream) {
    close(stream);
}

/// Leaves the text that `id` completes in `out`, or NOTHING.
#[no_mangle]
pub unsafe extern "C" fn text_stream_step(stream: &mut Stream, id: u32, out: &mut Out) -> i32 {
    answer(out, || stream.step(id))
}

/// Leaves the text that still waits in `out`, or NOTHING; the stream starts anew.
#[no_mangle]
pub unsafe extern "C" fn text_stream_finish(stream: &mut Stream, out: &mut Out) -> i32 {
    answer(out, || stream.finish())
}
