package dev.langchain4j.model.mlx.calls;

import dev.langchain4j.model.mlx.grammar.ArgumentTags;

/** Seed-OSS: Qwen3-Coder's XML between tags of its own. */
final class SeedFormat extends TaggedFormat {
    private static final ArgumentTags TAGS = new ArgumentTags(
            "<function=%s>", "<parameter=%s>", "</parameter>", "</function>", false, true, false, false);

    SeedFormat() {
        super("<seed:tool_call>", "</seed:tool_call>", TAGS);
    }

    @Override
    String token() {
        return start;
    }
}
