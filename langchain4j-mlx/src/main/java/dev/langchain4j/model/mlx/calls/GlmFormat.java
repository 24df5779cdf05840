package dev.langchain4j.model.mlx.calls;

import dev.langchain4j.model.mlx.grammar.ArgumentTags;

/** GLM 4.5 and later: a name and pairs of tags. */
final class GlmFormat extends TaggedFormat {
    private static final ArgumentTags TAGS =
            new ArgumentTags("%s", "<arg_key>%s</arg_key>", "</arg_value>", "", false, false, false, false);

    GlmFormat() {
        super("<tool_call>", "</tool_call>", TAGS);
    }

    @Override
    boolean isToldBy(Clues clues) {
        return clues.says(start) && clues.says(token());
    }

    @Override
    String token() {
        return "<arg_key>";
    }
}
