package dev.langchain4j.model.mlx.generate;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.mlx.Random;
import dev.langchain4j.mlx.Scope;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * Draws tokens on the device, lazily, so that the next step can be queued before the last token is known. Owns the window
 * of recent tokens that penalties look at. Used on the model's thread, one sampler a request.
 */
final class Sampler implements AutoCloseable {
    private final Sampling sampling;
    private final List<MlxArray> owned = new ArrayList<>();
    private MlxArray biasIds;
    private MlxArray biasValues;
    private final LogprobRecorder logprobs;
    private MlxArray window;
    private long drawn;
    /** Behind each row that {@link #sampleRows} drew, where there is a window. */
    private final List<MlxArray> windowsOfRows = new ArrayList<>();

    private int rows;

    /**
     * Makes a sampler.
     *
     * @param history the prompt's tokens
     */
    Sampler(Sampling sampling, int[] history) {
        this.sampling = sampling;
        this.logprobs = sampling.topLogprobs() < 0 ? null : new LogprobRecorder(sampling.topLogprobs());
        try (Scope scope = Scope.open()) {
            if (!sampling.logitBias().isEmpty()) {
                int[] ids = new int[sampling.logitBias().size()];
                float[] values = new float[ids.length];
                int i = 0;
                for (Map.Entry<Integer, Double> e : sampling.logitBias().entrySet()) {
                    ids[i] = e.getKey();
                    values[i++] = e.getValue().floatValue();
                }
                biasIds = keep(MlxArray.of(ids, 1, ids.length));
                biasValues = keep(MlxArray.of(values, 1, values.length));
            }
            if (sampling.penalises() && history.length > 0) {
                int from = Math.max(0, history.length - sampling.penaltyWindow());
                int[] recent = Arrays.copyOfRange(history, from, history.length);
                window = MlxArray.of(recent, 1, recent.length).detach();
            }
        } catch (Throwable e) {
            close();
            throw e;
        }
    }

    /**
     * Draws the next token.
     *
     * @param logits [1, vocabulary]
     * @return the id, uint32 [1]; a temporary of the current scope
     */
    MlxArray sample(MlxArray logits) {
        MlxArray token = draw(logits);
        if (sampling.penalises()) {
            remember(token);
        }
        return token;
    }

    private MlxArray draw(MlxArray logits) {
        MlxArray adjusted = adjusted(logits);
        MlxArray token = sampling.temperature() == 0
                ? Ops.argmax(adjusted, -1, false)
                : Random.categorical(narrowed(adjusted), nextKey());
        if (logprobs != null) {
            logprobs.queue(adjusted, token);
        }
        return token;
    }

    /**
     * Draws a token from each row, as if they were drawn one behind the other. {@link #keepRows} has to be called next.
     *
     * @param logits [rows, vocabulary]
     * @return [rows], a temporary of the current scope
     */
    MlxArray sampleRows(MlxArray logits) {
        rows = logits.dim(0);
        if (drawsLike(this)) {
            return together(Collections.nCopies(rows, this), logits);
        }
        MlxArray[] tokens = new MlxArray[rows];
        for (int i = 0; i < rows; i++) {
            tokens[i] = sample(Indexing.slice(logits, 0, i, i + 1));
            if (window != null) {
                windowsOfRows.add(Indexing.slice(window, 1, 0, window.dim(1)).detach());
            }
        }
        return Indexing.concatenate(0, tokens);
    }

    /** Goes back to where the first of the rows that were drawn together were drawn, and no more. */
    void keepRows(int count) {
        drawn -= sampling.temperature() == 0 ? 0 : rows - count;
        if (logprobs != null) {
            logprobs.drop(rows - count);
        }
        if (!windowsOfRows.isEmpty()) {
            window.close();
            window = windowsOfRows.remove(count - 1);
        }
        closeWindowsOfRows();
    }

    private void closeWindowsOfRows() {
        windowsOfRows.forEach(MlxArray::close);
        windowsOfRows.clear();
    }

    private MlxArray nextKey() {
        return Random.key(mix(sampling.seed(), drawn++));
    }

    /** Whether rows of both can be drawn together; see {@link #together}. */
    boolean drawsLike(Sampler other) {
        return sampling.drawsLike(other.sampling);
    }

    /**
     * Draws the next token of several rows in one set of operations, each the one that its sampler alone draws.
     *
     * @param samplers which draw alike
     * @param logits [rows, vocabulary], a row for each of them
     * @return [rows], a temporary of the current scope
     */
    static MlxArray together(List<Sampler> samplers, MlxArray logits) {
        Sampler first = samplers.getFirst();
        if (first.sampling.temperature() == 0) {
            return Ops.argmax(logits, -1, false);
        }
        MlxArray[] keys = samplers.stream().map(Sampler::nextKey).toArray(MlxArray[]::new);
        return Random.categorical(first.narrowed(logits), keys);
    }

    /** To be called once for each token that was drawn, when it is read. */
    void recordRead() {
        if (logprobs != null) {
            logprobs.read();
        }
    }

    /** Log-probabilities of the tokens that were read; empty if they were not asked for. */
    List<TokenLogprob> logprobs() {
        return logprobs == null ? List.of() : logprobs.all();
    }

    /** The log-probabilities that are drawn from, up to a constant: [1, vocabulary]. */
    MlxArray distribution(MlxArray logits) {
        return narrowed(adjusted(logits));
    }

