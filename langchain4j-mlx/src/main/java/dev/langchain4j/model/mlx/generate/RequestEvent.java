package dev.langchain4j.model.mlx.generate;

import jdk.jfr.Category;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;
import jdk.jfr.Timespan;

/** A request, from its submission to its end. */
@Name("dev.langchain4j.mlx.Request")
@Label("Request")
@Category({"LangChain4j", "MLX"})
@StackTrace(false)
final class RequestEvent extends Event {
    @Label("Conversation")
    String conversation;

    @Label("Prompt Tokens")
    int promptTokens;

    @Label("Generated Tokens")
    int generatedTokens;

    @Label("Queue Time")
    @Timespan
    long queued;

    /** Of both, queue time and running time. */
    @Label("Waited for Memory")
    @Timespan
    long waitedForMemory;

    @Label("Running Time")
    @Timespan
    long running;

    /** Why it ended, or the simple name of what it failed with. */
    @Label("End")
    String endReason;
}
