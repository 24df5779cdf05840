package dev.langchain4j.mlx.ffi;

import dev.langchain4j.mlx.NativeLibraryException;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/** Links one native function from its name and a shape like {@code "JJJ)I"}: parameters, then the result. */
final class Downcall {
    private static final Linker LINKER = Linker.nativeLinker();

    private Downcall() {}

    static MethodHandle link(String name, String shape) {
        return link(NativeLibrary.mlx(), name, shape);
    }

    static MethodHandle link(SymbolLookup library, String name, String shape) {
        MemorySegment address = library.find(name).orElseThrow(() -> missing(name, null));
        int end = shape.indexOf(')');
        MemoryLayout[] parameters = new MemoryLayout[end];
        for (int i = 0; i < end; i++) {
            parameters[i] = layout(shape.charAt(i));
        }
        char result = shape.charAt(end + 1);
        FunctionDescriptor descriptor = result == 'V'
                ? FunctionDescriptor.ofVoid(parameters)
                : FunctionDescriptor.of(layout(result), parameters);
        return LINKER.downcallHandle(address, descriptor);
    }

    /** A failed call is either a library that could not be linked, which says so itself, or a fault of ours. */
    static RuntimeException failed(String name, Throwable e) {
        if (e instanceof RuntimeException runtime) {
            return runtime;
        }
        if (e instanceof ExceptionInInitializerError && e.getCause() instanceof RuntimeException cause) {
            return cause;
        }
        if (e instanceof NoClassDefFoundError) {
            // What Java says the second time instead of the initializer's failure.
            return missing(name, e);
        }
        if (e instanceof Error error) {
            throw error;
        }
        return new IllegalStateException("calling " + name, e);
    }

    private static NativeLibraryException missing(String name, Throwable cause) {
        return new NativeLibraryException(
                "the native library has no function " + name + ": it is of another version than this one needs. Use"
                        + " mlx-native's classes and natives of one version, or rebuild them with"
                        + " mlx-native/native/build.sh",
                cause);
    }

    private static MemoryLayout layout(char letter) {
        return switch (letter) {
            case 'I' -> ValueLayout.JAVA_INT;
            case 'J' -> ValueLayout.JAVA_LONG;
            case 'Z' -> ValueLayout.JAVA_BOOLEAN;
            case 'F' -> ValueLayout.JAVA_FLOAT;
            case 'D' -> ValueLayout.JAVA_DOUBLE;
            default -> throw new IllegalArgumentException("no layout for " + letter);
        };
    }
}
