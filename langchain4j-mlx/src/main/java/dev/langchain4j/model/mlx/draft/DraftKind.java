package dev.langchain4j.model.mlx.draft;

/** Where drafted tokens come from. */
public enum DraftKind {
    /** Text that a grammar forces: the answer must conform to a JSON schema, or call a tool. */
    FORCED,
    /** The syntax of a tool call that the model began by itself. */
    SYNTAX,
    /** Text of the prompt that follows the same tokens as those of the answer. */
    COPIED,
    /** Text of other answers and earlier turns that follows the same tokens. */
    CONTINUED,
    /** Tokens of a smaller model with the same tokenizer. */
    DRAFT_MODEL,
    /** Tokens of the model's own head for multi-token prediction. */
    MTP
}
