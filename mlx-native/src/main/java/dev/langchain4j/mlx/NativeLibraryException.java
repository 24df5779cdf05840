package dev.langchain4j.mlx;

/** A native library that is nowhere to be found, cannot be loaded, or is of another version than this one needs. */
public class NativeLibraryException extends MlxException {
    private static final long serialVersionUID = 1L;

    /** Makes one with a message. */
    public NativeLibraryException(String message) {
        super(message);
    }

    /** Makes one with a message and its cause. */
    public NativeLibraryException(String message, Throwable cause) {
        super(message, cause);
    }
}
