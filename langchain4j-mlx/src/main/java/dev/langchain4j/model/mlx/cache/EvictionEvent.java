package dev.langchain4j.model.mlx.cache;

import jdk.jfr.Category;
import jdk.jfr.DataAmount;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/** Something stored was evicted for a limit. */
@Name("dev.langchain4j.mlx.CacheEviction")
@Label("Prompt Cache Eviction")
@Category({"LangChain4j", "MLX"})
@StackTrace(false)
final class EvictionEvent extends Event {
    @Label("Tier")
    String tier;

    @Label("Start Position")
    int start;

    @Label("End Position")
    int end;

    @Label("Bytes Freed")
    @DataAmount
    long bytesFreed;

    @Label("Limit")
    String limit;

    /** All that a conversation had to itself was released. */
    void released(int length, long bytes) {
        tier = Tier.ASSISTANT.name();
        end = length;
        limit = "released";
        bytesFreed = bytes;
        commit();
    }
}
