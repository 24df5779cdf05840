package dev.langchain4j.model.mlx.prompt;

import jdk.jfr.Category;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/** A request was written as tokens: its chat template was rendered, and the text tokenized. */
@Name("dev.langchain4j.mlx.Prompt")
@Label("Prompt")
@Category({"LangChain4j", "MLX"})
@StackTrace(false)
final class PromptEvent extends Event {
    @Label("Conversation")
    String conversation;

    @Label("Messages")
    int messages;

    @Label("Characters")
    int characters;

    /** Those whose tokens were not known from an earlier prompt. */
    @Label("Tokenized Characters")
    int tokenizedCharacters;

    @Label("Prompt Tokens")
    int promptTokens;

    void commit(PromptRequest request, Prompt prompt, PieceEncoder encoder) {
        if (shouldCommit()) {
            conversation = request.conversation() == null ? "anonymous" : String.valueOf(request.conversation());
            messages = request.messages().size();
            characters = prompt.text().length();
            tokenizedCharacters = encoder.tokenizedChars();
            promptTokens = prompt.tokens().length;
            commit();
        }
    }
}
