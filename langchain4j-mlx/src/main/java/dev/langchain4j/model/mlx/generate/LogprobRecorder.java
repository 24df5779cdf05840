package dev.langchain4j.model.mlx.generate;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.Logits;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.mlx.Scope;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * Collects log-probabilities of drawn tokens. What a step computes for them is queued with it, and read when its token
 * is read, so that the next step need not wait. Source: {@code generate_step} of mlx-lm.
 */
final class LogprobRecorder implements AutoCloseable {
    /** Of one step; {@code ids} and {@code values} are null where no other tokens were asked for. */
    private record Pending(MlxArray token, MlxArray chosen, MlxArray ids, MlxArray values) {
        private Pending detach() {
            token.detach();
            chosen.detach();
            if (ids != null) {
                ids.detach();
                values.detach();
            }
            return this;
        }

        private void close() {
            token.close();
            chosen.close();
            if (ids != null) {
                ids.close();
                values.close();
            }
        }
    }

    private final int top;
    private final ArrayDeque<Pending> pending = new ArrayDeque<>();
    private final List<TokenLogprob> read = new ArrayList<>();

    /**
     * An empty recorder.
     *
     * @param top how many of the likeliest tokens are recorded beside the one that was drawn
     */
    LogprobRecorder(int top) {
        this.top = top;
    }

    /** Of each row as many as one of these recorders records, and what their log-probabilities need. */
    static Logits.Likeliest likeliest(MlxArray logits, List<LogprobRecorder> recorders) {
        int most = recorders.stream().mapToInt(recorder -> recorder.top).max().orElseThrow();
        return Logits.likeliest(logits, Math.min(Math.max(most, 1), logits.dim(-1)));
    }

    /**
     * Notes a step.
     *
     * @param logits what the token was drawn from, with bias and penalties, [1, vocabulary]
     * @param token its id, [1]
     * @param likeliest of rows of which this one is one, from {@link #likeliest}
     */
    void queue(MlxArray logits, MlxArray token, Logits.Likeliest likeliest, int row) {
        MlxArray sum = Indexing.slice(likeliest.logSum(), 0, row, row + 1);
        MlxArray index = Indexing.reshape(Ops.astype(token, DType.INT32), 1, 1);
        MlxArray single = Ops.astype(Indexing.takeAlong(logits, index, -1), DType.FLOAT32);
        MlxArray chosen = Ops.subtract(single, sum);
        MlxArray ids = null;
        MlxArray values = null;
        if (top > 0) {
            int[] from = {row, 0};
            int[] to = {row + 1, Math.min(top, logits.dim(-1))};
            ids = Indexing.slice(likeliest.ids(), from, to);
            values = Ops.subtract(Indexing.slice(likeliest.logits(), from, to), sum);
        }
        // all are made before the first leaves its scope, so that a failure leaves none behind
        pending.add(new Pending(index, chosen, ids, values).detach());
    }

    /** Adds what the steps that are not read yet compute, so that it is computed together with their tokens. */
    void addQueued(List<MlxArray> results) {
        for (Pending step : pending) {
            results.add(step.chosen);
            if (step.ids != null) {
                results.add(step.ids);
                results.add(step.values);
            }
        }
    }

    /** Forgets the steps that were queued last. */
    void drop(int steps) {
        for (int i = 0; i < steps; i++) {
            pending.removeLast().close();
        }
    }

    /** The token of the step that was queued last is this one instead, and was certain: nothing else could be drawn. */
    void replaceLast(int token) {
        drop(1);
        try (Scope scope = Scope.open()) {
            MlxArray id = MlxArray.of(new int[] {token}, 1, 1);
            MlxArray chosen = MlxArray.of(new float[] {0}, 1, 1);
            MlxArray ids = top > 0 ? MlxArray.of(new int[] {token}, 1, 1) : null;
            MlxArray values = top > 0 ? MlxArray.of(new float[] {0}, 1, 1) : null;
            pending.add(new Pending(id, chosen, ids, values).detach());
        }
    }

    /** Reads the step that was queued first. */
    void read() {
        Pending step = pending.remove();
        try {
            List<TokenLogprob> likeliest = new ArrayList<>();
            if (step.ids != null) {
                int[] ids = step.ids.eval().toInts();
                float[] values = step.values.eval().toFloats();
                // what a grammar excludes is no alternative
                for (int i = 0; i < ids.length && values[i] > Float.NEGATIVE_INFINITY; i++) {
                    likeliest.add(new TokenLogprob(ids[i], values[i], List.of()));
                }
                likeliest.sort(
                        Comparator.comparing(TokenLogprob::logprob).reversed().thenComparing(TokenLogprob::id));
            }
            read.add(new TokenLogprob(
                    step.token.eval().toInts()[0], step.chosen.eval().toFloats()[0], List.copyOf(likeliest)));
        } finally {
            step.close();
        }
    }

    /** All that were read, in the order of their steps. */
    List<TokenLogprob> all() {
        return List.copyOf(read);
    }

    @Override
    public void close() {
        pending.forEach(Pending::close);
        pending.clear();
    }
}
