package dev.langchain4j.model.mlx.samples.chat;

import dev.langchain4j.model.mlx.MlxCancellation;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** A question and what became of its answer so far. Guarded by the desk that made it. */
final class Turn {
    /** What an answer is doing. */
    enum State {
        WAITING,
        ANSWERING,
        DONE,
        STOPPED,
        FAILED
    }

    /** A tool call and its result. */
    record Call(String name, String arguments, String result) {}

    /** What one round of the tool loop cost: tokens, milliseconds, tokens a second, requests that decoded together. */
    record Round(
            int prompt,
            int cached,
            int generated,
            double queuedMillis,
            double firstTokenMillis,
            double rate,
            int rows,
            String reuse) {}

    /** What the page shows. */
    record View(
            String question,
            List<String> pictures,
            boolean tools,
            String answer,
            String thinking,
            List<Call> calls,
            List<Round> rounds,
            String state,
            String error) {}

    final String question;
    /** Small copies of the pictures, as the page made them. */
    final List<String> pictures;

    final boolean tools;
    final StringBuilder answer = new StringBuilder();
    final StringBuilder thinking = new StringBuilder();
    final List<Call> calls = new ArrayList<>();
    final List<Round> rounds = new ArrayList<>();
    State state = State.WAITING;
    String error;
    /** Cancels the rounds of this turn, from the first moment on. */
    final MlxCancellation cancellation = new MlxCancellation();
    /** Calls of the last round whose tools have not ended. */
    int openCalls;

    Turn(String question, List<String> pictures, boolean tools) {
        this.question = question;
        this.pictures = List.copyOf(pictures);
        this.tools = tools;
    }

    boolean isRunning() {
        return state == State.WAITING || state == State.ANSWERING;
    }

    View view() {
        return new View(
                question,
                pictures,
                tools,
                answer.toString(),
                thinking.toString(),
                List.copyOf(calls),
                List.copyOf(rounds),
                state.name().toLowerCase(Locale.ROOT),
                error);
    }
}
