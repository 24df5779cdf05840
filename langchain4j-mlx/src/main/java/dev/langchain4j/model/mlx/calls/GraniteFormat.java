package dev.langchain4j.model.mlx.calls;

/** Granite 3: a JSON list behind a token, which nothing ends. */
final class GraniteFormat extends JsonListFormat {
    GraniteFormat() {
        super("<|tool_call|>", "");
    }

    @Override
    String token() {
        return start;
    }
}
