package dev.langchain4j.model.mlx.cache;

import jdk.jfr.Category;
import jdk.jfr.DataAmount;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/** An idle sequence was folded: its own part was sliced into the trie and its buffers were freed. */
@Name("dev.langchain4j.mlx.CacheFold")
@Label("Prompt Cache Fold")
@Category({"LangChain4j", "MLX"})
@StackTrace(false)
final class FoldEvent extends Event {
    @Label("Tokens of the Sequence")
    int tokens;

    @Label("Bytes Copied")
    @DataAmount
    long bytesCopied;

    @Label("Bytes Freed")
    @DataAmount
    long bytesFreed;
}
