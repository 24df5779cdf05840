package dev.langchain4j.model.mlx;

import java.util.concurrent.atomic.AtomicLong;
import jdk.jfr.Category;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Outputs of one model that began like a tool call and are none: counted, recorded, and logged, the first as a warning.
 * Thread-safe.
 */
final class RejectedCalls {
    private static final Logger log = LoggerFactory.getLogger(RejectedCalls.class);

    private final String model;
    private final AtomicLong count = new AtomicLong();

    RejectedCalls(String model) {
        this.model = model;
    }

    /**
     * Notes one.
     *
     * @param raw what the model wrote; logged at DEBUG only
     */
    void add(String raw, String reason) {
        if (count.getAndIncrement() == 0) {
            log.warn(
                    "{} wrote a malformed tool call ({}); it was delivered as text. Further ones are"
                            + " logged at DEBUG, and counted as langchain4j.mlx.calls.rejected",
                    model,
                    reason);
        }
        log.debug("{} wrote text that began like a tool call but is not one ({}): {}", model, reason, raw);
        RejectedToolCallEvent event = new RejectedToolCallEvent();
        if (event.shouldCommit()) {
            event.model = model;
            event.reason = reason;
            event.characters = raw.length();
            event.commit();
        }
    }

    /** How many there were. */
    long count() {
        return count.get();
    }

    /** An output began like a tool call and is none. */
    @Name("dev.langchain4j.mlx.RejectedToolCall")
    @Label("Rejected Tool Call")
    @Category({"LangChain4j", "MLX"})
    @StackTrace(false)
    private static final class RejectedToolCallEvent extends Event {
        @Label("Model")
        String model;

        @Label("Reason")
        String reason;

        @Label("Characters")
        int characters;
    }
}
