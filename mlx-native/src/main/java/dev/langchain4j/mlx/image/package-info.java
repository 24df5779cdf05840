/**
 * Pictures from files to RGB bytes, and resized, to the byte as Pillow has them. Entries: {@link
 * dev.langchain4j.mlx.image.ImageDecoder}, {@link dev.langchain4j.mlx.image.Resampler}.
 */
package dev.langchain4j.mlx.image;
