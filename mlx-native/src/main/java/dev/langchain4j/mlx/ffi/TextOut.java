package dev.langchain4j.mlx.ffi;

import dev.langchain4j.mlx.TextLibraryException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;

/**
 * One call of the text library: the memory of its arguments, and the buffer (data, length, capacity) in which it leaves
 * an answer, or the text of its failure.
 */
final class TextOut implements AutoCloseable {
    private static final int OK = 0;
    private static final int FAILED = 1;
    private static final MethodHandle FREE = link("text_out_free", "J)V");

    private final Arena arena = Arena.ofConfined();
    private final MemorySegment buffer = arena.allocate(ValueLayout.JAVA_LONG, 3);

    static MethodHandle link(String name, String shape) {
        return Downcall.link(NativeLibrary.text(), name, shape);
    }

    long address() {
        return buffer.address();
    }

    long copy(byte[] bytes) {
        return arena.allocateFrom(ValueLayout.JAVA_BYTE, bytes).address();
    }

    long copy(int[] numbers) {
        return arena.allocateFrom(ValueLayout.JAVA_INT, numbers).address();
    }

    MemorySegment space(int numbers) {
        return arena.allocate(ValueLayout.JAVA_INT, numbers);
    }

    /** Whether there is an answer; throws for a failure. */
    boolean check(int status) {
        if (status == FAILED) {
            throw new TextLibraryException(text());
        }
        return status == OK;
    }

    /** The handle that a call returned; throws if it returned none. */
    long check(long handle) {
        if (handle == 0) {
            throw new TextLibraryException(text());
        }
        return handle;
    }

    String text() {
        return new String(data().toArray(ValueLayout.JAVA_BYTE), StandardCharsets.UTF_8);
    }

    int[] numbers() {
        return data().toArray(ValueLayout.JAVA_INT_UNALIGNED);
    }

    MemorySegment data() {
        long length = buffer.getAtIndex(ValueLayout.JAVA_LONG, 1);
        return MemorySegment.ofAddress(buffer.getAtIndex(ValueLayout.JAVA_LONG, 0))
                .reinterpret(length);
    }

    @Override
    public void close() {
        try {
            FREE.invokeExact(buffer.address());
        } catch (Throwable e) {
            throw Downcall.failed("text_out_free", e);
        } finally {
            arena.close();
        }
    }
}
