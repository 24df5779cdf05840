package dev.langchain4j.model.mlx.generate;

import jdk.jfr.Category;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/** What the next prompt of a conversation begins with was computed, while the model was idle. */
@Name("dev.langchain4j.mlx.ComputeAhead")
@Label("Compute Ahead")
@Category({"LangChain4j", "MLX"})
@StackTrace(false)
final class AheadEvent extends Event {
    @Label("Conversation")
    String conversation;

    @Label("Start Position")
    int start;

    @Label("End Position")
    int end;

    @Label("Wanted End Position")
    int wanted;

    @Label("Stopped")
    boolean stopped;
}
