package dev.langchain4j.model.mlx.embed;

import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Eval;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.mlx.Scope;
import dev.langchain4j.mlx.text.Tokenizer;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.Vocabulary;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How well documents answer a query, by a language model that was trained to say yes or no (Qwen3-Reranker): the share
 * of yes in the probabilities of both after the prompt of the model's card. What all prompts of a query begin with is
 * computed once. Borrows everything; may be called from any thread.
 */
public final class PairScorer {
    private static final String BEFORE =
            "<|im_start|>system\nJudge whether the Document meets the requirements based on the"
                    + " Query and the Instruct provided. Note that the answer can only be \"yes\" or"
                    + " \"no\".<|im_end|>\n<|im_start|>user\n";
    private static final String AFTER = "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n";

    private static final Logger log = LoggerFactory.getLogger(PairScorer.class);

    /** A reranker says yes or no and nothing else, so both have nearly all of the probability. */
    private static final double SHARE_MIN = 0.5;

    private final AtomicBoolean warned = new AtomicBoolean();
    private final MlxThread thread;
    private final LanguageModel model;
    private final Tokenizer tokenizer;
    private final String instruction;
    private final int tokensMax;
    private final int chunkTokens;
    private final int[] before;
    private final int[] after;
    private final int yes;
    private final int no;

    /**
     * Scores and what they cost.
     *
     * @param scores from 0 to 1, one for each document
     * @param tokens of all prompts
     */
    public record Result(List<Double> scores, int tokens) {}

    /**
     * Puts a scorer together.
     *
     * @param tokensMax most tokens of a prompt; a document that is longer loses its end
     * @param chunkTokens tokens that are fed at once
     * @throws InvalidRequestException if the tokenizer has no tokens for yes and no, or the model none of those ids
     */
    public PairScorer(
            MlxThread thread,
            LanguageModel model,
            Tokenizer tokenizer,
            String instruction,
            int tokensMax,
            int chunkTokens) {
        this.thread = thread;
        this.model = model;
        this.tokenizer = tokenizer;
        this.instruction = instruction;
        this.tokensMax = tokensMax;
        this.chunkTokens = chunkTokens;
        before = tokenizer.encode(BEFORE, false);
        after = tokenizer.encode(AFTER, false);
        yes = answer("yes");
        no = answer("no");
        Vocabulary.check(new int[] {yes, no}, model.vocabularySize());
        if (before.length + after.length >= tokensMax) {
            throw new InvalidRequestException("maxLength (" + tokensMax
                    + ") must be more than the tokens around a pair (" + (before.length + after.length) + ")");
        }
    }

    private int answer(String word) {
        return tokenizer
                .id(word)
                .orElseThrow(() -> new InvalidRequestException("the tokenizer has no token \"" + word
                        + "\": this model is not a reranker that answers yes or no"));
    }

    /**
     * Scores documents.
     *
     * @throws InvalidRequestException if the tokenizer gives ids that the model does not have
     */
    public Result score(String query, List<String> documents) {
        List<int[]> prompts = documents.stream().map(d -> prompt(query, d)).toList();
        if (prompts.isEmpty()) {
            return new Result(List.of(), 0);
        }
        prompts.forEach(prompt -> Vocabulary.check(prompt, model.vocabularySize()));
        int shared = shared(prompts);
        List<Double> scores = thread.callInSteps(new Scoring(prompts, shared));
        return new Result(scores, prompts.stream().mapToInt(p -> p.length).sum());
    }

    private int[] prompt(String query, String document) {
        String pair = "<Instruct>: " + instruction + "\n<Query>: " + query + "\n<Document>: " + document;
        // A document that names control tokens must not end its turn and answer the question itself.
        int[] middle = tokenizer.encodeText(pair, false);
        int length = Math.min(middle.length, tokensMax - before.length - after.length);
        int[] prompt = Arrays.copyOf(before, before.length + length + after.length);
        System.arraycopy(middle, 0, prompt, before.length, length);
        System.arraycopy(after, 0, prompt, before.length + length, after.length);
        return prompt;
    }

