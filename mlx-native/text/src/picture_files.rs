//! What the files of pictures say beside their pixels.

use image::metadata::Orientation;

use crate::picture::check_pixels;
use crate::Fallible;

/// Whether a PNG is grey of 16 bits without an alpha channel.
pub fn is_grey16(file: &[u8]) -> bool {
    file.get(24..26) == Some(&[16, 0])
}

/// The EXIF chunk of a PNG, which may stand behind the pixels, too.
pub fn png_exif(file: &[u8]) -> Option<&[u8]> {
    let mut rest = file.get(8..)?;
    loop {
        let length = u32::from_be_bytes(rest.get(..4)?.try_into().ok()?) as usize;
        if rest.get(4..8)? == b"eXIf" {
            return rest.get(8..length.checked_add(8)?);
        }
        rest = rest.get(length.checked_add(12)?..)?;
    }
}

/// The turn that XMP data say.
pub fn xmp_orientation(xmp: &[u8]) -> Option<Orientation> {
    const NAME: &[u8] = b"tiff:Orientation";
    let place = xmp.windows(NAME.len()).position(|part| part == NAME)?;
    let value = &xmp[place + NAME.len()..];
    let digit = value
        .strip_prefix(b"=\"")
        .or_else(|| value.strip_prefix(b">"))?
        .first()?;
    Orientation::from_exif(digit.checked_sub(b'0')?)
}

/// Refuses a WebP with a frame that is larger than the limit, whatever the file says of its size.
pub fn check_webp(file: &[u8], pixels_max: u64) -> Fallible<()> {
    check_webp_chunks(file.get(12..).unwrap_or_default(), pixels_max)
}

fn check_webp_chunks(mut chunks: &[u8], pixels_max: u64) -> Fallible<()> {
    while let Some((header, rest)) = chunks.split_at_checked(8) {
        let length = u32::from_le_bytes([header[4], header[5], header[6], header[7]]) as usize;
        let content = &rest[..length.min(rest.len())];
        let size = match &header[..4] {
            b"VP8 " => content.get(6..10).map(|size| {
                let side = |at: usize| u32::from(u16::from_le_bytes([size[at], size[at + 1]]) & 0x3fff);
                (side(0), side(2))
            }),
            b"VP8L" => content.get(1..5).map(|size| {
                let bits = u32::from_le_bytes([size[0], size[1], size[2], size[3]]);
                ((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1)
            }),
            b"ANMF" => {
                check_webp_chunks(content.get(16..).unwrap_or_default(), pixels_max)?;
                content.get(6..12).map(|size| {
                    let side = |at: usize| u32::from_le_bytes([size[at], size[at + 1], size[at + 2], 0]) + 1;
                    (side(0), side(3))
                })
            }
            _ => None,
        };
        if let Some((width, height)) = size {
            check_pixels(width, height, pixels_max)?;
        }
        chunks = rest.get(length.saturating_add(length % 2)..).unwrap_or_default();
    }
    Ok(())
}
