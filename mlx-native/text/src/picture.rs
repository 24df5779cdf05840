//! Pictures to RGB bytes, as Pillow's `exif_transpose` and then `convert("RGB")` give them.

use std::io::Cursor;

use image::codecs::{png::PngDecoder, webp::WebPDecoder};
use image::metadata::Orientation;
use image::{ColorType, DynamicImage, ImageDecoder, ImageFormat, Limits, RgbImage};

use crate::picture_files::{check_webp, is_grey16, png_exif, xmp_orientation};
use crate::{answer, slice, to_bytes, Fallible, Out};
use crate::{picture_gif, picture_jpeg};

/// What the PNG decoder may allocate beside the pixels.
const MEMORY_MAX: u64 = 1 << 26;

/// What JPEG and GIF can have at most: nobody behind this has to think of sizes that do not fit into an integer.
const SIDE_MAX: u32 = 65_535;

/// A decoded picture, not turned yet.
pub struct Decoded {
    pub width: u32,
    pub height: u32,
    pub rgb: Vec<u8>,
    pub turn: Option<Orientation>,
}

/// Decodes a PNG, JPEG, WebP or GIF picture (of several the first one), turned as its EXIF data says. Leaves the RGB bytes
/// in `out`, row-major, and behind them height and width. Sizes are checked before pixels are decoded.
///
/// # Safety
/// As for every function here: pointers are valid for their lengths.
#[no_mangle]
pub unsafe extern "C" fn text_picture_decode(file: *const u8, len: usize, pixels_max: u64, out: &mut Out) -> i32 {
    answer(out, || {
        let picture = turned(decode(slice(file, len), pixels_max)?)?;
        let (width, height) = picture.dimensions();
        let mut bytes = picture.into_raw();
        bytes.extend(to_bytes([height, width]));
        Ok(Some(bytes))
    })
}

fn decode(file: &[u8], pixels_max: u64) -> Fallible<Decoded> {
    let input = Cursor::new(file);
    match image::guess_format(file) {
        Ok(ImageFormat::Png) => {
            let mut limits = Limits::no_limits();
            limits.max_alloc = Some(MEMORY_MAX);
            let decoder = PngDecoder::with_limits(input, limits).map_err(message)?;
            read(decoder, png_exif(file), is_grey16(file), pixels_max)
        }
        Ok(ImageFormat::Jpeg) => picture_jpeg::decode(file, pixels_max),
        Ok(ImageFormat::WebP) => {
            check_webp(file, pixels_max)?;
            read(WebPDecoder::new(input).map_err(message)?, None, false, pixels_max)
        }
        Ok(ImageFormat::Gif) => picture_gif::first_frame(file, pixels_max),
        Ok(other) => Err(format!(
            "it is a {other:?} file, but only PNG, JPEG, WebP and GIF are read"
        )),
        Err(_) => Err("it is no PNG, JPEG, WebP or GIF file".to_owned()),
    }
}

/// Reads the pixels of a PNG or WebP.
fn read(mut decoder: impl ImageDecoder, exif: Option<&[u8]>, grey16: bool, pixels_max: u64) -> Fallible<Decoded> {
    let (width, height) = decoder.dimensions();
    check_pixels(width, height, pixels_max)?;
    let own_exif = decoder.exif_metadata().ok().flatten();
    let turn = exif
        .or(own_exif.as_deref())
        .map(|chunk| chunk.strip_prefix(b"Exif\0\0").unwrap_or(chunk))
        .and_then(Orientation::from_exif_chunk)
        .or_else(|| xmp_orientation(&decoder.xmp_metadata().ok()??));
    let color = decoder.color_type();
    let mut pixels = vec![0; decoder.total_bytes() as usize];
    decoder.read_image(&mut pixels).map_err(message)?;
    let rgb = to_rgb(pixels, color, grey16)?;
    Ok(Decoded {
        width,
        height,
        rgb,
        turn,
    })
}

fn turned(decoded: Decoded) -> Fallible<RgbImage> {
    let picture = RgbImage::from_raw(decoded.width, decoded.height, decoded.rgb)
        .ok_or("it has other pixels than its header says")?;
    let mut picture = DynamicImage::ImageRgb8(picture);
    picture.apply_orientation(decoded.turn.unwrap_or(Orientation::NoTransforms));
    Ok(picture.into_rgb8())
}

/// Refuses what is larger than the limit.
pub fn check_pixels(width: u32, height: u32, pixels_max: u64) -> Fallible<()> {
    let pixels = u64::from(width) * u64::from(height);
    if pixels == 0 || pixels > pixels_max || width.max(height) > SIDE_MAX {
        return Err(format!(
            "it is {width} x {height} pixels large, but must have 1 to {pixels_max}, and {SIDE_MAX} at most on a side"
        ));
    }
    Ok(())
}

/// Pillow drops alpha, and of 16 bits the lower 8; but it cuts off grey of 16 bits at 255.
fn to_rgb(pixels: Vec<u8>, color: ColorType, grey16: bool) -> Fallible<Vec<u8>> {
    let high = |sample: &[u8]| (u16::from_ne_bytes([sample[0], sample[1]]) >> 8) as u8;
    let cut = |sample: &[u8]| u16::from_ne_bytes([sample[0], sample[1]]).min(255) as u8;
    Ok(match color {
        ColorType::Rgb8 => pixels,
        ColorType::L8 => each(&pixels, 1, |p| [p[0]; 3]),
        ColorType::La8 => each(&pixels, 2, |p| [p[0]; 3]),
        ColorType::Rgba8 => each(&pixels, 4, |p| [p[0], p[1], p[2]]),
        ColorType::L16 => each(&pixels, 2, |p| [cut(p); 3]),
        ColorType::La16 if grey16 => each(&pixels, 4, |p| [cut(p); 3]),
        ColorType::La16 => each(&pixels, 4, |p| [high(p); 3]),
        ColorType::Rgb16 => each(&pixels, 6, |p| [high(p), high(&p[2..]), high(&p[4..])]),
        ColorType::Rgba16 => each(&pixels, 8, |p| [high(p), high(&p[2..]), high(&p[4..])]),
        other => return Err(format!("its pixels are {other:?}, which is not read")),
    })
}

/// The RGB bytes of pixels that have `size` bytes each.
pub fn each(pixels: &[u8], size: usize, rgb: impl Fn(&[u8]) -> [u8; 3]) -> Vec<u8> {
    let mut all = Vec::with_capacity(pixels.len() / size * 3);
    for pixel in pixels.chunks_exact(size) {
        all.extend_from_slice(&rgb(pixel));
    }
    all
}

pub fn message(error: impl std::fmt::Display) -> String {
    format!("it cannot be decoded: {error}")
}
