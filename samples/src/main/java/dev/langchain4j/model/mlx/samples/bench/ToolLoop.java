package dev.langchain4j.model.mlx.samples.bench;

import dev.langchain4j.model.mlx.cache.Isolation;
import dev.langchain4j.model.mlx.generate.Engine;
import dev.langchain4j.model.mlx.generate.GenerationRequest;
import dev.langchain4j.model.mlx.generate.GenerationResult;
import dev.langchain4j.model.mlx.generate.Sampling;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.function.IntPredicate;

/**
 * An agent's tool loop as the engine sees it: each round's prompt is the last one, what the model said, and new tokens
 * (a tool's result). With a prompt cache a round costs its new tokens; without one, all of them.
 */
public final class ToolLoop {

    /**
     * What a round cost.
     *
     * @param number from 1 on
     * @param seconds from the beginning of the request to its first token
     */
    public record Round(int number, int promptTokens, int cachedTokens, double seconds) {}

    private final Engine engine;
    private final int vocabulary;
    private final int stepTokens;
    private final int answerTokens;

    /**
     * A loop on this engine.
     *
     * @param vocabulary number of token ids
     * @param stepTokens new tokens a round
     * @param answerTokens tokens that the model says in a round
     */
    public ToolLoop(Engine engine, int vocabulary, int stepTokens, int answerTokens) {
        this.engine = engine;
        this.vocabulary = vocabulary;
        this.stepTokens = stepTokens;
        this.answerTokens = answerTokens;
    }

    /** Runs all rounds of one conversation. */
    public List<Round> run(int rounds) {
        return run(rounds, round -> true);
    }

    /**
     * Runs some rounds of one conversation; a round that is left out has made-up tokens in place of the model's.
     *
     * @param measured which rounds are run
     */
    public List<Round> run(int rounds, IntPredicate measured) {
        List<Round> all = new ArrayList<>();
        Object conversation = new Object();
        int[] prompt = Tokens.of(stepTokens, vocabulary, 1);
        for (int round = 1; round <= rounds; round++) {
            if (!measured.test(round)) {
                prompt = Tokens.concat(prompt, Tokens.of(answerTokens + stepTokens, vocabulary, 1 + round));
                continue;
            }
            GenerationResult result = generate(prompt, conversation);
            double seconds = result.timings().timeToFirstToken() / 1e9;
            all.add(new Round(round, prompt.length, result.cachedTokens(), seconds));
            prompt = Tokens.concat(prompt, result.generated(), Tokens.of(stepTokens, vocabulary, 1 + round));
        }
        return all;
    }

    private GenerationResult generate(int[] prompt, Object conversation) {
        GenerationRequest request = new GenerationRequest(
                prompt, List.of(), conversation, Isolation.SHARED, Sampling.GREEDY, answerTokens, List.of());
        try {
            return engine.submit(request, piece -> {}).result().get();
        } catch (InterruptedException | ExecutionException e) {
            throw new IllegalStateException(e);
        }
    }
}