    /** What is likely enough, divided by the temperature. None of it needs the sum of all: constants go with a row. */
    private MlxArray narrowed(MlxArray adjusted) {
        MlxArray logprobs = adjusted;
        if (sampling.topP() > 0 && sampling.topP() < 1) {
            logprobs = topP(logprobs);
        }
        if (sampling.minP() > 0) {
            MlxArray least = Ops.add(Ops.max(logprobs, -1, true), Math.log(sampling.minP()));
            logprobs = dropWhere(Ops.less(logprobs, least), logprobs);
        }
        if (sampling.xtcProbability() > 0) {
            logprobs = xtc(logprobs);
        }
        if (sampling.topK() > 0 && sampling.topK() < logprobs.dim(-1)) {
            logprobs = topK(logprobs);
        }
        return Ops.multiply(logprobs, 1 / sampling.temperature());
    }

    private MlxArray adjusted(MlxArray logits) {
        MlxArray adjusted = logits;
        if (biasIds != null) {
            adjusted = Indexing.scatterAddAlong(adjusted, biasIds, Ops.astype(biasValues, adjusted.dtype()), -1);
        }
        if (window == null) {
            return adjusted;
        }
        if (sampling.repetitionPenalty() != 1) {
            MlxArray recent = Indexing.takeAlong(adjusted, window, -1);
            MlxArray zero = MlxArray.scalar(0, adjusted.dtype());
            MlxArray penalised = Ops.where(
                    Ops.less(recent, zero),
                    Ops.multiply(recent, sampling.repetitionPenalty()),
                    Ops.divide(recent, sampling.repetitionPenalty()));
            adjusted = Indexing.putAlong(adjusted, window, penalised, -1);
        }
        if (sampling.presencePenalty() != 0) {
            MlxArray recent = Indexing.takeAlong(adjusted, window, -1);
            adjusted = Indexing.putAlong(adjusted, window, Ops.add(recent, -sampling.presencePenalty()), -1);
        }
        if (sampling.frequencyPenalty() != 0) {
            MlxArray each = Indexing.full(
                    MlxArray.scalar(-sampling.frequencyPenalty(), adjusted.dtype()), adjusted.dtype(), window.shape());
            adjusted = Indexing.scatterAddAlong(adjusted, window, each, -1);
        }
        return adjusted;
    }

    /** Keeps the likeliest tokens until their mass reaches top_p of all; ties at the edge stay. */
    private MlxArray topP(MlxArray logprobs) {
        MlxArray sorted = Ops.sort(logprobs, -1);
        MlxArray greatest = Indexing.slice(sorted, -1, sorted.dim(-1) - 1, sorted.dim(-1));
        MlxArray probabilities = Ops.exp(Ops.astype(Ops.subtract(sorted, greatest), DType.FLOAT32));
        MlxArray massAbove = Ops.cumsum(probabilities, -1, true, false);
        MlxArray total = Ops.sum(probabilities, -1, true);
        MlxArray dropped = Ops.greaterEqual(massAbove, Ops.multiply(total, sampling.topP()));
        MlxArray count = Ops.sum(Ops.astype(dropped, DType.INT32), -1, true);
        return dropWhere(Ops.less(logprobs, Indexing.takeAlong(sorted, count, -1)), logprobs);
    }

    private MlxArray topK(MlxArray logprobs) {
        int size = logprobs.dim(-1);
        MlxArray order = Ops.argpartition(Ops.negative(logprobs), sampling.topK() - 1, -1);
        MlxArray rest = Indexing.slice(order, -1, sampling.topK(), size);
        return Indexing.putAlong(logprobs, rest, minusInfinity(logprobs), -1);
    }

    /** Excludes all tokens above the threshold but the least likely of them, as often as the probability says. */
    private MlxArray xtc(MlxArray logprobs) {
        if (sampling.xtcProbability() < 1
                && new SplittableRandom(mix(~sampling.seed(), drawn)).nextDouble() > sampling.xtcProbability()) {
            return logprobs;
        }
        MlxArray probabilities = Ops.softmax(logprobs, -1, false);
        MlxArray threshold = MlxArray.scalar(sampling.xtcThreshold(), probabilities.dtype());
        MlxArray none = MlxArray.scalar(Double.POSITIVE_INFINITY, probabilities.dtype());
        MlxArray above = Ops.where(Ops.greater(probabilities, threshold), probabilities, none);
        return dropWhere(Ops.greater(probabilities, Ops.min(above, -1, true)), logprobs);
    }

    private static MlxArray dropWhere(MlxArray condition, MlxArray logprobs) {
        return Ops.where(condition, minusInfinity(logprobs), logprobs);
    }

    private static MlxArray minusInfinity(MlxArray like) {
        return MlxArray.scalar(Double.NEGATIVE_INFINITY, like.dtype());
    }

    /** The window slides on the device: its length never grows over the limit. */
    private void remember(MlxArray token) {
        MlxArray last = Indexing.reshape(Ops.astype(token, DType.INT32), 1, 1);
        MlxArray longer = window == null ? last : Indexing.concatenate(1, window, last);
        int length = longer.dim(1);
        if (length > sampling.penaltyWindow()) {
            longer = Indexing.slice(longer, 1, length - sampling.penaltyWindow(), length);
        }
        if (window != null) {
            window.close();
        }
        window = longer.detach();
    }

    /** A key for each draw, well spread for neighbouring seeds and draws (the finaliser of SplitMix64). */
    private static long mix(long seed, long draw) {
        long z = seed * 0x9E3779B97F4A7C15L + draw * 0xD1B54A32D192ED03L + 0x2545F4914F6CDD1DL;
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }

    private MlxArray keep(MlxArray array) {
        owned.add(array.detach());
        return array;
    }

    @Override
    public void close() {
        owned.forEach(MlxArray::close);
        if (logprobs != null) {
            logprobs.close();
        }
        if (window != null) {
            window.close();
        }
        closeWindowsOfRows();
    }
}
