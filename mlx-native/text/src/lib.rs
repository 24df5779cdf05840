//! Hugging Face tokenizers, llguidance and decoders of pictures behind a C ABI, called from Java.
//!
//! Conventions: text is UTF-8 with a length; a handle is a pointer that its `_close` function takes back; whatever has
//! no fixed size comes back in an [`Out`], which the caller frees with `text_out_free`. A function's status is [`OK`],
//! [`FAILED`] (the error's text is in the `Out`) or [`NOTHING`]. No panic leaves this library.

mod grammar;
mod mend;
mod picture;
mod picture_files;
mod picture_gif;
mod picture_jpeg;
mod stream;
mod tokenizer;
mod vocabulary;

use std::panic::{self, catch_unwind, AssertUnwindSafe};
use std::ptr;
use std::sync::Once;

pub const OK: i32 = 0;
pub const FAILED: i32 = 1;
pub const NOTHING: i32 = 2;

/// Raised with every change of a signature; Java refuses another one than it was written for.
const ABI_VERSION: u32 = 3;

pub type Fallible<T> = Result<T, String>;

/// A buffer that this library allocated.
#[repr(C)]
pub struct Out {
    data: *mut u8,
    len: usize,
    capacity: usize,
}

impl Out {
    fn fill(&mut self, bytes: Vec<u8>) {
        let mut bytes = std::mem::ManuallyDrop::new(bytes);
        self.data = bytes.as_mut_ptr();
        self.len = bytes.len();
        self.capacity = bytes.capacity();
    }
}

#[no_mangle]
pub extern "C" fn text_abi_version() -> u32 {
    ABI_VERSION
}

/// Frees what a call left in `out`; a second call does nothing.
///
/// # Safety
/// `out` is zeroed or was filled by this library.
#[no_mangle]
pub unsafe extern "C" fn text_out_free(out: &mut Out) {
    if !out.data.is_null() {
        drop(Vec::from_raw_parts(out.data, out.len, out.capacity));
        out.data = ptr::null_mut();
    }
}

/// Runs `work` and leaves its bytes, or the text of its failure, in `out`.
pub(crate) fn answer(out: &mut Out, work: impl FnOnce() -> Fallible<Option<Vec<u8>>>) -> i32 {
    match guarded(work) {
        Ok(Some(bytes)) => {
            out.fill(bytes);
            OK
        }
        Ok(None) => NOTHING,
        Err(message) => {
            out.fill(message.into_bytes());
            FAILED
        }
    }
}

/// Runs `work` and returns a handle, or null with the text of its failure in `out`.
pub(crate) fn open<T>(out: &mut Out, work: impl FnOnce() -> Fallible<T>) -> *mut T {
    match guarded(work) {
        Ok(value) => Box::into_raw(Box::new(value)),
        Err(message) => {
            out.fill(message.into_bytes());
            ptr::null_mut()
        }
    }
}

/// Drops what `handle` points to.
///
/// # Safety
/// `handle` came from [`open`] and is not used again.
pub(crate) unsafe fn close<T>(handle: *mut T) {
    // A panic inside a destructor leaks its value; nothing else is left to do here.
    let _ = guarded(|| {
        drop(Box::from_raw(handle));
        Ok(())
    });
}

fn guarded<T>(work: impl FnOnce() -> Fallible<T>) -> Fallible<T> {
    // A panic becomes an error with its text; nothing is to be printed beside it.
    static SILENCE: Once = Once::new();
    SILENCE.call_once(|| panic::set_hook(Box::new(|_| {})));
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let message = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("unknown panic");
        Err(format!("internal error: {message}"))
    })
}

/// The bytes at `data`; an empty slice for a length of 0, whatever `data` is.
///
/// # Safety
/// `data` points to `len` readable elements that nobody writes meanwhile.
pub(crate) unsafe fn slice<'a, T>(data: *const T, len: usize) -> &'a [T] {
    if len == 0 {
        &[]
    } else {
        std::slice::from_raw_parts(data, len)
    }
}

pub(crate) fn utf8(bytes: &[u8]) -> Fallible<&str> {
    std::str::from_utf8(bytes).map_err(|error| format!("not UTF-8: {error}"))
}

pub(crate) fn to_bytes(numbers: impl IntoIterator<Item = u32>) -> Vec<u8> {
    numbers.into_iter().flat_map(u32::to_ne_bytes).collect()
}
