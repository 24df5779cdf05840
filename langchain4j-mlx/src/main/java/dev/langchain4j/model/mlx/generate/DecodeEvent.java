package dev.langchain4j.model.mlx.generate;

import jdk.jfr.Category;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;
import jdk.jfr.Timespan;

/** An answer was generated, from the last token of the prompt on. */
@Name("dev.langchain4j.mlx.Decode")
@Label("Decode")
@Category({"LangChain4j", "MLX"})
@StackTrace(false)
final class DecodeEvent extends Event {
    @Label("Conversation")
    String conversation;

    @Label("Prompt Tokens")
    int promptTokens;

    @Label("Generated Tokens")
    int generatedTokens;

    @Label("Time to First Token")
    @Timespan
    long firstToken;

    @Label("Longest Time between Tokens")
    @Timespan
    long longestStall;

    /** Of the passes that its tokens came from. */
    @Label("Mean Rows")
    double meanRows;

    @Label("Most Rows")
    int maxRows;

    /** Why it ended, or the simple name of what it failed with. */
    @Label("End")
    String endReason;
}
