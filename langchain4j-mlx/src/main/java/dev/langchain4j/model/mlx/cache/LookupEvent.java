package dev.langchain4j.model.mlx.cache;

import jdk.jfr.Category;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/** A prompt was looked up, and its sequence put together. */
@Name("dev.langchain4j.mlx.CacheLookup")
@Label("Prompt Cache Lookup")
@Category({"LangChain4j", "MLX"})
@StackTrace(false)
final class LookupEvent extends Event {
    @Label("Conversation")
    String conversation;

    @Label("Prompt Tokens")
    int promptTokens;

    @Label("Matched Tokens")
    int matchedTokens;

    @Label("Resume Position")
    int resumePosition;

    @Label("Reason")
    String reason;

    void commit(CacheRequest request, PrefixTrie.Match match, ReusePlan plan) {
        if (shouldCommit()) {
            conversation = request.conversation() == null ? "anonymous" : String.valueOf(request.conversation());
            promptTokens = request.tokens().length;
            matchedTokens = match.matched();
            resumePosition = plan.resumePosition();
            reason = plan.reason().name();
            commit();
        }
    }
}
