package dev.langchain4j.model.mlx.cache;

import jdk.jfr.Category;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;
import jdk.jfr.Timespan;

/** A part of a prompt was brought from disk. */
@Name("dev.langchain4j.mlx.CacheRestore")
@Label("Prompt Cache Restore")
@Category({"LangChain4j", "MLX"})
@StackTrace(false)
final class RestoreEvent extends Event {
    @Label("Conversation")
    String conversation;

    @Label("From Position")
    int from;

    @Label("To Position")
    int to;

    @Label("Time")
    @Timespan
    long nanos;

    static void commit(CacheRequest request, int from, int to, long nanos) {
        RestoreEvent event = new RestoreEvent();
        if (event.shouldCommit()) {
            event.conversation = request.conversation() == null ? "anonymous" : String.valueOf(request.conversation());
            event.from = from;
            event.to = to;
            event.nanos = nanos;
            event.commit();
        }
    }
}
