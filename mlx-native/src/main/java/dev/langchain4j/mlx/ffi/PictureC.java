package dev.langchain4j.mlx.ffi;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/** The text library's decoder of pictures. */
public final class PictureC {
    private static final MethodHandle DECODE = TextOut.link("text_picture_decode", "JJJJ)I");
    private static final long SIZES_BYTES = 2L * Integer.BYTES;

    /** RGB bytes, row-major. */
    public record Pixels(int height, int width, byte[] rgb) {}

    private PictureC() {}

    /** The pixels of a picture, turned as its EXIF data says. */
    public static Pixels decode(byte[] file, long pixelsMax) {
        try (TextOut out = new TextOut()) {
            long copy = out.copy(file);
            out.check((int) DECODE.invokeExact(copy, (long) file.length, pixelsMax, out.address()));
            MemorySegment data = out.data();
            long sizes = data.byteSize() - SIZES_BYTES;
            return new Pixels(
                    data.get(ValueLayout.JAVA_INT_UNALIGNED, sizes),
                    data.get(ValueLayout.JAVA_INT_UNALIGNED, sizes + Integer.BYTES),
                    data.asSlice(0, sizes).toArray(ValueLayout.JAVA_BYTE));
        } catch (Throwable e) {
            throw Downcall.failed("text_picture_decode", e);
        }
    }
}
