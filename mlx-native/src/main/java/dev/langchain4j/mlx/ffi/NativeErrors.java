package dev.langchain4j.mlx.ffi;

import dev.langchain4j.mlx.MlxException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;

/**
 * Keeps the text of the last failure on each thread. Without this handler mlx-c ends the process; a handler that throws
 * ends the JVM, so ours cannot.
 *
 * <p>The native library lives as long as the process and so does its handler. Therefore the handler is made of methods
 * of the JDK alone and keeps texts as system properties: these classes can be unloaded, and where several class loaders
 * have them, each finds its texts whoever came last.
 */
public final class NativeErrors {
    private static final String PROPERTY = "langchain4j.mlx.native.error.";
    private static final int MESSAGE_BYTES_MAX = 1 << 16;
    private static volatile boolean installed;

    private NativeErrors() {}

    /**
     * Installs the handler, once for these classes; returns at once after that.
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
        String text = System.clearProperty(PROPERTY + Thread.currentThread().threadId());
        return text == null ? "no message from the native library" : text;
    }

    /** {@code (message, data) -> System.setProperty(PROPERTY.concat(current thread's id), message)}. */
    private static MethodHandle handler() throws ReflectiveOperationException {
        MethodHandles.Lookup jdk = MethodHandles.publicLookup();
        MethodHandle text = MethodHandles.insertArguments(
                jdk.findVirtual(MemorySegment.class, "getString", MethodType.methodType(String.class, long.class)),
                1,
                0L);
        MethodHandle key = jdk.findStatic(Thread.class, "currentThread", MethodType.methodType(Thread.class));
        for (MethodHandle next : new MethodHandle[] {
            jdk.findVirtual(Thread.class, "threadId", MethodType.methodType(long.class)),
            jdk.findStatic(String.class, "valueOf", MethodType.methodType(String.class, long.class)),
            jdk.findVirtual(String.class, "concat", MethodType.methodType(String.class, String.class))
                    .bindTo(PROPERTY)
        }) {
            key = MethodHandles.filterReturnValue(key, next);
        }
        MethodHandle set = jdk.findStatic(
                System.class, "setProperty", MethodType.methodType(String.class, String.class, String.class));
        MethodHandle keep = MethodHandles.filterArguments(MethodHandles.collectArguments(set, 0, key), 0, text)
                .asType(MethodType.methodType(void.class, MemorySegment.class));
        MethodHandle nothing = MethodHandles.empty(MethodType.methodType(void.class, Throwable.class));
        return MethodHandles.dropArguments(MethodHandles.catchException(keep, Throwable.class, nothing), 1, long.class);
    }

    // Not in a static initializer: a missing library would come out as an error of the class, without a text.
    private static synchronized void installNow() {
        if (installed) {
            return;
        }
        NativeLibrary.mlx();
        MemoryLayout message = MemoryLayout.sequenceLayout(MESSAGE_BYTES_MAX, ValueLayout.JAVA_BYTE);
        MethodHandle handler;
        try {
            handler = handler();
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
        MemorySegment stub = Linker.nativeLinker()
                .upcallStub(
                        handler,
                        FunctionDescriptor.ofVoid(ValueLayout.ADDRESS.withTargetLayout(message), ValueLayout.JAVA_LONG),
                        Arena.global());
        MlxC.mlx_set_error_handler(stub.address(), 0, 0);
        installed = true;
    }
}
