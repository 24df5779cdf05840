package dev.langchain4j.model.mlx.prompt;

import dev.langchain4j.model.mlx.calls.OutputFormat;

/**
 * What the ledger must know of a prompt to find the answer to it again.
 *
 * @param format how the model writes its answer
 * @param context digest of the messages
 * @param expected the answer, and with it the memory ID
 * @param isolated whether only requests of the same conversation may use the answer
 * @param last the prompt's text behind the last generated turn, with its tokens
 * @param opening what the template wrote behind the last message; null if that is not known
 * @param emptyReasoning the end of the prompt that opens reasoning, and may close it at once; empty if there is none
 * @param reasoningOpen whether the prompt ends inside of the reasoning
 */
record PromptOrigin(
        OutputFormat format,
        Context context,
        ExpectedTurn expected,
        boolean isolated,
        Piece last,
        String opening,
        String emptyReasoning,
        boolean reasoningOpen) {

    /** The memory ID, or null. */
    Object conversation() {
        return expected.conversation;
    }
}