    /** Tokens that all prompts begin with; at least one of each is left. */
    private static int shared(List<int[]> prompts) {
        int[] first = prompts.getFirst();
        int shared = prompts.stream().mapToInt(p -> p.length - 1).min().orElseThrow();
        for (int[] prompt : prompts) {
            int differs = Arrays.mismatch(first, prompt);
            shared = differs < 0 ? shared : Math.min(shared, differs);
        }
        return prompts.size() == 1 ? 0 : shared;
    }

    /** Scores one prompt after the other; a step feeds a chunk, so that chats of the same model go on in between. */
    private final class Scoring implements MlxThread.Steps<List<Double>> {
        private final List<int[]> prompts;
        private final int shared;
        private final List<Double> scores = new ArrayList<>();
        private List<LayerCache> layers = List.of();
        /** Where the next chunk of the current prompt begins; -1 if that did not begin. */
        private int start = -1;

        Scoring(List<int[]> prompts, int shared) {
            this.prompts = prompts;
            this.shared = shared;
        }

        @Override
        public List<Double> step() {
            if (start < 0) {
                start = beginPrompt();
            }
            int[] prompt = prompts.get(scores.size());
            int end = Math.min(prompt.length, start + chunkTokens);
            Double score = feed(Arrays.copyOfRange(prompt, start, end), end == prompt.length, layers);
            start = end;
            if (score != null) {
                scores.add(score);
                start = -1;
            }
            return scores.size() == prompts.size() ? scores : null;
        }

        /** Leaves what all prompts have in common in the layers, if they can be cut back to it. */
        private int beginPrompt() {
            if (!layers.isEmpty() && layers.stream().allMatch(LayerCache::sliceable)) {
                layers.forEach(layer -> layer.trimTo(shared));
            } else {
                close();
                layers = model.newLayers();
            }
            return layers.isEmpty() ? 0 : layers.getFirst().offset();
        }

        @Override
        public void close() {
            List<LayerCache> left = layers;
            layers = List.of();
            left.forEach(LayerCache::close);
        }
    }

    /** Feeds a chunk; gives the score if it was the last one of a prompt, else null. */
    private Double feed(int[] chunk, boolean last, List<LayerCache> layers) {
        MlxArray result;
        try (Scope scope = Scope.open()) {
            MlxArray hidden = model.forward(MlxArray.of(chunk, 1, chunk.length), layers);
            result = (last ? answers(hidden, chunk.length) : hidden).detach();
        }
        try (result) {
            if (!last) {
                Eval.eval(LayerCache.buffers(layers));
                return null;
            }
            float[] logits = result.toFloats();
            warnIfElsewhere(Math.exp((double) logits[0] - logits[2]) + Math.exp((double) logits[1] - logits[2]));
            return 1 / (1 + Math.exp((double) logits[1] - logits[0]));
        }
    }

    private void warnIfElsewhere(double share) {
        if (share < SHARE_MIN && warned.compareAndSet(false, true)) {
            log.warn(
                    "the tokens yes and no have a probability of {} together, and about 1 for a reranker: this"
                            + " model was not trained to answer yes or no, and its scores are meaningless",
                    String.format(Locale.ROOT, "%.3f", share));
        }
    }

    /**
     * Warns of a model whose name is not that of a reranker: a chat model of the same family answers yes or no, too,
     * and nothing in its folder tells one from the other.
     */
    public static void warnUnlessNamedSo(String modelName) {
        if (!modelName.toLowerCase(Locale.ROOT).contains("rerank")) {
            log.warn(
                    "{} does not have the name of a reranker: the scores of a chat model say little about"
                            + " relevance; use a reranker such as Qwen3-Reranker",
                    modelName);
        }
    }

    /** The logits of yes and no after the last token, and the logarithm of the sum of all. */
    private MlxArray answers(MlxArray hidden, int length) {
        MlxArray logits = Ops.astype(model.logits(Indexing.slice(hidden, 1, length - 1, length)), DType.FLOAT32);
        MlxArray both = Indexing.take(logits, MlxArray.of(new int[] {yes, no}, 2), 2);
        return Indexing.contiguous(Indexing.concatenate(2, both, Ops.logsumexp(logits, 2, true)));
    }
}
