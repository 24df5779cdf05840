//! The first frame of a GIF: colours of its palette, whether they count as transparent or not.

use gif::{ColorOutput, DecodeOptions, MemoryLimit};

use crate::picture::{check_pixels, message, Decoded};
use crate::Fallible;

pub fn first_frame(file: &[u8], pixels_max: u64) -> Fallible<Decoded> {
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::Indexed);
    options.set_memory_limit(MemoryLimit::Unlimited);
    let mut decoder = options.read_info(file).map_err(message)?;
    let (screen_width, screen_height) = (u32::from(decoder.width()), u32::from(decoder.height()));
    let frame = decoder.next_frame_info().map_err(message)?.ok_or("it has no frame")?;
    let (left, top) = (u32::from(frame.left), u32::from(frame.top));
    let (frame_width, frame_height) = (u32::from(frame.width), u32::from(frame.height));
    let around = frame.transparent.unwrap_or(0);
    let width = screen_width.max(left + frame_width);
    let height = screen_height.max(top + frame_height);
    check_pixels(width, height, pixels_max)?;
    check_pixels(frame_width, frame_height, pixels_max)?;
    let mut indices = vec![0; decoder.buffer_size()];
    decoder.read_into_buffer(&mut indices).map_err(message)?;
    let palette = decoder.palette().ok();
    let color = |index: u8| match palette {
        Some(palette) => {
            let place = usize::from(index) * 3;
            palette
                .get(place..place + 3)
                .map_or([0; 3], |color| [color[0], color[1], color[2]])
        }
        None => [index; 3],
    };
    let mut rgb = Vec::with_capacity((width * height * 3) as usize);
    for y in 0..height {
        for x in 0..width {
            let (column, row) = (x.wrapping_sub(left), y.wrapping_sub(top));
            let inside = column < frame_width && row < frame_height;
            let index = if inside {
                indices[(row * frame_width + column) as usize]
            } else {
                around
            };
            rgb.extend_from_slice(&color(index));
        }
    }
    Ok(Decoded {
        width,
        height,
        rgb,
        turn: None,
    })
}
