package dev.langchain4j.model.mlx.generate;

import jdk.jfr.Category;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/** The part of a prompt that was not cached was computed. */
@Name("dev.langchain4j.mlx.Prefill")
@Label("Prefill")
@Category({"LangChain4j", "MLX"})
@StackTrace(false)
final class PrefillEvent extends Event {
    @Label("Conversation")
    String conversation;

    @Label("Prompt Tokens")
    int promptTokens;

    @Label("Start Position")
    int start;

    @Label("End Position")
    int end;

    @Label("Chunks")
    int chunks;

    @Label("Cancelled")
    boolean cancelled;
}
