package dev.langchain4j.model.mlx.hub;

import java.io.IOException;
import java.time.Duration;

/** A request that went wrong in a way that another attempt may mend. */
final class BrokenTransferException extends IOException {
    private static final long serialVersionUID = 1L;
    private final int status;
    private final transient Duration retryAfter;

    BrokenTransferException(String message) {
        this(message, 0, null);
    }

    /**
     * @param status what the server answered; 0 if the answer itself was wrong
     * @param retryAfter how long the server asks to wait, or null
     */
    BrokenTransferException(String message, int status, Duration retryAfter) {
        super(message);
        this.status = status;
        this.retryAfter = retryAfter;
    }

    int status() {
        return status;
    }

    Duration retryAfter() {
        return retryAfter;
    }
}
