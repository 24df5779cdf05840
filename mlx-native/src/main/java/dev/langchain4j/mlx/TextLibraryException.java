package dev.langchain4j.mlx;

/** What the text library says of a tokenizer, a text, a grammar or an image. MLX is as it was. */
public class TextLibraryException extends MlxException {
    private static final long serialVersionUID = 1L;

    /** Makes one with a message. */
    public TextLibraryException(String message) {
        super(message);
    }
}
