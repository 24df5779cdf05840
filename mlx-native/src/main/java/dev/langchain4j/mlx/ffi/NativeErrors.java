package dev.langchain4j.mlx.ffi;

import dev.langchain4j.mlx.MlxException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;

/**
 * Keeps the text of the last failure on each thread. Without this handler mlx-c ends the process; a handler that throws
 * ends the JVM, so ours cannot.
 */
public final class NativeErrors {
    private static final ThreadLocal<String> LAST = new ThreadLocal<>();
    private static final int MESSAGE_BYTES_MAX = 1 << 16;
    private static volatile boolean installed;

    private NativeErrors() {}

    /**
     * Installs the handler, once for the process; returns at once after that.
     *
     * @throws MlxException if there is no library to install it in, each time
     */
    public static void install() {
        if (!installed) {
            installNow();
        }
    }

    /** The text of this thread's last failure, which is forgotten by the call, or a placeholder. */
    public static String take() {
        String text = LAST.get();
        LAST.remove();
        return text == null ? "no message from the native library" : text;
    }

    private static void onError(long message, long data) {
        try {
            LAST.set(MemorySegment.ofAddress(message)
                    .reinterpret(MESSAGE_BYTES_MAX)
                    .getString(0));
        } catch (Throwable e) {
            LAST.set("unreadable message of the native library");
        }
    }

    // Not in a static initializer: a missing library would come out as an error of the class, without a text.
    private static synchronized void installNow() {
        if (installed) {
            return;
        }
        MethodHandle target;
        try {
            target = MethodHandles.lookup()
                    .findStatic(
                            NativeErrors.class,
                            "onError",
                            MethodType.methodType(void.class, long.class, long.class));
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
        NativeLibrary.mlx();
        MemorySegment stub = Linker.nativeLinker()
                .upcallStub(
                        target,
                        FunctionDescriptor.ofVoid(ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG),
                        Arena.global());
        MlxC.mlx_set_error_handler(stub.address(), 0, 0);
        installed = true;
    }
}
