package dev.langchain4j.mlx.ffi;

import java.lang.foreign.Arena;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;

/** The functions of the C library that are called: environment variables, and the state of this process's sockets. */
public final class SystemC {
    static final SymbolLookup LIBRARY = Linker.nativeLinker().defaultLookup();

    private SystemC() {}

    /** Sets an environment variable of this process as native code sees it; {@link System#getenv} does not change. */
    public static void setenv(String name, String value) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment key = arena.allocateFrom(name);
            MemorySegment text = arena.allocateFrom(value);
            int status = (int) Setenv.HANDLE.invokeExact(key.address(), text.address(), 1);
            if (status != 0) {
                throw new IllegalArgumentException(name + " (" + value + ") cannot be an environment variable");
            }
        } catch (Throwable e) {
            throw Downcall.failed("setenv", e);
        }
    }

    /** Address and port of a socket's other end, as {@code sockaddr}; not 0 if it is none, or has none. */
    public static int getpeername(int socket, long address, long length) {
        try {
            return (int) Getpeername.HANDLE.invokeExact(socket, address, length);
        } catch (Throwable e) {
            throw Downcall.failed("getpeername", e);
        }
    }

    /** Address and port of a socket's own end, as {@code sockaddr}; not 0 if it is none. */
    public static int getsockname(int socket, long address, long length) {
        try {
            return (int) Getsockname.HANDLE.invokeExact(socket, address, length);
        } catch (Throwable e) {
            throw Downcall.failed("getsockname", e);
        }
    }

    /**
     * What happened to file descriptors, of which {@code struct pollfd} says the number; at once if the timeout is 0.
     */
    public static int poll(long descriptors, int count, int timeoutMillis) {
        try {
            return (int) Poll.HANDLE.invokeExact(descriptors, (long) count, timeoutMillis);
        } catch (Throwable e) {
            throw Downcall.failed("poll", e);
        }
    }

    /** Receives from a socket. */
    public static long recv(int socket, long buffer, long bytes, int flags) {
        try {
            return (long) Recv.HANDLE.invokeExact(socket, buffer, bytes, flags);
        } catch (Throwable e) {
            throw Downcall.failed("recv", e);
        }
    }

    /** Ends a connection, and leaves its descriptor open. */
    public static int shutdown(int socket, int how) {
        try {
            return (int) ShutDown.HANDLE.invokeExact(socket, how);
        } catch (Throwable e) {
            throw Downcall.failed("shutdown", e);
        }
    }

    private static final class Setenv {
        static final MethodHandle HANDLE = Downcall.link(LIBRARY, "setenv", "JJI)I");
    }

    private static final class Getpeername {
        static final MethodHandle HANDLE = Downcall.link(LIBRARY, "getpeername", "IJJ)I");
    }

    private static final class Getsockname {
        static final MethodHandle HANDLE = Downcall.link(LIBRARY, "getsockname", "IJJ)I");
    }

    private static final class Poll {
        static final MethodHandle HANDLE = Downcall.link(LIBRARY, "poll", "JJI)I");
    }

    private static final class Recv {
        static final MethodHandle HANDLE = Downcall.link(LIBRARY, "recv", "IJJI)J");
    }

    private static final class ShutDown {
        static final MethodHandle HANDLE = Downcall.link(LIBRARY, "shutdown", "II)I");
    }
}
