package dev.langchain4j.model.mlx.generate;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.Logits;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.mlx.Scope;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;

/**
 * Draws tokens on the device, lazily, so that the next step can be queued before the last token is known. Owns the
 * window of recent tokens that penalties look at. Used on the model's thread, one sampler a request.
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
        return together(List.of(this), logits);
    }

    /**
     * Draws a token from each row, as if they were drawn one behind the other. {@link #keepRows} has to be called next.
     *
     * @param logits [rows, vocabulary]
     * @return [rows], a temporary of the current scope
     */
    MlxArray sampleRows(MlxArray logits) {
        rows = logits.dim(0);
        if (!sampling.penalises()) {
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
        drawn -= rows - count;
        if (logprobs != null) {
            logprobs.drop(rows - count);
        }
        if (!windowsOfRows.isEmpty()) {
            window.close();
            window = windowsOfRows.remove(count - 1);
        }
        closeWindowsOfRows();
    }

    /** The token that was drawn last, and not read yet, is this one instead: it was not the draw's choice. */
    void replaceLast(int token) {
        if (logprobs != null) {
            logprobs.replaceLast(token);
        }
        if (window != null) {
            try (Scope scope = Scope.open()) {
                MlxArray last = MlxArray.of(new int[] {token}, 1, 1);
                int before = window.dim(1) - 1;
                MlxArray replaced = before == 0
                        ? last.detach()
                        : Indexing.concatenate(1, Indexing.slice(window, 1, 0, before), last)
                                .detach();
                window.close();
                window = replaced;
            }
        }
    }

    private void closeWindowsOfRows() {
        windowsOfRows.forEach(MlxArray::close);
        windowsOfRows.clear();
    }

    /**
     * Draws the next token of several rows in one set of operations, whatever their settings are: each the one that its
     * sampler alone draws.
     *
     * @param logits [rows, vocabulary], a row for each sampler
     * @return uint32 [rows], a temporary of the current scope
     */
    static MlxArray together(List<Sampler> samplers, MlxArray logits) {
        MlxArray adjusted = adjusted(samplers, logits);
        MlxArray tokens =
                Logits.draw(adjusted, samplers.stream().map(Sampler::nextDraw).toList());
        List<LogprobRecorder> recorders = samplers.stream()
                .map(sampler -> sampler.logprobs)
                .filter(Objects::nonNull)
                .toList();
        Logits.Likeliest likeliest = recorders.isEmpty() ? null : LogprobRecorder.likeliest(adjusted, recorders);
        for (int i = 0; i < samplers.size(); i++) {
            Sampler sampler = samplers.get(i);
            if (sampler.logprobs != null) {
                sampler.logprobs.queue(row(adjusted, i), row(tokens, i), likeliest, i);
            }
            if (sampler.sampling.penalises()) {
                sampler.remember(row(tokens, i));
            }
        }
        return tokens;
    }

    private static MlxArray adjusted(List<Sampler> samplers, MlxArray logits) {
        if (samplers.stream().noneMatch(Sampler::adjusts)) {
            return logits;
        }
        MlxArray[] rows = new MlxArray[samplers.size()];
        for (int i = 0; i < rows.length; i++) {
            rows[i] = samplers.get(i).adjusted(row(logits, i));
        }
        return rows.length == 1 ? rows[0] : Indexing.concatenate(0, rows);
    }

    private static MlxArray row(MlxArray rows, int i) {
        return rows.dim(0) == 1 ? rows : Indexing.slice(rows, 0, i, i + 1);
    }

    private Logits.Draw nextDraw() {
        double threshold = excludes() ? sampling.xtcThreshold() : -1;
        long key = mix(sampling.seed(), drawn++);
        return new Logits.Draw(
                sampling.temperature(), sampling.topP(), sampling.topK(), sampling.minP(), threshold, key);
    }

    /**
     * Guesses what will be drawn from logits that are about those of a draw to come: with its key, so that the noise is
     * the same, and without what narrows the choice.
     *
     * @param logits [1, vocabulary]
     * @param ahead number of draws that come before
     * @return uint32 [1]
     */
    MlxArray guess(MlxArray logits, int ahead) {
        long key = mix(sampling.seed(), drawn + ahead);
        return Logits.draw(logits, List.of(new Logits.Draw(sampling.temperature(), 0, 0, 0, -1, key)));
    }

    /** Whether XTC excludes the likeliest tokens of this draw: as often as its probability says. */
    private boolean excludes() {
        double probability = sampling.xtcProbability();
        return probability == 1
                || probability > 0 && new SplittableRandom(mix(~sampling.seed(), drawn)).nextDouble() <= probability;
    }

    /** Adds what the steps that are not read yet compute besides their tokens. */
    void addQueued(List<MlxArray> results) {
        if (logprobs != null) {
            logprobs.addQueued(results);
        }
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
        return Logits.narrowed(adjusted(logits), List.of(nextDraw()));
    }

    /** Whether it changes logits before it draws. */
    private boolean adjusts() {
        return biasIds != null || window != null;
    }

    private MlxArray adjusted(MlxArray logits) {
        MlxArray adjusted = logits;
        if (biasIds != null) {
            // In half precision a large bias would round the differences between logits away.
            adjusted = Indexing.scatterAddAlong(Ops.astype(logits, DType.FLOAT32), biasIds, biasValues, -1);
        }
        if (window == null) {
            return adjusted;
        }
        if (sampling.repetitionPenalty() != 1 || sampling.presencePenalty() != 0) {
            MlxArray recent = Indexing.takeAlong(adjusted, window, -1);
            if (sampling.repetitionPenalty() != 1) {
                recent = Ops.where(
                        Ops.less(recent, MlxArray.scalar(0, adjusted.dtype())),
                        Ops.multiply(recent, sampling.repetitionPenalty()),
                        Ops.divide(recent, sampling.repetitionPenalty()));
            }
            if (sampling.presencePenalty() != 0) {
                recent = Ops.add(recent, -sampling.presencePenalty());
            }
            adjusted = Indexing.putAlong(adjusted, window, recent, -1);
        }
        if (sampling.frequencyPenalty() != 0) {
            MlxArray each = Indexing.full(
                    MlxArray.scalar(-sampling.frequencyPenalty(), adjusted.dtype()), adjusted.dtype(), window.shape());
            adjusted = Indexing.scatterAddAlong(adjusted, window, each, -1);
        }
        return adjusted;
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
