package dev.langchain4j.model.mlx;

import dev.langchain4j.model.chat.response.ChatResponse;
import org.slf4j.Logger;
import org.slf4j.event.Level;

/**
 * Writes prompts and answers to a chat model's log: at DEBUG, or at INFO where the application asked for it. They may
 * hold what users said, so nothing of them is written at INFO otherwise.
 */
final class ChatLog {
    private final Logger log;
    private final Level requests;
    private final Level responses;

    ChatLog(Logger log, boolean logRequests, boolean logResponses) {
        this.log = log;
        this.requests = logRequests ? Level.INFO : Level.DEBUG;
        this.responses = logResponses ? Level.INFO : Level.DEBUG;
    }

    /** The prompt as the model reads it, with its markers. */
    void request(String model, int tokens, String prompt) {
        log.atLevel(requests).log("prompt for {} ({} tokens):\n{}", model, tokens, prompt);
    }

    /** The answer as the application gets it, and what it cost. */
    void response(String model, ChatResponse response) {
        log.atLevel(responses)
                .log(
                        "answer of {} ({}, {}):\n{}",
                        model,
                        response.finishReason(),
                        response.tokenUsage(),
                        response.aiMessage());
    }
}
