package dev.langchain4j.mlx;

/** A failure of MLX or of its libraries: what was tried, on which shapes, and the native text. */
public class MlxException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** Makes one with a message. */
    public MlxException(String message) {
        super(message);
    }

    /** Makes one with a message and its cause. */
    public MlxException(String message, Throwable cause) {
        super(message, cause);
    }
}
