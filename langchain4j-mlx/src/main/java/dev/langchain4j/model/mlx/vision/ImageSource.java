package dev.langchain4j.model.mlx.vision;

import dev.langchain4j.data.image.Image;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.NonRetriableException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.Locale;

/**
 * Where the files of pictures come from: base64 data, {@code data:} and {@code file:} URLs; http and https only where
 * an application allows it. Safe for use by many threads.
 */
public final class ImageSource {
    private static final int SHOWN_MAX = 80;

    private final long bytesMax;
    private final ImageUrlRules urls;

    /**
     * Creates a source.
     *
     * @param bytesMax of a picture's file
     * @param urls what http and https URLs may cost; null allows none
     */
    public ImageSource(long bytesMax, ImageUrlRules urls) {
        this.bytesMax = bytesMax;
        this.urls = urls;
    }

    /**
     * Reads the file of a picture; its content decides what it is, whatever its type is said to be.
     *
     * @param index of the picture in the request, from 0
     * @throws InvalidRequestException if it cannot be read, is too large, or its URL is not allowed; the message names
     *     the picture, counted from 1
     * @throws NonRetriableException if the thread is interrupted meanwhile
     */
    public ImageFile read(Image image, int index) {
        String number = "image " + (index + 1);
        String name = image.url() == null ? number : number + " (" + shown(image.url()) + ")";
        try {
            byte[] bytes = image.base64Data() != null ? fromBase64(image.base64Data()) : fromUrl(image.url());
            if (bytes.length > bytesMax) {
                throw new IOException(tooLarge(bytes.length));
            }
            return new ImageFile(name, bytes);
        } catch (IOException | IllegalArgumentException e) {
            throw ImageFile.refused(name, e.getMessage(), e);
        }
    }

    private static String shown(URI url) {
        String text = url.toString();
        return text.length() <= SHOWN_MAX ? text : text.substring(0, SHOWN_MAX) + "...";
    }

    private String tooLarge(long bytes) {
        return "it has " + bytes + " bytes, but at most " + bytesMax + " are read";
    }

    private byte[] fromUrl(URI url) throws IOException {
        if (url == null) {
            throw new IOException("it must have base64Data or a url");
        }
        return switch (String.valueOf(url.getScheme()).toLowerCase(Locale.ROOT)) {
            case "data" -> fromData(url.toString());
            case "file" -> fromFile(Path.of(url));
            case "http", "https" -> fromServer(url);
            default -> throw new IOException("its url must begin with data:, file:, http: or https:");
        };
    }

    private byte[] fromServer(URI url) throws IOException {
        if (urls == null) {
            throw new IOException("images are fetched from http and https URLs only after allowImageUrls(...)");
        }
        return ImageDownload.fetch(url, urls, Math.min(bytesMax, urls.bytesMax()));
    }

    private byte[] fromFile(Path file) throws IOException {
        if (!Files.exists(file)) {
            throw new IOException("there is no such file");
        }
        if (!Files.isRegularFile(file)) {
            throw new IOException("it must be a regular file");
        }
        try (InputStream in = Files.newInputStream(file)) {
            long size = Files.size(file);
            if (size > bytesMax) {
                throw new IOException(tooLarge(size));
            }
            return in.readNBytes((int) Math.min(Integer.MAX_VALUE - 8L, bytesMax + 1));
        }
    }

    /** The data of {@code data:[type][;base64],data}. */
    private byte[] fromData(String url) throws IOException {
        int comma = url.indexOf(',');
        if (comma < 0) {
            throw new IOException("a data URL must have a comma before its data");
        }
        boolean base64 = url.substring(0, comma).toLowerCase(Locale.ROOT).endsWith(";base64");
        byte[] data = withoutPercents(url.substring(comma + 1));
        return base64 ? fromBase64(new String(data, StandardCharsets.ISO_8859_1)) : data;
    }

    private byte[] fromBase64(String text) throws IOException {
        if (text.startsWith("data:")) {
            return fromData(text);
        }
        if (text.length() / 4 * 3L > bytesMax + text.length() / 16) {
            throw new IOException(tooLarge(text.length() / 4 * 3L));
        }
        try {
            return Base64.getDecoder().decode(text.replaceAll("\\s", ""));
        } catch (IllegalArgumentException e) {
            throw new IOException("its base64 data has an error: " + e.getMessage(), e);
        }
    }

    /** The bytes of a text in which {@code %41} stands for A. */
    private static byte[] withoutPercents(String text) throws IOException {
        byte[] from = text.getBytes(StandardCharsets.UTF_8);
        ByteArrayOutputStream to = new ByteArrayOutputStream(from.length);
        for (int i = 0; i < from.length; i++) {
            if (from[i] != '%') {
                to.write(from[i]);
                continue;
            }
            int value = i + 2 < from.length ? 16 * digit(from[i + 1]) + digit(from[i + 2]) : -1;
            if (value < 0) {
                throw new IOException("a data URL must have two hexadecimal digits after each %");
            }
            to.write(value);
            i += 2;
        }
        return to.toByteArray();
    }

    private static int digit(byte character) {
        int digit = Character.digit(character, 16);
        return digit < 0 ? Integer.MIN_VALUE / 32 : digit;
    }
}
