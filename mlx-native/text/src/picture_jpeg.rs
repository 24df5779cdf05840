//! JPEG: colours as libjpeg and Pillow have them, up to rounding.

use image::metadata::Orientation;
use jpeg_decoder::{Decoder, PixelFormat};

use crate::picture::{check_pixels, each, message, Decoded};
use crate::picture_files::xmp_orientation;
use crate::Fallible;

/// Of how many passes a progressive JPEG may consist; each of them costs as much as the whole picture.
const SCANS_MAX: usize = 100;

pub fn decode(file: &[u8], pixels_max: u64) -> Fallible<Decoded> {
    check_end(file)?;
    let mut decoder = Decoder::new(file);
    decoder.read_info().map_err(message)?;
    let info = decoder.info().ok_or("it has no header")?;
    let (width, height) = (u32::from(info.width), u32::from(info.height));
    check_pixels(width, height, pixels_max)?;
    let pixels = decoder.decode().map_err(message)?;
    let rgb = match info.pixel_format {
        PixelFormat::RGB24 => pixels,
        PixelFormat::L8 => each(&pixels, 1, |p| [p[0]; 3]),
        PixelFormat::CMYK32 => each(&pixels, 4, |p| [ink(p[0], p[3]), ink(p[1], p[3]), ink(p[2], p[3])]),
        PixelFormat::L16 => return Err("its pixels have 16 bits, which is not read".to_owned()),
    };
    let exif = decoder.exif_data().and_then(Orientation::from_exif_chunk);
    let turn = exif.or_else(|| xmp_orientation(decoder.xmp_data()?));
    Ok(Decoded {
        width,
        height,
        rgb,
        turn,
    })
}

/// The light that a colour of ink and black leave.
fn ink(color: u8, black: u8) -> u8 {
    let light = u32::from(255 - black);
    let product = u32::from(color) * light + 128;
    (light - (((product >> 8) + product) >> 8)) as u8
}

/// Refuses a file that does not come to its end: the decoder fills what is missing with grey.
fn check_end(file: &[u8]) -> Fallible<()> {
    let mut place = 2;
    let mut scans = 0;
    while let Some(found) = file.get(place..).and_then(next_marker) {
        place += found + 2;
        match file[place - 1] {
            0xd9 => return Ok(()),
            0x01 | 0xd0..=0xd7 => {} // no content
            marker => {
                scans += usize::from(marker == 0xda);
                if scans > SCANS_MAX {
                    return Err(format!("it has more than {SCANS_MAX} scans"));
                }
                let Some(length) = file.get(place..place + 2) else {
                    break;
                };
                place += usize::from(u16::from_be_bytes([length[0], length[1]])).max(2);
            }
        }
    }
    Err("it is truncated: a JPEG must have an end".to_owned())
}

/// The place of the next marker, behind whatever is none.
fn next_marker(bytes: &[u8]) -> Option<usize> {
    bytes
        .windows(2)
        .position(|pair| pair[0] == 0xff && !matches!(pair[1], 0 | 0xff))
}
