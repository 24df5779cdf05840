package dev.langchain4j.model.mlx.draft;

/** Where drafted tokens come from. */
public enum DraftKind {
    /** A grammar leaves no other text: the answer must keep a JSON schema, or has to call a tool. */
    FORCED,
    /** A call that the model began by itself goes on like this, if it is one of the tools on offer. */
    SYNTAX,
    /** The prompt goes on like this where it has the same tokens as the answer. */
    COPIED,
    /** The prompt cache knows what came behind the same tokens in other answers. */
    CONTINUED,
    /** A smaller model with the same tokenizer says so. */
    DRAFT_MODEL,
    /** The model's own heads for the tokens behind the next one say so (MTP). */
    MTP
}
